"""What is in the sandbox project at the beginning: gates, experiments, configs, … as the Console API lists them."""

from __future__ import annotations

import random
from typing import Any

from statsig.sandbox.dice import opaque_id
from statsig.sandbox.names import team_of
from statsig.sandbox.people import PEOPLE, Person
from statsig.sandbox.rules import ENVIRONMENTS, condition, rule

JsonObject = dict[str, Any]

DAY_MS = 86_400_000
TARGET_APPS = ('web', 'ios', 'android', 'backend')
TAGS = ('★ Core', 'checkout', 'revenue', 'cleanup 2026', 'kill-switch', 'mobile')

# status, type, typeReason: gates take these turns, so that a dozen gates have one of each.
GATE_LIVES = (
    ('In Progress', 'TEMPORARY', 'NONE'),
    ('In Progress', 'TEMPORARY', 'NONE'),
    ('In Progress', 'PERMANENT', 'NONE'),
    ('In Progress', 'STALE', 'STALE_PROBABLY_FORGOTTEN'),
    ('In Progress', 'TEMPORARY', 'NONE'),
    ('Launched', 'STALE', 'STALE_PROBABLY_LAUNCHED'),
    ('Disabled', 'TEMPORARY', 'NONE'),
    ('In Progress', 'TEMPORARY', 'NONE'),
    ('In Progress', 'STALE', 'STALE_EMPTY_CHECKS'),
    ('Launched', 'PERMANENT', 'NONE'),
    ('Archived', 'TEMPORARY', 'NONE'),
    ('Disabled', 'STALE', 'STALE_ALL_FALSE'),
)
UNCHECKED = ('STALE_EMPTY_CHECKS', 'STALE_PROBABLY_DEAD_CHECK')

# status, health: likewise for experiments.
EXPERIMENT_LIVES = (
    ('active', 'PASSED'),
    ('active', 'FAILED'),
    ('setup', 'WAITING'),
    ('decision_made', 'PASSED'),
    ('active', 'WARNING'),
    ('active', 'WAITING'),
    ('experiment_stopped', 'PASSED'),
    ('abandoned', 'FAILED'),
    ('assignment_stopped', 'PASSED'),
    ('archived', 'PASSED'),
)
RUNNING = ('active',)
STARTED_ONCE = ('active', 'decision_made', 'experiment_stopped', 'abandoned', 'assignment_stopped', 'archived')

_HEALTH_TEXTS = {
    'PASSED': 'Exposures are split as the group sizes say.',
    'FAILED': 'The split differs from the group sizes (p < 0.001): a sample ratio mismatch.',
    'WAITING': 'This experiment has not recorded enough exposures yet.',
    'WARNING': 'One group receives fewer exposures than expected.',
}


def written_by(rng: random.Random, now: float, author: Person | None = None) -> JsonObject:
    """The fields about who made a thing and who changed it last: 10 to 400 days ago, or by `author` right now."""
    creator = author or rng.choice(PEOPLE)
    age = 0 if author else rng.randrange(10 * DAY_MS, 400 * DAY_MS)
    created = int(now * 1000) - age
    return {
        'lastModifierID': creator.id,
        'lastModifiedTime': created,
        'lastModifierName': creator.name,
        'lastModifierEmail': creator.email,
        'creatorID': creator.id,
        'createdTime': created,
        'creatorName': creator.name,
        'creatorEmail': creator.email,
    }


def _common(rng: random.Random, name: str, now: float, author: Person | None) -> JsonObject:
    return {
        'id': name,
        'name': name,
        'description': f'{name.replace("_", " ").capitalize()}.',
        'idType': 'userID',
        **written_by(rng, now, author),
        'targetApps': rng.sample(TARGET_APPS, rng.choice((0, 1, 1, 2))),
        'holdoutIDs': [],
        'tags': rng.sample(TAGS, rng.choice((0, 0, 1, 1, 2))),
        'team': team_of(name),
        'version': 1,
    }


def _owner(of: JsonObject) -> JsonObject:
    return {
        'ownerID': of['creatorID'],
        'ownerType': 'USER',
        'ownerName': of['creatorName'],
        'ownerEmail': of['creatorEmail'] or '',
    }


def starting_rules(rng: random.Random, share: float) -> list[JsonObject]:
    """Staff first, then a share of everybody in production."""
    return [
        rule(rng, 'employees', 100, [condition('email', 'str_contains_any', ['@example.com'])]),
        rule(rng, 'everyone', share, [condition('public')], environments=['production']),
    ]


def gate(rng: random.Random, name: str, turn: int, now: float, author: Person | None = None) -> JsonObject:
    """A gate; `turn` chooses among GATE_LIVES. `checksPerHour` is filled in when it is served."""
    status, kind, reason = GATE_LIVES[turn % len(GATE_LIVES)]
    share = {'Launched': 100, 'Disabled': 0}.get(status, rng.choice((1, 5, 10, 10, 25, 50)))
    common = _common(rng, name, now, author)
    return {
        **common,
        'isEnabled': status not in ('Disabled', 'Archived'),
        'status': status,
        'rules': starting_rules(rng, share),
        'checksPerHour': 0,
        'type': kind,
        'typeReason': reason,
        'reviewSettings': {'requiredReview': False, 'allowedReviewers': []},
        'measureMetricLifts': True,
        'owner': _owner(common),
        'monitoringMetrics': [],
    }


