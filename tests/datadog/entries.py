"""Audit-log entries as Statsig answers them, for the golden events: (what the case is about, raw entry, options)."""

from __future__ import annotations

from typing import Any

NOW = 1_795_014_300  # 2026-11-18 15:05 UTC
Json = dict[str, Any]


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
    return {
        'id': rule_id,
        'name': name,
        'passPercentage': 10,
        'conditions': [{'type': 'public'}],
        'environments': ['development', 'staging'],
        **fields,
    }


def changed(old: Any, new: Any) -> Json:
    return {'old': old, 'new': new}


_EXAMPLE_RULE: Json = {
    'groupName': 'test',
    'percentagePass': 100,
    'conditionJSON': [{'conditionType': 1, 'operator': 0, 'value': ['1'], 'extraConfig': {}}],
    'returnValueJSON': 'true',
    'id': 'BfGswoMDcsZ4y9Le1d9O',
    'salt': '8df8n90p-d9bj-1l23-c9bl-1m022n9bzps8',
    'environment': 'production',
    'rollouts': [],
}
_DOCUMENTED: Json = {
    'id': '25KPZcLjTY7AS1uZdBolPZ',
    'name': 'test_gate_1',
    'changeLog': 'Created Gate',
    'actionType': 'gate_create',
    'date': 'Mon Sep 26 2022',
    'time': '23:46:14 GMT+0000 (Coordinated Universal Time)',
    'updatedBy': 'Jane Doe',
    'updatedByUserID': '4eoDlYj7svJixZfDsYSn',
    'changes': {
        'rules': changed(
            [_EXAMPLE_RULE | {'enabledEnvironments': ['development', 'staging']}],
            [_EXAMPLE_RULE | {'enabledEnvironments': ['development', 'staging', 'production']}],
        )
    },
}
_DOCUMENTED_TAG: Json = {
    'id': '19LZJaPtCM4GT1sUbWlqVC',
    'name': 'check_employee',
    'changeLog': 'Removed Tag from Config',
    'actionType': 'config_remove_tag',
    'date': 'Mon Sep 26 2022',
    'time': '21:25:22 GMT+0000 (Coordinated Universal Time)',
    'updatedBy': 'John Doe',
    'updatedByUserID': 'fd7dWH15Ddncvl3xhVLH',
    'changes': {},
}

