"""Figures of a service that does not exist, so that a picture shows what a board is for. No test asserts on them."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tests.assets.history import MINUTE, History

LABEL = 'invented figures of a service, for the picture'
SERVICE = ('service:checkout', 'env:prod')
STEP = 5 * MINUTE


def add_service(history: History, start: float, trouble: tuple[float, float]) -> None:
    """Requests, errors and latency (seconds) from `start` until now; worse between both instants of `trouble`."""
    for number, time in enumerate(_times(start, history.now)):
        wave, noise = math.sin(number / 23), math.sin(number * 2.4) * math.cos(number * 0.7)
        is_troubled = trouble[0] < time <= trouble[1]
        hits = round(5200 + 900 * wave + 260 * noise)
        share = (4.6 if is_troubled else 0.4) * (1 + 0.22 * noise) / 100
        history.series['trace.http.request.hits', SERVICE][time] = hits
        history.series['trace.http.request.errors', SERVICE][time] = round(hits * share)
        history.series['trace.http.request', SERVICE][time] = (0.61 if is_troubled else 0.21) * (1 + 0.09 * noise)


def _times(start: float, end: float) -> Iterator[float]:
    for step in range(round((end - start) / STEP)):
        yield start + (step + 1) * STEP
