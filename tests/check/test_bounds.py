"""The collector over many simulated minutes: requests, sweeps and turns stay within what was promised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from statsig.console.budget import RequestBudget
from statsig.console.client import ConsoleClient
from statsig.console.cursor_store import CursorStore
from statsig.console.exposures import Followed
from statsig.console.selection import Selection
from statsig.datadog.collector import Collector, Settings
from statsig.datadog.event import DatadogEvent
from statsig.datadog.metrics import Sample
from statsig.sandbox.knobs import Fault
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer


@dataclass
class Minutes:
    """A collector, its sink and its clock; each `run` is one interval later than the one before."""

    server: SandboxServer
    settings: Settings
    per_minute: int = 30
    now: float = 1_795_420_800.0
    samples: list[Sample] = field(default_factory=list)
    events: list[DatadogEvent] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    failing: str = ''
    change_events: int = 0
    logs: int = 0
    made: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        stored: dict[str, str] = {}

        def store_for(project: str) -> CursorStore:
            return CursorStore(lambda key: stored.get(key, ''), stored.__setitem__, project)

        budget = RequestBudget(self.per_minute, self.clock)
        client = ConsoleClient(requests.Session(), self.server.url, DEFAULT_KEY, budget, clock=self.clock)
        self.collector = Collector(client, self.settings, self, store_for, clock=self.clock, monotonic=self.clock)

    def clock(self) -> float:
        return self.now

    def sample(self, sample: Sample) -> None:
        self.samples.append(sample)

    def event(self, event: DatadogEvent) -> None:
        self.events.append(event)

    def change_event(self, body: Mapping[str, Any]) -> None:
        if self.failing == 'change_event':
            raise OSError('the Agent is gone')
        self.change_events += 1

    def log(self, attributes: Mapping[str, Any]) -> None:
        if self.failing == 'log':
            raise OSError('the Agent is gone')
        self.logs += 1

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def run(self) -> Counter[str]:
        """One run; the requests it made, by endpoint."""
        self.samples.clear()
        self.server.reset_requests()
        self.collector.run()
        made = [request.path.rsplit('/', 1)[1] for request in self.server.requests]
        self.made += [(self.now, endpoint) for endpoint in made]
        self.now += self.settings.interval
        return Counter(made)

    def value(self, name: str, *tags: str) -> float | None:
        return next(
            (s.value for s in self.samples if s.metric.name == name and set(tags) <= set(s.tags)),
            None,
        )

    def most_in_a_minute(self) -> int:
        return max(sum(start <= at <= start + 60 for at, _ in self.made) for start, _ in self.made)


LARGE: dict[Followed, Selection] = {
    'gates': Selection(limit=5000),
    'experiments': Selection(),
    'dynamic_configs': Selection(),
}


@pytest.mark.parametrize('per_minute', [30, 80])
def test_5000_gates_300_experiments_and_200_configs_take_exactly_200_requests_a_sweep(per_minute: int) -> None:
    project = SandboxProject(seed=1, gates=5000, experiments=300, dynamic_configs=200)
    for kind in ('gate', 'experiment'):
        for entity in project.entities(kind).values():
            entity['status'] = 'active' if kind == 'experiment' else 'In Progress'
    with SandboxServer(project) as server:
        minutes = Minutes(server, Settings(interval=60, selections=LARGE), per_minute)
        sweep: Counter[str] = Counter()
        runs = 0
        while sweep['exposure_count'] < 200:
            sweep += minutes.run()
            runs += 1
            assert runs < 40, f'after {runs} minutes only {sweep["exposure_count"]} requests'
        asked = Counter(name for _, name in minutes.made)
        age_after_sweep = minutes.value('exposures.age', 'kind:gates')
        first_read = next(at for at, name in minutes.made if name == 'exposure_count')
        following = minutes.run()

    figures = [sample for sample in minutes.samples if sample.metric.name == 'check_gate.count']
    assert asked['exposure_count'] == 200
    assert len({sample.tags for sample in figures}) == 5000
    assert minutes.most_in_a_minute() <= per_minute
    assert age_after_sweep == minutes.now - 120 - first_read
    if minutes.now - first_read < 15 * 60:
        assert following['exposure_count'] == 0, 'the next sweep begins 15 minutes after this one began'
    assert minutes.warnings == []


def test_a_small_project_is_swept_in_every_run_by_one_request() -> None:
    with SandboxServer(SandboxProject(seed=1)) as server:
        minutes = Minutes(server, Settings(interval=60))

        assert [minutes.run()['exposure_count'] for _ in range(5)] == [1, 1, 1, 1, 1]
        assert minutes.value('exposures.age', 'kind:gates') == 0


def test_a_larger_project_is_swept_again_within_15_minutes() -> None:
    project = SandboxProject(seed=1, gates=600)
    with SandboxServer(project) as server:
        minutes = Minutes(server, Settings(interval=60))
        ages = []
        for _ in range(40):
            minutes.run()
            ages.append(minutes.value('exposures.age', 'kind:gates') or 0)

    assert max(ages) <= 15 * 60 + 180
    assert minutes.most_in_a_minute() <= 30


@pytest.mark.parametrize('per_minute', [1, 2, 3, 30])
@pytest.mark.parametrize('interval', [15.0, 60.0])
def test_with_any_budget_every_stream_gets_its_turn(per_minute: int, interval: float) -> None:
    with SandboxServer(SandboxProject(seed=1)) as server:
        minutes = Minutes(server, Settings(interval=interval, inventory_interval=600), per_minute)
        for _ in range(200):
            minutes.run()

    made = Counter(name for _, name in minutes.made)
    assert made['audit_logs'] >= 10
    assert made['exposure_count'] >= 3
    assert made['segments'] >= 1
    assert minutes.most_in_a_minute() <= per_minute


def test_figures_that_could_not_be_read_for_an_hour_are_no_longer_sent() -> None:
    with SandboxServer(SandboxProject(seed=1)) as server:
        minutes = Minutes(server, Settings(interval=60))
        minutes.run()
        server.knobs.status_for['/console/v1/'] = 500
        for _ in range(58):
            minutes.run()
        kept = minutes.value('check_gate.count')
        for _ in range(5):
            minutes.run()

    assert kept is not None
    assert minutes.value('check_gate.count') is None
    assert minutes.value('api.can_connect') == 0


def test_after_a_long_outage_figures_become_stale_as_soon_as_before() -> None:
    with SandboxServer(SandboxProject(seed=1)) as server:
        minutes = Minutes(server, Settings(interval=60))
        minutes.run()
        for down in (True, False, True):
            server.knobs.down = down
            for _ in range(3 if not down else 120):
                minutes.run()

    assert minutes.value('check_gate.count') is None


def test_an_answer_of_a_wrong_shape_still_lets_the_check_tell_of_itself() -> None:
    with SandboxServer(SandboxProject(seed=1)) as server:
        minutes = Minutes(server, Settings(interval=60))
        body = {'message': 'ok', 'data': {'gates': 7}}
        server.fail_next('/console/v1/exposure_count', Fault('wrong_shape', body=body))
        minutes.run()

    assert minutes.value('api.can_connect') == 1
    assert minutes.value('check_gate.count') is None
    assert '`gates` is no list' in minutes.warnings[0]


def test_a_clock_that_is_ahead_at_first_loses_nothing() -> None:
    now = 1_795_420_800.0
    project = SandboxProject(seed=1, clock=lambda: now)
    with SandboxServer(project) as server:
        minutes = Minutes(server, Settings(interval=60), now=now + 3 * 3600)
        minutes.run()
        minutes.now = now
        entry = project.add_audit_entry(timestamp=now - 10)['id']
        minutes.run()
        minutes.run()

    assert [event.aggregation_key for event in minutes.events] == [entry]


def test_gates_larger_than_a_page_may_be_are_listed_in_smaller_pages() -> None:
    project = SandboxProject(seed=1)
    for gate in project.gates.values():
        gate['description'] = 'x' * 1_000_000
    with SandboxServer(project) as server:
        minutes = Minutes(server, Settings(interval=60))
        for _ in range(3):
            minutes.run()

    assert len({s.tags for s in minutes.samples if s.metric.name == 'check_gate.count'}) == 11


def test_a_batch_that_always_fails_does_not_hold_up_the_sweep() -> None:
    with SandboxServer(SandboxProject(seed=1, gates=100)) as server:
        minutes = Minutes(server, Settings(interval=60))
        server.fail_next('/console/v1/exposure_count', Fault.of_status(400, 'Data is not available'))
        for _ in range(3):
            minutes.run()

    assert len({s.tags for s in minutes.samples if s.metric.name == 'check_gate.count'}) > 90
    assert len(minutes.warnings) == 1


def test_a_listing_that_always_fails_does_not_hold_up_the_others() -> None:
    with SandboxServer(SandboxProject(seed=1)) as server:
        server.knobs.status_for['/console/v1/experiments'] = 500
        minutes = Minutes(server, Settings(interval=60))
        for _ in range(5):
            minutes.run()

    assert minutes.value('segments.count') is not None
    assert minutes.value('check_gate.count') is not None
    assert minutes.value('experiments.count') is None


def test_a_listing_that_never_answers_does_not_hold_up_the_others() -> None:
    with SandboxServer(SandboxProject(seed=1)) as server:
        minutes = Minutes(server, Settings(interval=60))
        server.fail_next('/console/v1/gates', Fault('reset'), times=None)
        for _ in range(4):
            minutes.run()

    assert minutes.value('segments.count') is not None
    assert minutes.value('get_config.count') is not None
    assert minutes.value('gates.count') is None


def test_a_layer_with_an_experiment_that_is_not_followed_has_no_sum() -> None:
    project = SandboxProject(seed=1)
    member = next(name for name, one in project.experiments.items() if one['layerID'] and one['status'] == 'active')
    with SandboxServer(project) as server:
        everything = Minutes(server, Settings(interval=60))
        everything.run()
        without = Minutes(server, Settings(interval=60, selections={'experiments': Selection(exclude=(member,))}))
        without.run()

    layer = f'name:{project.experiments[member]["layerID"]}'
    assert everything.value('get_layer.count', layer) is not None
    assert without.value('get_layer.count', layer) is None


def test_a_backlog_without_progress_is_said() -> None:
    project = SandboxProject(seed=1, clock=lambda: 1_795_420_800.0)
    with SandboxServer(project) as server:
        # Pages of one entry, and a log that doubles in every run: no budget keeps up with that.
        server.knobs.max_page_size = 1
        minutes = Minutes(server, Settings(interval=60), per_minute=4)
        for run in range(12):
            for number in range(8 * 2 ** min(run, 7)):
                project.add_audit_entry(timestamp=1_795_420_800.0 - number % 600)
            minutes.warnings.clear()
            minutes.run()

    assert minutes.events == []
    assert minutes.warnings[0].startswith('The audit log holds more than a run can read, and nothing of it could be ')


def test_an_entity_that_is_gone_is_no_longer_sent() -> None:
    project = SandboxProject(seed=1)
    with SandboxServer(project) as server:
        minutes = Minutes(server, Settings(interval=60, inventory_interval=60))
        minutes.run()
        assert minutes.value('check_gate.count', 'name:checkout_v2') is not None
        del project.gates['checkout_v2']
        minutes.run()

    assert minutes.value('check_gate.count', 'name:checkout_v2') is None


def test_delivery_stops_with_the_time_of_the_run_and_goes_on_in_the_next() -> None:
    project = SandboxProject(seed=1, clock=lambda: 1_795_420_800.0)
    entries = [project.add_audit_entry(timestamp=1_795_420_000 + number)['id'] for number in range(200)]
    with SandboxServer(project) as server:
        minutes = Minutes(server, Settings(interval=60))
        original = minutes.event

        def slow_event(event: DatadogEvent) -> None:
            original(event)
            minutes.now += 0.6

        minutes.event = slow_event  # type: ignore[method-assign]
        minutes.run()
        first = len(minutes.events)
        minutes.run()
        minutes.run()

    assert 50 <= first <= 100
    assert [event.aggregation_key for event in minutes.events] == entries


def test_settings_repr_holds_no_key(capsys: Any) -> None:
    with SandboxServer(SandboxProject(seed=1)) as server:
        minutes = Minutes(server, Settings(interval=60))

    assert DEFAULT_KEY not in repr(vars(minutes.collector))


@pytest.mark.parametrize(
    ('option', 'failing'), [('send_change_events', 'change_event'), ('send_logs', 'log')], ids=['change events', 'logs']
)
def test_a_form_that_fails_costs_no_event_and_not_the_other_form(
    server: SandboxServer, project: SandboxProject, option: str, failing: str
) -> None:
    minutes = Minutes(server, Settings(interval=60, send_change_events=True, send_logs=True))
    minutes.failing = failing
    wanted = [str(project.add_audit_entry(timestamp=minutes.now - 100 + number)['id']) for number in range(60)]

    minutes.run()

    assert [event.aggregation_key for event in minutes.events] == wanted
    assert (minutes.change_events, minutes.logs) == ((0, 60) if failing == 'change_event' else (60, 0))
    assert minutes.warnings == [
        f'`{option}` failed for 60 audit-log entries, which went as events all the same. The log has the '
        'details of the first.'
    ]
