"""Every audit-log entry that Statsig's OpenAPI document gives as an example, as it stands there."""

from __future__ import annotations

from tests.datadog.entries.building import Case, Json, changed, log_rule

_GATE: Json = {
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
            [log_rule(enabledEnvironments=['development', 'staging'])],
            [log_rule(enabledEnvironments=['development', 'staging', 'production'])],
        )
    },
}
_TAG: Json = {
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

CASES: list[Case] = [
    ("the documentation's first example, years late", _GATE, {}),
    ("the documentation's second example", _TAG, {}),
    (
        "the documentation's third example",
        _TAG | {'id': '76LGVrItCR9WE1iDfNmpHT', 'time': '21:25:18 GMT+0000 (Coordinated Universal Time)'},
        {},
    ),
]
