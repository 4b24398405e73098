"""What Statsig has yet to add, and what nobody should write."""

from __future__ import annotations

from tests.datadog.entries.building import Case, changed, raw

CASES: list[Case] = [
    ('an action type that is yet to come', raw('rotate_quantum_gate_seed', 'q1', changeLog='Seed rotated'), {}),
    ('one without a word that is known', raw('gate_quantum_flux', 'q1', {'fluxLevel': changed(1, 2)}), {}),
    ('a kind that is yet to come', raw('frobnicator_create', 'f1'), {}),
    (
        'a field that is yet to come, and a long one',
        raw(
            'gate_update',
            'checkout_v2',
            {
                'quantumSettings': changed({'spin': 'up', 'levels': [1, 2]}, {'spin': 'down', 'levels': [1, 2, 3]}),
                'someText': changed('Before. ' * 60 + 'The end.', 'Before. ' * 60 + 'Or not the end.'),
            },
        ),
        {},
    ),
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
