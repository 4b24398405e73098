"""How often a gate, experiment or dynamic config is evaluated: a rate with a rhythm, and what it adds up to.

The rate is a sum of cosines, so that the number of exposures between any two times has a closed form: figures stand
still while the clock does, move smoothly with it, and cost a few sines each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from statsig.sandbox.dice import dice

HOUR = 3600.0
DAY = 24 * HOUR

# (period in seconds, share of the mean rate): the daily rhythm, and slower and faster ones that keep a day from being
# like the day before. The shares add up to less than 1: a rate is never negative.
RHYTHMS = ((DAY, 0.55), (37 * HOUR, 0.16), (101 * HOUR, 0.12), (5 * HOUR, 0.08))


@dataclass(frozen=True, slots=True)
class Traffic:
    """Exposures of one thing. `per_second` is the mean rate; `phases` shift its rhythms."""

    per_second: float
    phases: tuple[float, ...]

    def until(self, moment: float) -> float:
        """The integral of the rate up to `moment` (epoch seconds), up to a constant."""
        total = moment
        for (period, share), phase in zip(RHYTHMS, self.phases, strict=True):
            turn = 2 * math.pi / period
            total += share / turn * math.sin(turn * moment + phase)
        return self.per_second * total


NO_TRAFFIC = Traffic(0.0, (0.0,) * len(RHYTHMS))


def traffic_of(seed: int, kind: str, name: str) -> Traffic:
    """Between 100 exposures and 2 million a day, as the dice of this seed fall for this name."""
    rng = dice('traffic', seed, kind, name)
    per_day = 10 ** rng.uniform(2.0, 6.3)
    return Traffic(per_day / DAY, tuple(rng.uniform(0, 2 * math.pi) for _ in RHYTHMS))


@dataclass(frozen=True, slots=True)
class Window:
    """When a thing is evaluated at all (epoch seconds), and since when its traffic runs `speed` times as fast."""

    start: float
    end: float = math.inf
    speed: float = 1.0
    speed_since: float = 0.0


def exposures(traffic: Traffic, window: Window, now: float, seconds: float) -> int:
    """How often the thing was evaluated in the `seconds` before `now`: a count, as Statsig's rolling windows are."""
    return _so_far(traffic, window, now) - _so_far(traffic, window, now - seconds)


def _so_far(traffic: Traffic, window: Window, moment: float) -> int:
    if not traffic.per_second or moment <= window.start:
        return 0
    moment = min(moment, window.end)
    ordinary = traffic.until(moment) - traffic.until(window.start)
    faster_from = max(window.start, min(window.speed_since, moment))
    extra = (window.speed - 1.0) * (traffic.until(moment) - traffic.until(faster_from))
    return math.floor(ordinary + extra)
