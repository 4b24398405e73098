"""What the entries are made of."""

from __future__ import annotations

from typing import Any

NOW = 1_795_014_300  # 2026-11-18 15:05 UTC
Json = dict[str, Any]
Case = tuple[str, Json, Json]  # what it is about, the entry as Statsig answers it, options of the instance


def raw(action: str, name: str, changes: Json | None = None, **fields: Any) -> Json:
    """An entry of 15:04 UTC, by Jane Doe."""
    return {
        'id': '3kPvQ0rT9uVbXcYdZeFgHh',
        'name': name,
        'actionType': action,
        'changeLog': '',
        'date': 'Wed Nov 18 2026',
        'time': '15:04:00 GMT+0000 (Coordinated Universal Time)',
        'updatedBy': 'Jane Doe',
        'updatedByUserID': '4eoDlYj7svJixZfDsYSn',
        'modifierEmail': 'jane.doe@example.com',
        'changes': changes or {},
        'tags': [],
        **fields,
    }


def rule(name: str = 'beta users', rule_id: str = 'rule1', **fields: Any) -> Json:
    """A rule as the Console API answers it."""
    return {
        'id': rule_id,
        'name': name,
        'passPercentage': 10,
        'conditions': [{'type': 'public'}],
        'environments': ['development', 'staging'],
        **fields,
    }


def log_rule(name: str = 'test', **fields: Any) -> Json:
    """A rule as the audit log's documented example has it."""
    return {
        'groupName': name,
        'percentagePass': 100,
        'conditionJSON': [{'conditionType': 1, 'operator': 0, 'value': ['1'], 'extraConfig': {}}],
        'returnValueJSON': 'true',
        'id': 'BfGswoMDcsZ4y9Le1d9O',
        'salt': '8df8n90p-d9bj-1l23-c9bl-1m022n9bzps8',
        'environment': 'production',
        'rollouts': [],
        **fields,
    }


def changed(old: Any, new: Any) -> Json:
    return {'old': old, 'new': new}
