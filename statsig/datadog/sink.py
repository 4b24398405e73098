"""Where results go: the Agent, or DogStatsD."""

from __future__ import annotations

from typing import Protocol

from statsig.datadog.event import DatadogEvent
from statsig.datadog.metrics import Sample


class Sink(Protocol):
    """What a run of the collector needs of its surroundings."""

    def sample(self, sample: Sample) -> None:
        """One metric value."""

    def event(self, event: DatadogEvent) -> None:
        """One event; delivered when this returns."""

    def warn(self, message: str) -> None:
        """Something the user should know."""
