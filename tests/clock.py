"""A clock for tests: it stands still until it is moved."""

from __future__ import annotations

NOW = 1_795_420_800  # Mon Nov 23 2026 08:00:00 UTC


class Clock:
    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
