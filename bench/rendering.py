"""What one enormous entry costs: a megabyte of `changes`, in many shapes, as event, change event and log together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.cost import Cost, measured
from bench.shapes import SHAPES, made
from statsig.console.records import AuditEntry
from statsig.datadog.change_event import change_event_of
from statsig.datadog.event import event_of
from statsig.datadog.log import log_of
from statsig.datadog.notice import notice_of

NOW = 1_795_014_300
ROUNDS = 9


@dataclass(frozen=True, slots=True)
class Rendering:
    """Bytes of `changes` as JSON, and the cost of each round, with people hidden and without."""

    size: int
    hiding: Sequence[Cost]
    showing: Sequence[Cost]


def measure_rendering() -> Mapping[str, Rendering]:
    return {shape: _rendering(*made(shape)) for shape in SHAPES}


def _rendering(changes: Mapping[str, Any], size: int) -> Rendering:
    hiding, showing = ([_render(changes, hide) for _ in range(ROUNDS)] for hide in (True, False))
    return Rendering(size, hiding, showing)


def _render(changes: Mapping[str, Any], hide_author: bool) -> Cost:
    entry = AuditEntry('1', 'checkout_v2', 'gate_update', NOW - 60, changes=changes, author='Jane Doe')
    with measured() as cost:
        notice = notice_of(entry, project='acme', now=NOW, hide_author=hide_author)
        event = event_of(notice)
        change_event_of(notice)
        log_of(notice)
    if not 0 < len(event.text) <= 4000:
        raise RuntimeError(f'This is no text of an event: {event.text[:200]}')
    return cost


if __name__ == '__main__':
    from bench.__main__ import rendering_table

    print(rendering_table(measure_rendering()))
