"""Experiments and autotunes, from their setup to what was made of them."""

from __future__ import annotations

from tests.datadog.entries.building import Case, changed, raw

_CONTROL = {'id': 'g1', 'name': 'Control', 'size': 50, 'parameterValues': {'cta_text': 'Buy'}, 'disabled': False}
_TEST = {'id': 'g2', 'name': 'Test', 'size': 50, 'parameterValues': {'cta_text': 'Get it'}, 'disabled': False}

CASES: list[Case] = [
    (
        'an experiment created',
        raw(
            'experiment_create',
            'cta_wording',
            {
                'hypothesis': changed(None, 'A friendlier button sells more'),
                'idType': changed(None, 'userID'),
                'groups': changed([], [_CONTROL, _TEST]),
                'primaryMetrics': changed([], [{'name': 'purchase', 'type': 'event_count', 'direction': 'increase'}]),
            },
            changeLog='Created Experiment',
        ),
        {},
    ),
    ('an experiment started', raw('experiment_start', 'cta_wording', {'status': changed('setup', 'active')}), {}),
    (
        'more people let into an experiment',
        raw('experiment_edit', 'cta_wording', {'allocation': changed(20, 100)}, changeLog='Updated Experiment'),
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
                    [_CONTROL, _TEST],
                    [
                        _CONTROL | {'size': 34},
                        _TEST | {'size': 33, 'parameterValues': {'cta_text': 'Get it now'}},
                        {'id': 'g3', 'name': 'Third', 'size': 33, 'parameterValues': {'cta_text': 'Yours'}},
                    ],
                ),
                'hypothesis': changed('More people buy', 'More people buy sooner'),
            },
        ),
        {},
    ),
    (
        'a group of an experiment switched off',
        raw(
            'experiment_group_disable',
            'cta_wording',
            {'groups': changed([_CONTROL, _TEST], [_CONTROL, _TEST | {'disabled': True}])},
        ),
        {},
    ),
    (
        'overrides of an experiment',
        raw(
            'experiment_overrides_edit',
            'cta_wording',
            {
                'overrides': changed(
                    [], [{'type': 'segment', 'id': 'vip', 'groupID': 'g2', 'environment': 'production'}]
                ),
                'userIDOverrides': changed(
                    [{'groupID': 'g2', 'ids': ['u1'], 'environment': 'staging', 'unitType': 'userID'}],
                    [{'groupID': 'g2', 'ids': ['u1', 'u2'], 'environment': 'staging', 'unitType': 'userID'}],
                ),
            },
        ),
        {},
    ),
    (
        'what an experiment is judged by',
        raw(
            'key_experiment_metrics_edit',
            'cta_wording',
            {
                'primaryMetrics': changed(
                    [{'name': 'purchase', 'type': 'event_count', 'direction': 'increase'}],
                    [{'name': 'revenue', 'type': 'sum', 'direction': 'increase', 'hypothesizedValue': 2.5}],
                ),
                'defaultConfidenceInterval': changed('95', '99'),
                'sequentialTesting': changed(False, True),
            },
        ),
        {},
    ),
    (
        'an experiment held still',
        raw('experiment_pause_assignment', 'cta_wording', {'status': changed('active', 'assignment_stopped')}),
        {},
    ),
    (
        'an experiment reset',
        raw('experiment_restart', 'cta_wording', {'status': changed('active', 'setup')}, changeLog='Reset Experiment'),
        {},
    ),
    (
        'an experiment to start later',
        raw('schedule_experiment_start', 'cta_wording', {'scheduledTime': changed(None, 1_795_089_600_000)}),
        {},
    ),
    (
        'an experiment stopped',
        raw('experiment_stopped', 'cta_wording', {'status': changed('active', 'experiment_stopped')}),
        {},
    ),
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
            {
                'status': changed('active', 'decision_made'),
                'launchedGroupID': changed(None, 'g2'),
                'decisionReason': changed(None, '+2 % orders'),
                'decisionTime': changed(None, 1_795_014_240_000),
            },
        ),
        {},
    ),
    (
        'an autotune',
        raw(
            'autotune_experiment_edit',
            'hero_picture',
            {
                'variants': changed(
                    [{'id': 'v1', 'name': 'beach', 'size': 50, 'json': {'src': '/beach.jpg'}}],
                    [
                        {'id': 'v1', 'name': 'beach', 'size': 50, 'json': {'src': '/beach-2.jpg'}},
                        {'id': 'v2', 'name': 'city', 'size': 50, 'json': {'src': '/city.jpg'}},
                    ],
                ),
                'winnerThreshold': changed('95%', '99%'),
                'longtermExplorationAllocation': changed(5, 10),
            },
        ),
        {},
    ),
    (
        'a power analysis',
        raw('create_power_analysis_gate_query', 'checkout_v2', changeLog='Created Power Analysis'),
        {},
    ),
]
