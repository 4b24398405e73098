"""A sink that does not take an event, as DogStatsD may: it comes again later, and nothing else does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from statsig.datadog.collector import Settings
from statsig.datadog.event import DatadogEvent
from statsig.datadog.sink import NotTakenError
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import SandboxServer
from tests.check.test_bounds import Minutes


@dataclass
class Refusing(Minutes):
    """Takes so many events more; None means all."""

    room: int | None = None

    def event(self, event: DatadogEvent) -> None:
        if self.room == 0:
            raise NotTakenError('there is no room')
        self.room = self.room and self.room - 1
        super().event(event)

    def delivered(self) -> list[str]:
        return [event.aggregation_key for event in self.events]


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxProject(seed=1)) as running:
        yield running


@pytest.fixture
def minutes(server: SandboxServer) -> Refusing:
    settings = Settings(interval=60, project='sandbox', collect_exposures=False, collect_inventory=False)
    return Refusing(server, settings)


def insert(minutes: Refusing, ago: float = 0.0) -> str:
    return str(minutes.server.project.add_audit_entry(timestamp=minutes.now - ago)['id'])


@pytest.mark.parametrize('room', [0, 1, 49, 50, 51, 120])
def test_what_was_taken_is_not_sent_again_and_the_rest_is_sent_later(minutes: Refusing, room: int) -> None:
    wanted = [insert(minutes, ago=200 - number) for number in range(130)]
    minutes.room = room
    for _ in range(3):
        minutes.run()
        minutes.now += 60
        assert minutes.delivered() == wanted[:room]
    assert minutes.warnings == ['there is no room'] * 3

    minutes.room = None
    minutes.run()
    assert minutes.delivered() == wanted


def test_an_entry_dated_in_the_future_takes_no_later_one_with_it(minutes: Refusing) -> None:
    """Once its time has come, it would pull the position over what nobody has taken yet."""
    future = insert(minutes, ago=-20 * 60)
    minutes.run()
    minutes.now += 5 * 60
    waiting = insert(minutes)
    minutes.room = 0
    for _ in range(30):
        minutes.run()
        minutes.now += 60
    minutes.room = None
    minutes.run()
    assert Counter(minutes.delivered()) == {future: 1, waiting: 1}


def test_the_other_streams_go_on(minutes: Refusing) -> None:
    insert(minutes)
    minutes.room = 0
    made = minutes.run()
    assert made['audit_logs'] >= 1
    sent = {sample.metric.name: sample.value for sample in minutes.samples}
    assert sent['api.can_connect'] == 1
    assert 'audit_log.entries' not in sent
