"""Where results go: the Agent, or DogStatsD."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from statsig.datadog.event import DatadogEvent
from statsig.datadog.metrics import Sample


class NotTakenError(Exception):
    """An event was not taken, and is to be sent by a later run. The message is for the user."""


class Sink(Protocol):
    """What a run of the collector needs of its surroundings."""

    def sample(self, sample: Sample) -> None:
        """One metric value."""

    def event(self, event: DatadogEvent) -> None:
        """One event; delivered when this returns. Raises NotTakenError."""

    def change_event(self, body: Mapping[str, Any]) -> None:
        """One change event, as the Events API v2 takes it. Best effort: its event has gone already."""

    def log(self, attributes: Mapping[str, Any]) -> None:
        """One structured log. Best effort, like a change event."""

    def warn(self, message: str) -> None:
        """Something the user should know."""
