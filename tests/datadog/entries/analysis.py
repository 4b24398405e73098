"""What is measured and shown: metrics, their sources, alerts, dashboards, reports; AI configs."""

from __future__ import annotations

from tests.datadog.entries.building import Case, changed, raw

CASES: list[Case] = [
    (
        'the definition of a metric',
        raw(
            'metric_edit_definition',
            'Checkout conversion',
            {
                'metricEvents': changed(
                    [{'name': 'buy', 'type': 'count', 'criteria': []}],
                    [
                        {
                            'name': 'purchase',
                            'type': 'count',
                            'criteria': [{'type': 'metadata', 'column': 'amount', 'condition': '>', 'values': ['0']}],
                        }
                    ],
                ),
                'directionality': changed('increase', 'decrease'),
            },
        ),
        {},
    ),
    (
        'a metric of the warehouse',
        raw(
            'custom_metric_edit',
            'p95 latency',
            {
                'warehouseNative': changed(
                    {
                        'aggregation': 'percentile',
                        'percentile': 95,
                        'criteria': [{'type': 'value', 'column': 'status', 'condition': '=', 'values': ['200']}],
                        'winsorizationHigh': 0.99,
                    },
                    {
                        'aggregation': 'percentile',
                        'percentile': 99,
                        'criteria': [
                            {'type': 'value', 'column': 'status', 'condition': 'in', 'values': ['200', '304']}
                        ],
                        'winsorizationHigh': 0.999,
                    },
                )
            },
        ),
        {},
    ),
    ('a metric archived', raw('archive_metric', 'old_clicks', changeLog='Archived Metric: replaced by clicks_v2'), {}),
    (
        'the query of a metric source',
        raw(
            'update_echidna_metric_source',
            'events',
            {
                'sql': changed(
                    'SELECT user_id, ts, name, amount FROM analytics.events WHERE ts > CURRENT_DATE - 90',
                    'SELECT user_id, ts, name, amount FROM analytics.events_v2 WHERE ts > CURRENT_DATE - 90',
                ),
                'idTypeMapping': changed(
                    [{'statsigUnitID': 'userID', 'column': 'user_id'}],
                    [
                        {'statsigUnitID': 'userID', 'column': 'uid'},
                        {'statsigUnitID': 'stableID', 'column': 'device_id'},
                    ],
                ),
                'customFieldMapping': changed([], [{'key': 'is_big', 'formula': 'amount > 100'}]),
            },
        ),
        {},
    ),
    (
        'tables dropped',
        raw('echidna_drop_tables', 'acme_prod', changeLog='Dropped 12 tables of stopped experiments'),
        {},
    ),
    (
        'the hour of the daily run',
        raw('set_echidna_schedule_hour', 'acme_prod', {'scheduledReloadHour': changed(6, 9)}),
        {},
    ),
    (
        'an alert made stricter',
        raw(
            'update_topline_alert',
            'Orders drop',
            {
                'alertThreshold': changed(0.2, 0.1),
                'windowMs': changed(3_600_000, 900_000),
                'renotificationWindowMs': changed(None, 7_200_000),
                'condition': changed('greater', 'greater_or_equal'),
                'priority': changed('P3', 'P1'),
                'message': changed('Orders fell', 'Orders fell, see the runbook'),
            },
        ),
        {},
    ),
    (
        'an alert resolved',
        raw('resolve_guardrail_metric_alert', 'cta_wording', changeLog='Resolved alert on refund rate: false alarm'),
        {},
    ),
    (
        'a dashboard renamed',
        raw('edit_dashboard_name', 'Checkout', {'name': changed('Checkout', 'Checkout health')}),
        {},
    ),
    (
        'a widget of a dashboard',
        raw(
            'edit_dashboard_widget',
            'Checkout health',
            {'widget': changed({'title': 'Orders', 'range': '7d'}, {'title': 'Orders', 'range': '28d'})},
        ),
        {},
    ),
    ('a report deleted', raw('custom_pulse_query_delete', 'Orders by country'), {}),
    (
        'the prompt of an AI config',
        raw(
            'edit_ai_config_version',
            'support_bot',
            {
                'model': changed('gpt-4o', 'gpt-5-mini'),
                'temperature': changed(0.2, 0.7),
                'max_tokens': changed(512, 1024),
                'prompts': changed(
                    [{'role': 'system', 'content': 'You are a helpful assistant of the Acme shop. Be brief.'}],
                    [{'role': 'system', 'content': 'You are a friendly assistant of the Acme shop. Be brief.'}],
                ),
            },
        ),
        {},
    ),
    (
        'the version of an AI config that counts',
        raw('set_ai_config_baseline_version', 'support_bot', {'baselineVersion': changed('v3', 'v4')}),
        {},
    ),
]
