"""What else decides what users get: dynamic configs, layers, parameter stores, segments, holdouts, pipelines."""

from __future__ import annotations

import json

from tests.datadog.entries.building import Case, Json, changed, raw, rule

_LIMITS: Json = {
    'checkout': {
        'timeouts': {'connect': 500, 'read': 2000},
        'providers': [
            {'id': 'stripe', 'weight': 80, 'regions': ['us', 'eu']},
            {'id': 'adyen', 'weight': 20, 'regions': ['eu']},
        ],
        'retry_codes': [502, 503],
    },
    'bannerText': 'Sale',
}
_NEW_LIMITS: Json = {
    'checkout': {
        'timeouts': {'connect': 500, 'read': 800},
        'providers': [
            {'id': 'klarna', 'weight': 10, 'regions': ['eu']},
            {'id': 'stripe', 'weight': 70, 'regions': ['us', 'eu', 'apac']},
            {'id': 'adyen', 'weight': 20, 'regions': ['eu']},
        ],
        'retry_codes': [502, 503, 504],
    },
    'bannerText': 'Sale',
}

CASES: list[Case] = [
    (
        'a dynamic config changed deep inside',
        raw(
            'config_default_value_update',
            'payment_limits',
            {
                'defaultValue': changed(_LIMITS, _NEW_LIMITS),
                'defaultValueJson5': changed(json.dumps(_LIMITS), json.dumps(_NEW_LIMITS)),
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
        'what a rule of a dynamic config returns',
        raw(
            'config_conditions_update',
            'payment_limits',
            {
                'rules': changed(
                    [
                        rule(
                            'VIPs',
                            passPercentage=100,
                            environments=['production'],
                            conditions=[{'type': 'passes_segment', 'targetValue': 'vip'}],
                            returnValue={'maxAmount': 500, 'currency': 'EUR'},
                            returnValueJson5='{"maxAmount": 500, "currency": "EUR"}',
                        )
                    ],
                    [
                        rule(
                            'VIPs',
                            passPercentage=100,
                            environments=['production'],
                            conditions=[{'type': 'passes_segment', 'targetValue': 'vip'}],
                            returnValue={'maxAmount': 5000, 'currency': 'EUR'},
                            returnValueJson5='{"maxAmount": 5000, "currency": "EUR"}',
                        ),
                        rule(
                            'Nordics',
                            'rule2',
                            environments=['staging'],
                            conditions=[{'type': 'locale', 'operator': 'any', 'targetValue': ['sv', 'da', 'nb']}],
                            returnValue={'maxAmount': 900, 'currency': 'SEK'},
                        ),
                    ],
                )
            },
        ),
        {},
    ),
    (
        'a dynamic config switched off',
        raw(
            'config_state_toggle',
            'payment_limits',
            {'isEnabled': changed(True, False)},
            changeLog='Disabled Dynamic Config',
        ),
        {},
    ),
    (
        'the schema of a dynamic config',
        raw(
            'config_default_value_update',
            'payment_limits',
            {
                'schema': changed(
                    '{"type": "object", "properties": {"maxAmount": {"type": "number"}}}',
                    '{"type": "object", "properties": {"maxAmount": {"type": "integer", "maximum": 10000}}}',
                )
            },
            changeLog='Updated schema of Dynamic Config',
        ),
        {},
    ),
    (
        'a parameter of a layer',
        raw(
            'layer_parameters_edit',
            'home_page',
            {
                'parameters': changed(
                    [{'name': 'rows', 'type': 'number', 'defaultValue': 3}],
                    [
                        {'name': 'rows', 'type': 'number', 'defaultValue': 4},
                        {'name': 'hero_text', 'type': 'string', 'defaultValue': 'Hello'},
                    ],
                )
            },
        ),
        {},
    ),
    (
        'a parameter of a layer deleted',
        raw('delete_layer_parameter', 'home_page', changeLog='Deleted parameter hero_text'),
        {},
    ),
    (
        'a parameter store',
        raw(
            'param_store_update',
            'mobile_home',
            {
                'parameters': changed(
                    [
                        {'ref_type': 'static', 'name': 'page_size', 'param_type': 'number', 'value': 20},
                        {
                            'ref_type': 'gate',
                            'name': 'show_banner',
                            'param_type': 'boolean',
                            'gate_name': 'banner_gate',
                            'pass_value': True,
                            'fail_value': False,
                        },
                    ],
                    [
                        {'ref_type': 'static', 'name': 'page_size', 'param_type': 'number', 'value': 50},
                        {
                            'ref_type': 'experiment',
                            'name': 'cta_text',
                            'param_type': 'string',
                            'experiment_name': 'cta_wording',
                            'param_name': 'text',
                        },
                    ],
                )
            },
        ),
        {},
    ),
    ('a segment filled', raw('ID_list_update', 'vip', {'count': changed(1200, 1350)}, changeLog='Added 150 IDs'), {}),
    (
        'a segment aimed at others',
        raw(
            'config_conditions_update',
            'vip',
            {
                'rules': changed(
                    [
                        rule(
                            'spenders',
                            passPercentage=100,
                            environments=None,
                            conditions=[
                                {'type': 'custom_field', 'field': 'orders', 'operator': 'gte', 'targetValue': 50}
                            ],
                        )
                    ],
                    [
                        rule(
                            'spenders',
                            passPercentage=100,
                            environments=None,
                            conditions=[
                                {'type': 'custom_field', 'field': 'orders', 'operator': 'gte', 'targetValue': 20}
                            ],
                        )
                    ],
                )
            },
            changeLog='Updated Segment',
        ),
        {},
    ),
    (
        'a holdout created',
        raw(
            'holdout_create',
            'h2_holdout',
            {
                'passPercentage': changed(None, 5),
                'gateIDs': changed([], ['checkout_v2', 'new_nav']),
                'isGlobal': changed(None, False),
            },
        ),
        {},
    ),
    (
        'a holdout widened',
        raw(
            'holdout_update',
            'h2_holdout',
            {'passPercentage': changed(5, 10), 'experimentIDs': changed([], ['cta_wording'])},
        ),
        {},
    ),
    (
        'a release pipeline',
        raw(
            'release_pipeline_update',
            'standard rollout',
            {
                'phases': changed(
                    [
                        {
                            'id': 'p1',
                            'name': 'staging',
                            'timeIntervalMs': 3_600_000,
                            'requiredReview': False,
                            'rules': [],
                        },
                        {
                            'id': 'p2',
                            'name': 'everyone',
                            'timeIntervalMs': 86_400_000,
                            'requiredReview': True,
                            'rules': [],
                        },
                    ],
                    [
                        {
                            'id': 'p1',
                            'name': 'staging',
                            'timeIntervalMs': 5_400_000,
                            'requiredReview': False,
                            'rules': [],
                        },
                        {
                            'id': 'p3',
                            'name': 'canary',
                            'timeIntervalMs': 7_200_000,
                            'requiredReview': True,
                            'rules': [rule('1 % of production', passPercentage=1, environments=['production'])],
                        },
                        {
                            'id': 'p2',
                            'name': 'everyone',
                            'timeIntervalMs': 86_400_000,
                            'requiredReview': False,
                            'rules': [],
                        },
                    ],
                )
            },
        ),
        {},
    ),
    (
        'a release pipeline triggered',
        raw('release_pipeline_trigger_create', 'checkout_v2', changeLog='Started phase canary of 3'),
        {},
    ),
    (
        'a release pipeline that waits',
        raw(
            'release_pipeline_waiting_for_review',
            'checkout_v2',
            changeLog='Phase everyone needs a review',
            updatedBy='Statsig',
            modifierEmail=None,
        ),
        {},
    ),
]
