"""Gates: switched, rolled out, aimed at other people, overridden, reverted, deleted."""

from __future__ import annotations

from tests.datadog.entries.building import Case, changed, log_rule, raw, rule

_NOON, _NEXT_NOON = 1_795_003_200_000, 1_795_089_600_000
EVERYWHERE = ['development', 'staging', 'production']

CASES: list[Case] = [
    (
        'a kill switch, with everything that joins it up',
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
        'a gate switched on again, told by the text alone',
        raw('config_state_toggle', 'checkout_v2', changeLog='Enabled Gate'),
        {},
    ),
    (
        'a rollout from 10 to 50 percent',
        raw(
            'config_conditions_update',
            'checkout_v2',
            {'rules': changed([rule(environments=EVERYWHERE)], [rule(environments=EVERYWHERE, passPercentage=50)])},
            changeLog='Updated Gate rule beta users: pass percentage from 10% to 50%',
        ),
        {},
    ),
    (
        'a rollout widened and brought to production',
        raw(
            'config_conditions_update',
            'checkout_v2',
            {'rules': changed([rule()], [rule(passPercentage=50, environments=EVERYWHERE)])},
            changeLog='Updated Gate rules',
        ),
        {},
    ),
    (
        'everybody turned back in production only',
        raw(
            'gate_update',
            'checkout_v2',
            {
                'rules': changed(
                    [rule('canary', 'r1', passPercentage=25, environments=['production']), rule('staff', 'r2')],
                    [rule('canary', 'r1', passPercentage=0, environments=['production']), rule('staff', 'r2')],
                )
            },
        ),
        {},
    ),
    (
        'a rule added for two countries',
        raw(
            'config_conditions_update',
            'express_shipping',
            {
                'rules': changed(
                    [rule('staff', 'r1')],
                    [
                        rule(
                            'DACH launch',
                            'r2',
                            passPercentage=20,
                            environments=['production'],
                            conditions=[
                                {'type': 'country', 'operator': 'any', 'targetValue': ['DE', 'AT']},
                                {'type': 'app_version', 'operator': 'version_gte', 'targetValue': '4.2.0'},
                            ],
                            returnValue=True,
                            pendingAutomatedRollouts=[],
                        ),
                        rule('staff', 'r1'),
                    ],
                )
            },
        ),
        {},
    ),
    (
        'a country more, one fewer',
        raw(
            'gate_update',
            'express_shipping',
            {
                'rules': changed(
                    [
                        rule(
                            'EU', conditions=[{'type': 'country', 'operator': 'any', 'targetValue': ['DE', 'AT', 'GB']}]
                        )
                    ],
                    [
                        rule(
                            'EU', conditions=[{'type': 'country', 'operator': 'any', 'targetValue': ['DE', 'AT', 'CH']}]
                        )
                    ],
                )
            },
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
                        log_rule(),
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
                        log_rule(
                            conditionJSON=[{'conditionType': 7, 'operator': 2, 'value': ['x'], 'field': 'level'}],
                            salt='new',
                        ),
                    ],
                )
            },
        ),
        {},
    ),
    (
        'a rollout put on a schedule',
        raw(
            'gate_update',
            'new_nav',
            {
                'rules': changed(
                    [rule('everyone', pendingAutomatedRollouts=[])],
                    [
                        rule(
                            'everyone',
                            pendingAutomatedRollouts=[
                                {'time': _NOON, 'passPercent': 25},
                                {'time': _NEXT_NOON, 'passPercent': 100},
                            ],
                        )
                    ],
                )
            },
        ),
        {},
    ),
    (
        'a step of the schedule, taken by Statsig itself',
        raw(
            'gate_update',
            'new_nav',
            {
                'rules': changed(
                    [
                        rule(
                            'everyone',
                            environments=['production'],
                            completedAutomatedRollouts=[],
                            pendingAutomatedRollouts=[
                                {'time': _NOON, 'passPercent': 25},
                                {'time': _NEXT_NOON, 'passPercent': 100},
                            ],
                        )
                    ],
                    [
                        rule(
                            'everyone',
                            environments=['production'],
                            passPercentage=25,
                            completedAutomatedRollouts=[{'time': _NOON, 'passPercent': 25}],
                            pendingAutomatedRollouts=[{'time': _NEXT_NOON, 'passPercent': 100}],
                        )
                    ],
                )
            },
            updatedBy='Statsig',
            modifierEmail=None,
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
                        'failingUserIDs': [],
                        'environmentOverrides': [
                            {'environment': 'staging', 'unitID': 'companyID', 'passingIDs': ['7'], 'failingIDs': []}
                        ],
                    },
                    {
                        'passingUserIDs': ['u1', 'u2'],
                        'failingUserIDs': ['u3'],
                        'environmentOverrides': [
                            {
                                'environment': 'staging',
                                'unitID': 'companyID',
                                'passingIDs': ['7', '8'],
                                'failingIDs': [],
                            }
                        ],
                    },
                )
            },
        ),
        {},
    ),
    (
        'a gate launched',
        raw(
            'gate_update',
            'dark_mode',
            {'status': changed('In Progress', 'Launched'), 'type': changed('TEMPORARY', 'STALE')},
            changeLog='Launched Gate',
        ),
        {},
    ),
    (
        'a gate archived',
        raw(
            'gate_update',
            'guest_checkout',
            {'status': changed('Launched', 'Archived'), 'isEnabled': changed(True, False)},
            changeLog='Archived Gate',
        ),
        {},
    ),
    (
        'people assigned anew',
        raw('config_resalt', 'checkout_v2', {'salt': changed('4b1c', '9f2e')}, changeLog='Resalted Gate'),
        {},
    ),
    ('a change rolled back', raw('config_revert', 'checkout_v2', changeLog='Reverted Gate to version 12'), {}),
    ('a gate deleted', raw('config_delete', 'old_gate', changeLog='Deleted Gate'), {}),
    (
        'the measuring of a gate changed, not the gate',
        raw(
            'gate_update',
            'checkout_v2',
            {
                'measureMetricLifts': changed(False, True),
                'monitoringMetrics': changed(
                    [{'name': 'purchase', 'type': 'event_count'}],
                    [{'name': 'purchase', 'type': 'event_count'}, {'name': 'refund', 'type': 'event_count'}],
                ),
            },
        ),
        {},
    ),
]
