"""What the check sends over hours and days of a project's life, without waiting for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from statsig.console.budget import RequestBudget
from statsig.console.client import ConsoleClient
from statsig.console.cursor_store import CursorStore
from statsig.datadog.collector import Collector, Settings
from statsig.datadog.event import DatadogEvent
from statsig.datadog.metrics import Sample
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
REQUEST = 0.08
MONDAY_NOON = 1_795_435_200.0  # 2026-11-23 12:00 UTC

Points = Mapping[float, float]


@dataclass
class History:
    """A sink that remembers: values by metric and tags and then by the time of the run (epoch seconds), and events."""

    now: float = 0.0
    series: dict[tuple[str, tuple[str, ...]], dict[float, float]] = field(default_factory=lambda: defaultdict(dict))
    events: list[DatadogEvent] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def sample(self, sample: Sample) -> None:
        self.series[f'statsig.{sample.metric.name}', sample.tags][self.now] = sample.value

    def event(self, event: DatadogEvent) -> None:
        self.events.append(event)

    def change_event(self, body: Mapping[str, Any]) -> None:
        raise NotImplementedError('the collector of these tests is not asked to send any')

    def log(self, attributes: Mapping[str, Any]) -> None:
        raise NotImplementedError('the collector of these tests is not asked to send any')

    def warn(self, message: str) -> None:
        self.warnings.append(message)


class World:
    """The sandbox and the real collector on one clock, which moves only when it is told to.

    The collector is what the check runs; around it an Agent would add nothing but its own real clock. Each request
    takes REQUEST seconds, as far as the check can tell. `requests_per_minute` is the budget of the instance.
    """

    def __init__(
        self,
        server: SandboxServer,
        key: str = DEFAULT_KEY,
        history: History | None = None,
        requests_per_minute: int = 30,
    ) -> None:
        self.project = server.project
        self.history = history or History()
        self._server, self._key, self._requests_per_minute = server, key, requests_per_minute
        self._cache: dict[str, str] = {}
        self.restart()

    def restart(self) -> None:
        """As an Agent does: what was in memory is gone, what is in its cache is not."""
        cache, clock = self._cache, self.project.clock
        stopwatch = StillClock(0.0)
        session = requests.Session()
        session.hooks['response'].append(lambda response, **_: stopwatch.advance(REQUEST))

        def store(identity: str) -> CursorStore:
            return CursorStore(lambda key: cache.get(key, ''), cache.__setitem__, f'audit_log_{identity}')

        budget = RequestBudget(self._requests_per_minute, clock)
        client = ConsoleClient(session, self._server.url, self._key, budget, clock=stopwatch)
        settings = Settings(interval=MINUTE)
        self._collector = Collector(client, settings, self.history, store, clock=clock, monotonic=clock)

    @property
    def now(self) -> float:
        return self.project.clock()

    def run(self, seconds: float, every: float = 10 * MINUTE) -> None:
        """Let time pass, with a run of the check at the end of each step."""
        for _ in range(round(seconds / every)):
            self.wait(every)
            self.run_now()

    def run_now(self) -> None:
        self.history.now = self.now
        self._collector.run()

    def wait(self, seconds: float) -> None:
        """Let time pass without a run, as when the Agent is down."""
        clock = self.project.clock
        assert isinstance(clock, StillClock)
        clock.advance(seconds)


@dataclass
class StillClock:
    now: float = MONDAY_NOON

    def advance(self, seconds: float) -> None:
        self.now += seconds

    def __call__(self) -> float:
        return self.now
