"""Rules of gates and dynamic configs, in the two spellings Statsig has for them.

The listings of the Console API say `name`, `passPercentage`, `conditions`; the audit log's `changes.rules` repeats what
Statsig stores: `groupName`, `percentagePass`, `conditionJSON` with numbers for the types.
"""

from __future__ import annotations

import json
import random
import uuid
from typing import Any

from statsig.sandbox.dice import opaque_id

JsonObject = dict[str, Any]

ENVIRONMENTS = ('development', 'staging', 'production')

# The numbers behind the audit log's conditionType are not published; the order of the OpenAPI document's own list of
# types serves as well, as nothing may depend on them.
CONDITION_TYPES = (
    'public',
    'user_id',
    'email',
    'country',
    'app_version',
    'os_name',
    'passes_gate',
    'passes_segment',
    'environment_tier',
)
OPERATORS = ('any', 'none', 'str_contains_any', 'version_gte', 'version_lt')


def condition(kind: str, operator: str | None = None, target: list[str] | None = None) -> JsonObject:
    """One condition of a rule; `public` (everyone) has neither operator nor target."""
    if operator is None or target is None:
        return {'type': kind}
    return {'type': kind, 'operator': operator, 'targetValue': target}


def rule(
    rng: random.Random,
    name: str,
    pass_percentage: float,
    conditions: list[JsonObject],
    environments: list[str] | None = None,
    return_value: JsonObject | None = None,
) -> JsonObject:
    """A rule as the listings show it. `environments` None means all of them."""
    identity = opaque_id(rng)
    written: JsonObject = {
        'name': name,
        'passPercentage': pass_percentage,
        'conditions': conditions,
        'id': identity,
        'baseID': identity,
        'environments': environments,
    }
    if return_value is not None:
        written['returnValue'] = return_value
    return written


def as_audited(rules: list[JsonObject]) -> list[JsonObject]:
    """The same rules as the audit log's `changes.rules` spells them."""
    return [_audited(each) for each in rules]


def _audited(each: JsonObject) -> JsonObject:
    environments = each['environments'] or list(ENVIRONMENTS)
    return {
        'groupName': each['name'],
        'percentagePass': each['passPercentage'],
        'conditionJSON': [
            {
                'conditionType': CONDITION_TYPES.index(part['type']),
                'operator': OPERATORS.index(part.get('operator', 'any')),
                'value': list(part.get('targetValue', [])),
                'extraConfig': {},
            }
            for part in each['conditions']
        ],
        'returnValueJSON': json.dumps(each.get('returnValue', True)),
        'id': each['id'],
        'salt': str(uuid.uuid5(uuid.NAMESPACE_OID, each['id'])),
        'environment': environments[-1],
        'rollouts': [],
        'enabledEnvironments': list(environments),
    }
