"""What one enormous entry costs: a megabyte of `changes`, in several shapes, as event, change event and log."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.cost import Cost, measured
from statsig.console.records import AuditEntry
from statsig.datadog.change_event import change_event_of
from statsig.datadog.event import event_of
from statsig.datadog.log import log_of
from statsig.datadog.notice import notice_of

NOW = 1_795_014_300
ROUNDS = 15

# What `changes` holds, told what the value before (0) or after (1) is.
Field = Callable[[int], Any]
SHAPES: Mapping[str, tuple[int, Field]] = {  # how many fields, and what each holds
    'one text of 500,000 characters': (1, lambda side: 'x' * 500_000 + 'ab'[side]),
    '2,600 rules, all changed': (1, lambda side: [_rule(number, 10 + side) for number in range(2600)]),
    '2,600 rules, one changed': (
        1,
        lambda side: [_rule(number, 10 + side * (number == 1300)) for number in range(2600)],
    ),
    '2,600 rules, in another order': (1, lambda side: [_rule(number, 10) for number in range(2600)][:: 1 - 2 * side]),
    'a value 530 levels deep': (1, lambda side: _deep(530, side)),
    'a value of 40,000 numbers': (1, lambda side: _wide(200, side)),
    '500,000 characters of JSON as text': (1, lambda side: _json(33_000, side)),
    'the same in 3 fields': (3, lambda side: _json(11_000, side)),
    'the same in 100 fields': (100, lambda side: _json(360, side)),
    '30,000 user IDs, one other': (1, lambda side: [f'user-{number + side:07}' for number in range(30_000)]),
    '20,000 fields': (20_000, lambda side: side),
}


@dataclass(frozen=True, slots=True)
class Rendering:
    """Bytes of `changes` as JSON, and the cost of each round."""

    size: int
    costs: Sequence[Cost]


def measure_rendering() -> Mapping[str, Rendering]:
    """With people hidden, which costs more than not hiding them."""
    return {shape: _rendering(*of) for shape, of in SHAPES.items()}


def _rendering(fields: int, value: Field) -> Rendering:
    name = 'rules' if isinstance(value(0), list) else 'defaultValue'
    changes = {f'{name}{number or ""}': {'old': value(0), 'new': value(1)} for number in range(fields)}
    return Rendering(len(json.dumps(changes)), [_render(changes) for _ in range(ROUNDS)])


def _render(changes: Mapping[str, Any]) -> Cost:
    entry = AuditEntry('1', 'checkout_v2', 'gate_update', NOW - 60, changes=changes, author='Jane Doe')
    with measured() as cost:
        notice = notice_of(entry, project='acme', now=NOW, hide_author=True)
        event = event_of(notice)
        change_event_of(notice)
        log_of(notice)
    if len(event.text) > 4000 or '\n- ' not in event.text:
        raise RuntimeError(f'This does not tell the changes: {event.text[:200]}')
    return cost


def _rule(number: int, share: int) -> Mapping[str, Any]:
    return {
        'id': f'rule{number}',
        'name': f'rule {number}',
        'passPercentage': share,
        'conditions': [{'type': 'country', 'operator': 'any', 'targetValue': ['DE', 'FR']}],
        'environments': ['production'],
    }


def _json(fields: int, side: int) -> str:
    return json.dumps({f'k{number}': number + side for number in range(fields)})


def _deep(levels: int, side: int) -> Any:
    value: Any = side
    for _ in range(levels):
        value = {'a': [value], 'b': 'x' * 920}
    return value


def _wide(breadth: int, side: int) -> Any:
    return {f'k{one}': {f'k{two}': two + side for two in range(breadth)} for one in range(breadth)}