CASES: list[tuple[str, Json, Json]] = [
    ("the documentation's first example, years late", _DOCUMENTED, {}),
    ("the documentation's second example", _DOCUMENTED_TAG, {}),
    (
        "the documentation's third example",
        _DOCUMENTED_TAG | {'id': '76LGVrItCR9WE1iDfNmpHT', 'time': '21:25:18 GMT+0000'},
        {},
    ),
    (
        'a gate switched off, with everything that joins it up',
        raw(
            'config_state_toggle',
            'checkout_v2',
            {'isEnabled': changed(True, False)},
            changeLog='Updated Gate',
            tags=['Payments', '* Core'],
            targetAppIDs=['web'],
        ),
        {'rules': [{'match': 'gate:checkout_*', 'tags': ['service:checkout', 'team:payments']}], 'tags': ['env:prod']},
    ),
    (
        'a dynamic config switched on, told by the text alone',
        raw('config_state_toggle', 'banner', changeLog='Enabled Dynamic Config'),
        {},
    ),
    (
        'a rollout widened and brought to production',
        raw(
            'config_conditions_update',
            'checkout_v2',
            {
                'rules': changed(
                    [rule()], [rule(passPercentage=50, environments=['development', 'staging', 'production'])]
                )
            },
            changeLog='Updated Gate rules',
        ),
        {},
    ),
    (
        'rules added, removed, renamed and put in another order',
        raw(
            'gate_update',
            'search_ranking',
            {
                'rules': changed(
                    [rule('staff', 'r1'), rule('beta', 'r2'), rule('old crew', 'r3'), rule('rest', 'r4')],
                    [
                        rule('beta', 'r2'),
                        rule('employees', 'r1'),
                        rule('rest', 'r4'),
                        rule(
                            'EU',
                            'r5',
                            passPercentage=0.5,
                            environments=None,
                            conditions=[
                                {'type': 'country', 'operator': 'any', 'targetValue': ['DE', 'FR']},
                                {'type': 'email', 'operator': 'str_contains_none', 'targetValue': ['@rival.com']},
                            ],
                        ),
                    ],
                )
            },
        ),
        {},
    ),
    (
        'conditions of both forms changed',
        raw(
            'config_conditions_update',
            'new_nav',
            {
                'rules': changed(
                    [
                        rule(conditions=[{'type': 'app_version', 'operator': 'version_gt', 'targetValue': '1.2.0'}]),
                        _EXAMPLE_RULE,
                    ],
                    [
                        rule(
                            conditions=[
                                {'type': 'app_version', 'operator': 'version_gte', 'targetValue': '2.0.0'},
                                {
                                    'type': 'custom_field',
                                    'field': 'plan',
                                    'operator': 'any',
                                    'targetValue': ['pro', 'team'],
                                },
                                {'type': 'passes_gate', 'targetValue': 'kill_switch'},
                                {'type': 'time', 'operator': 'after', 'targetValue': 1_795_000_000_000},
                            ]
                        ),
                        _EXAMPLE_RULE
                        | {
                            'conditionJSON': [{'conditionType': 7, 'operator': 2, 'value': ['x'], 'field': 'level'}],
                            'salt': 'new',
                        },
                    ],
                )
            },
        ),
        {},
    ),
    (
        "a dynamic config's default value, as text of JSON",
        raw(
            'config_default_value_update',
            'banner',
            {
                'defaultValueJson5': changed(
                    '{"color": "red", "size": {"width": 10, "height": 4}, "old": true}',
                    '{"color": "blue", "size": {"width": 12, "height": 4}, "isNew": "true"}',
                )
            },
        ),
        {},
    ),
    (
        'groups of an experiment',
        raw(
            'experiment_edit',
            'cta_wording',
            {
                'allocation': changed(20, 100),
                'groups': changed(
                    [
                        {'id': 'g1', 'name': 'Control', 'size': 50, 'parameterValues': {'cta_text': 'Buy'}},
                        {'id': 'g2', 'name': 'Test', 'size': 50, 'parameterValues': {'cta_text': 'Get it'}},
                    ],
                    [
                        {'id': 'g1', 'name': 'Control', 'size': 34, 'parameterValues': {'cta_text': 'Buy'}},
                        {'id': 'g2', 'name': 'Test', 'size': 33, 'parameterValues': {'cta_text': 'Get it now'}},
                        {'id': 'g3', 'name': 'Third', 'size': 33, 'parameterValues': {'cta_text': 'Yours'}},
                    ],
                ),
                'hypothesis': changed('More people buy', 'More people buy sooner'),
            },
        ),
        {},
    ),
    ('an experiment started', raw('experiment_start', 'cta_wording', {'status': changed('setup', 'active')}), {}),
    (
        'an experiment abandoned',
        raw('experiment_abandon', 'cta_wording', changeLog='Abandoned: sample ratio mismatch'),
        {},
    ),
    (
        'an experiment decided',
        raw(
            'experiment_decision_make',
            'cta_wording',
            {'launchedGroupID': changed(None, 'g2'), 'decisionReason': changed(None, '+2 % orders')},
        ),
        {},
    ),
    (
        'overrides',
        raw(
            'gate_overrides_update',
            'checkout_v2',
            {
                'overrides': changed(
                    {
                        'passingUserIDs': ['u1'],
                        'environmentOverrides': [{'environment': 'staging', 'passingIDs': ['7']}],
                    },
                    {
                        'passingUserIDs': ['u1', 'u2'],
                        'environmentOverrides': [{'environment': 'staging', 'passingIDs': ['7', '8']}],
                    },
                )
            },
        ),
        {},
    ),
    (
        'owner, tags and description',
        raw(
            'gate_update',
            'checkout_v2',
            {
                'owner': changed(
                    {'ownerName': 'Jane Doe', 'ownerEmail': 'jane.doe@example.com'}, {'ownerName': 'John Roe'}
                ),
                'tags': changed(['beta', 'web'], ['web', 'core']),
                'description': changed('', 'New checkout'),
            },
        ),
        {},
    ),
    (
        'the same, people hidden',
        raw(
            'gate_update',
            'checkout_v2',
            {
                'owner': changed(
                    {'ownerName': 'Jane Doe', 'ownerEmail': 'jane.doe@example.com'}, {'ownerName': 'John Roe'}
                ),
                'description': changed('', 'Ask jane_doe, John Roe or ops@example.com'),
            },
        ),
        {'hide_author': True},
    ),
    (
        'reviewers, people hidden',
        raw('config_allowed_reviewers_update', 'checkout_v2', changeLog='Added Mary Major'),
        {'hide_author': True},
    ),
    (
        'a review accepted',
        raw('config_review_accept', 'checkout_v2', changeLog='Accepted review of Gate: looks good'),
        {},
    ),
    ('a change rolled back', raw('config_revert', 'checkout_v2', changeLog='Reverted Gate to version 12'), {}),
    ('a gate deleted', raw('config_delete', 'old_gate', changeLog='Deleted Gate'), {}),
    ('a holdout created', raw('holdout_create', 'h2_holdout', {'passPercentage': changed(None, 5)}), {}),
    ('a segment filled', raw('ID_list_update', 'vip', {'count': changed(1200, 1350)}), {}),
    (
        'a layer',
        raw(
            'layer_parameters_edit',
            'home_page',
            {'parameters': changed([{'name': 'rows', 'defaultValue': 3}], [{'name': 'rows', 'defaultValue': 4}])},
        ),
        {},
    ),
    ('an SDK key', raw('sdk_key_deactivate', 'server key 2'), {}),
    ('single sign-on off', raw('SSO_disable', ''), {}),
    ('a role', raw('user_role_update', 'John Roe', {'role': changed('Member', 'Admin')}), {}),
    ('a log-in', raw('user_login', '', changeLog='Logged in with SSO'), {}),
    (
        'a metric',
        raw('metric_edit_definition', 'Checkout conversion', {'numeratorEvent': changed('buy', 'purchase')}),
        {},
    ),
    ('billing', raw('set_plan_type', 'Example Inc.', {'planType': changed('pro', 'enterprise')}), {}),
    ('the integration switched off', raw('integration_set_enabled', 'Datadog', {'enabled': changed(True, False)}), {}),
    ('an action type that is yet to come', raw('rotate_quantum_gate_seed', 'q1', changeLog='Seed rotated'), {}),
    ('a kind that is yet to come', raw('frobnicator_create', 'f1'), {}),
    (
        'a text of several lines, written by somebody who means harm',
        raw(
            'gate_create',
            'x](http://evil) **y** <img src=x>\n%%%',
            changeLog='# Created\n\n%%%\n<script>alert(1)</script>\n@all-hands look\r\n1. [free](http://evil) `code`',
        ),
        {},
    ),
    ('dated in the future', raw('gate_create', 'checkout_v3', date='Thu Nov 19 2026'), {}),
]
