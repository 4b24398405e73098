"""What poll sends is what the check would submit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from statsig.datadog.tags import normalise
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import SandboxServer
from tests.cli.conftest import Command
from tests.poll.conftest import Conf, StartPoll
from tests.relay.dogstatsd_receiver import DogStatsdReceiver

# How long things took, or how long ago they were.
TIMES = ('.audit_log.lag', '.api.request.duration', '.exposures.age')
OPTIONS: dict[str, Any] = {
    'audit_log_lookback': 1020,
    'tags': ['Team:Growth Squad', 'env:prod'],
    'metric_namespace': 'acme.statsig',
    'tag_rules': [{'match': 'gate:*', 'tags': ['service:checkout']}],
}


@pytest.fixture
def server(project: SandboxProject) -> Iterator[SandboxServer]:
    """A project in which the time stands still: its exposures stay what they are."""
    now = project.clock()
    project.clock = lambda: now
    for number in range(3):
        project.set_gate_enabled('checkout_v2', bool(number % 2), author='Jane | Doe')
        project.add_audit_entry(change_log='Ein Satz über Größe,\nund ein `zweiter`')
    with SandboxServer(project) as running:
        yield running


def test_metrics_and_events_are_those_of_the_check(
    statsig_datadog: Command, conf: Conf, start_poll: StartPoll, receiver: DogStatsdReceiver
) -> None:
    config = conf(**OPTIONS)
    (checked,) = json.loads(statsig_datadog('check', '--json', '--config', config).stdout)
    poll = start_poll(config, receiver, '--once')
    assert poll.wait() == 0, poll.log
    receiver.stop()

    gauges, counts = metrics_of(checked['submissions'])
    assert len(gauges) > 80
    assert without_times(receiver.gauges()) == without_times(gauges)
    assert receiver.counts('acme.statsig.', without='') == counts
    events = [each for each in checked['submissions'] if each['kind'] == 'Event']
    assert len(events) >= 6
    assert [as_agent_event(event) for event in receiver.received_events()] == [
        {**given(event), 'tags': sorted(map(normalise, event['tags']))} for event in events
    ]


def metrics_of(
    submissions: list[dict[str, Any]],
) -> tuple[dict[tuple[str, str], float], Counter[tuple[str, str]]]:
    gauges: dict[tuple[str, str], float] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for each in submissions:
        if each['kind'] == 'Metric':
            key = each['name'], ','.join(sorted(map(normalise, each['tags'])))
            if each['type'] == 'gauge':
                gauges[key] = each['value']
            else:
                counts[key] += int(each['value'])
    return gauges, counts


def without_times(gauges: dict[tuple[str, str], float]) -> dict[tuple[str, str], float | None]:
    return {key: None if key[0].endswith(TIMES) else value for key, value in gauges.items()}


def given(event: dict[str, Any]) -> dict[str, Any]:
    names = ('title', 'text', 'timestamp', 'aggregation_key', 'alert_type', 'source_type_name')
    return {name: event[name] for name in names}


def as_agent_event(event: Any) -> dict[str, Any]:
    return {
        'title': event.title,
        'text': event.text,
        'timestamp': int(event.fields['d']),
        'aggregation_key': event.fields['k'],
        'alert_type': event.fields['t'],
        'source_type_name': event.fields['s'],
        'tags': sorted(event.tags),
    }