def health_checks(status: str) -> list[JsonObject]:
    return [
        {
            'name': 'Balanced exposures',
            'description': _HEALTH_TEXTS[status],
            'status': status,
            'type': 'has_balanced_exposures',
        }
    ]


def experiment(
    rng: random.Random, name: str, turn: int, layer: str | None, now: float, author: Person | None = None
) -> JsonObject:
    """An experiment; `turn` chooses among EXPERIMENT_LIVES. `layer` is the id of its layer."""
    status, health = EXPERIMENT_LIVES[turn % len(EXPERIMENT_LIVES)]
    common = _common(rng, name, now, author)
    started = common['createdTime'] + DAY_MS if status in STARTED_ONCE else None
    ended = None if started is None or status in RUNNING else started + 7 * DAY_MS
    names = ('Control', 'Test') if turn % 3 else ('Control', 'Short', 'Long')
    groups: list[JsonObject] = [
        {
            'name': group,
            'id': opaque_id(rng),
            'size': round(100 / len(names), 2),
            'parameterValues': {'variant': group.lower()},
            'description': '',
        }
        for group in names
    ]
    return {
        **common,
        'hypothesis': f'{name.replace("_", " ").capitalize()} lifts conversion.',
        'status': status,
        'launchedGroupID': groups[1]['id'] if status == 'decision_made' else None,
        'layerID': layer,
        'groups': groups,
        'controlGroupID': groups[0]['id'],
        'allocation': rng.choice((10, 20, 50, 100)),
        'duration': 14,
        'primaryMetrics': [{'name': 'purchases', 'type': 'event_count', 'direction': 'increase'}],
        'primaryMetricTags': [],
        'secondaryMetrics': [{'name': 'd1_retention_rate', 'type': 'user'}],
        'secondaryMetricTags': [],
        'targetingGateID': '',
        'defaultConfidenceInterval': '95',
        'bonferroniCorrection': False,
        'startTime': started,
        'endTime': ended,
        'decisionTime': ended if status == 'decision_made' else None,
        'decisionReason': 'Significant lift in purchases.' if status == 'decision_made' else None,
        'healthChecks': health_checks(health),
        'healthCheckStatus': health,
        'owner': _owner(common),
        'inlineTargetingRulesJSON': '{}',
    }


def dynamic_config(rng: random.Random, name: str, turn: int, now: float, author: Person | None = None) -> JsonObject:
    status = 'Archived' if turn % 10 == 7 else 'Disabled' if turn % 5 == 2 else 'Enabled'
    common = _common(rng, name, now, author)
    value = {'limit': rng.choice((10, 20, 50)), 'timeout_ms': rng.choice((250, 500, 1000)), 'mode': 'standard'}
    return {
        **common,
        'isEnabled': status == 'Enabled',
        'status': status,
        'rules': [
            rule(
                rng,
                'slow networks',
                100,
                [condition('country', 'any', ['IN', 'BR', 'ZA'])],
                return_value={**value, 'timeout_ms': 2000},
            )
        ],
        'defaultValue': value,
        'owner': _owner(common),
        'isTemplate': False,
    }


def layer(rng: random.Random, name: str, now: float) -> JsonObject:
    return {
        **_common(rng, name, now, None),
        'isImplicitLayer': False,
        'parameters': [
            {'name': 'headline', 'type': 'string', 'defaultValue': 'Welcome'},
            {'name': 'items', 'type': 'number', 'defaultValue': rng.choice((4, 6, 8))},
            {'name': 'show_prices', 'type': 'boolean', 'defaultValue': True},
        ],
    }


def holdout(
    rng: random.Random, name: str, turn: int, gates: list[str], experiments: list[str], layers: list[str], now: float
) -> JsonObject:
    return {
        **_common(rng, name, now, None),
        'isEnabled': turn % 3 != 1,
        'isGlobal': turn == 0,
        'passPercentage': rng.choice((1, 2, 5)),
        'gateIDs': gates,
        'experimentIDs': experiments,
        'layerIDs': layers,
        'targetingGateID': None,
    }


def segment(rng: random.Random, name: str, now: float, author: Person | None = None) -> JsonObject:
    domain = rng.choice(('@example.com', '@example.org', '@partner.example'))
    members = rule(rng, 'members', 100, [condition('email', 'str_contains_any', [domain])])
    return {
        **_common(rng, name, now, author),
        'isEnabled': True,
        'type': 'rule_based',
        'count': rng.randrange(10, 5000),
        'rules': [members],
    }


def environments(rng: random.Random) -> list[JsonObject]:
    return [
        {
            'name': name,
            'id': str(rng.random()),
            'isProduction': name == 'production',
            'requiresReview': False,
            'requiresReleasePipeline': False,
        }
        for name in ENVIRONMENTS
    ]
