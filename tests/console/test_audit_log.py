"""The audit-log reader against the sandbox over HTTP: every entry exactly once, oldest first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from statsig.console.audit_log import AuditLogReader
from statsig.console.audit_walk import slack
from statsig.console.cursor import Cursor, decode, encode
from statsig.console.errors import ConsoleError
from statsig.sandbox.audit_log import Order
from statsig.sandbox.knobs import Fault
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import SandboxServer
from tests.clock import Clock
from tests.console.conftest import client_of

OVERLAP = 600
LOOKBACK = 3600


@dataclass
class Poller:
    """What a check does with a reader: deliver, remember, settle; and begin anew after a restart."""

    server: SandboxServer
    clock: Clock
    most_requests: int = 20
    delivered: list[str] = field(default_factory=list)
    malformed: int = 0
    cursor: Cursor | None = None

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.reader = AuditLogReader(client_of(self.server), self.clock, self.clock)

    def poll(self) -> bool:
        """One run; whether nothing was left unread."""
        self.cursor = self.cursor or Cursor(int(self.clock()) - LOOKBACK)
        try:
            reading = self.reader.read(self.cursor, self.most_requests)
        except ConsoleError:
            return False
        for start in range(0, len(reading.items), 50):
            batch = reading.items[start : start + 50]
            self.delivered += [item.entry.id for item in batch if item.entry]
            self.malformed += sum(item.entry is None for item in batch)
            advanced = self.cursor.advanced([(item.digest, item.time) for item in batch], reading.horizon, OVERLAP)
            self.cursor = decode(encode(advanced))
        self.reader.settle(reading)
        return reading.complete

    def poll_all(self, at_most: int = 60) -> None:
        for _ in range(at_most):
            if self.poll():
                return
        raise AssertionError(f'not complete after {at_most} runs')


@pytest.fixture
def poller(server: SandboxServer, clock: Clock) -> Poller:
    return Poller(server, clock)


def add(project: SandboxProject, ages: list[float], **fields: Any) -> list[str]:
    """Entries that happened so many seconds before now; their ids, oldest first."""
    now = project.clock()
    entries = [(now - age, project.add_audit_entry(timestamp=now - age, **fields)['id']) for age in ages]
    return [entry_id for _, entry_id in sorted(entries, key=lambda entry: entry[0])]


def test_entries_of_the_look_back_are_delivered_oldest_first_and_once(project: SandboxProject, poller: Poller) -> None:
    add(project, [3601, 86_400])
    expected = add(project, [10, 3000, 20, 3599])

    poller.poll()
    poller.poll()

    assert poller.delivered == expected


def test_an_empty_log_is_no_problem(poller: Poller) -> None:
    assert poller.poll()
    assert poller.delivered == []


def test_a_run_with_nothing_new_takes_one_request(
    server: SandboxServer, project: SandboxProject, poller: Poller
) -> None:
    add(project, list(range(0, 9000, 60)))
    poller.poll()
    server.reset_requests()

    poller.poll()

    assert len(server.requests) == 1


def test_several_entries_in_the_same_second_seen_at_different_times(
    project: SandboxProject, poller: Poller, clock: Clock
) -> None:
    first = add(project, [0])
    poller.poll()
    clock.now += 60
    second = add(project, [60])

    poller.poll()

    assert poller.delivered == [*first, *second]


def test_an_entry_that_comes_late_within_the_overlap_is_delivered(
    project: SandboxProject, poller: Poller, clock: Clock
) -> None:
    add(project, [0])
    poller.poll()
    clock.now += 30
    late = add(project, [OVERLAP - 10])

    poller.poll()
    poller.poll()

    assert poller.delivered[1:] == late


def test_an_entry_dated_in_the_future_is_delivered_once_and_hides_nothing(
    project: SandboxProject, poller: Poller, clock: Clock
) -> None:
    future = add(project, [-5000])
    poller.poll()
    clock.now += 60
    ordinary = add(project, [0])
    poller.poll()
    clock.now += 6000
    later = add(project, [0])

    poller.poll()

    assert poller.delivered == [*future, *ordinary, *later]


def test_a_restart_repeats_nothing(project: SandboxProject, poller: Poller) -> None:
    expected = add(project, list(range(500)))
    poller.poll()
    poller.restart()

    poller.poll()

    assert poller.delivered == expected


@pytest.mark.parametrize('action', ['insert', 'delete'])
def test_entries_inserted_or_deleted_while_paging_are_neither_repeated_nor_lost(
    server: SandboxServer, project: SandboxProject, poller: Poller, action: str
) -> None:
    expected = add(project, [age * 2.0 for age in range(450)])
    inserted: list[str] = []

    def between_pages(request: Any) -> None:
        if action == 'insert':
            inserted.extend(add(project, [0]))
        elif len(server.requests) in (2, 4):
            # Two that stand on pages already read: those behind them move up, across the page's edge.
            project.delete_audit_entry(expected[-len(server.requests)])
            project.delete_audit_entry(expected[-len(server.requests) - 5])

    server.knobs.before_request = between_pages
    poller.poll_all()
    server.knobs.before_request = None
    poller.poll_all()

    wanted = Counter(expected + inserted) if action == 'insert' else Counter(expected)
    assert Counter(poller.delivered) == wanted


@pytest.mark.parametrize(
    'fault',
    [Fault.of_status(500), Fault('html'), Fault('truncated_json'), Fault('reset'), Fault('cut_off')],
    ids=lambda fault: fault.kind,
)
@pytest.mark.parametrize('page', [1, 2, 3])
def test_a_page_that_fails_once_costs_nothing(
    server: SandboxServer, project: SandboxProject, poller: Poller, fault: Fault, page: int
) -> None:
    expected = add(project, list(range(250)))
    server.fail_next('/console/v1/audit_logs', fault, skip=page - 1)

    poller.poll()
    assert poller.delivered == []
    poller.poll()

    assert poller.delivered == expected


def test_a_malformed_entry_is_counted_once_and_stalls_nothing(
    project: SandboxProject, poller: Poller, clock: Clock
) -> None:
    before = add(project, [30])
    project.add_raw_audit_entry({'id': 'broken', 'name': None}, timestamp=clock.now - 20)
    after = add(project, [10])

    for _ in range(3):
        poller.poll()
        clock.now += 60
    newer = add(project, [0])
    poller.poll()

    assert poller.delivered == [*before, *after, *newer]
    assert poller.malformed == 1


def test_entries_of_many_megabytes_are_read_in_smaller_pages(project: SandboxProject, poller: Poller) -> None:
    expected = add(project, [float(age) for age in range(12)], changes={'value': {'old': None, 'new': 'x' * 1_000_000}})

    poller.poll_all()

    assert poller.delivered == expected


def test_a_backlog_is_worked_off_oldest_first_in_runs_of_bounded_size(
    server: SandboxServer, project: SandboxProject, poller: Poller, clock: Clock
) -> None:
    add(project, [0])
    poller.poll()
    clock.now += 20 * 86_400
    expected = add(project, [age * 400.0 for age in range(4300)])
    poller.most_requests = 8

    sizes = []
    for _ in range(40):
        before = len(poller.delivered)
        server.reset_requests()
        complete = poller.poll()
        sizes.append(len(poller.delivered) - before)
        assert len(server.requests) <= 8
        clock.now += 60
        expected += add(project, [0])
        if complete:
            break
    poller.poll_all()

    assert poller.delivered[1:] == expected
    assert max(sizes) <= 800
    assert len(sizes) < 25, 'the log of 44 pages is read about once, not again and again'


def test_an_entry_that_comes_late_below_what_was_read_of_a_backlog_is_delivered(
    project: SandboxProject, poller: Poller, clock: Clock
) -> None:
    """The stretches of a backlog are not read again: the overlap must reach below the last of them afterwards."""
    poller.most_requests = 14
    expected = add(project, [age * 0.6 for age in range(1500)])
    while not poller.delivered:
        poller.poll()
        clock.now += 1
    late = add(project, [OVERLAP - 1])
    clock.now += 60
    expected += add(project, [0])

    poller.poll_all()
    poller.poll_all()

    assert Counter(poller.delivered) == Counter(expected + late)


@pytest.mark.parametrize('most_requests', [6, 20])
def test_after_a_large_burst_silence_costs_one_request_a_run(
    server: SandboxServer, project: SandboxProject, poller: Poller, clock: Clock, most_requests: int
) -> None:
    poller.most_requests = most_requests
    expected = add(project, [age / 20 for age in range(1000)])
    poller.poll_all()
    poller.poll_all()
    server.reset_requests()
    for _ in range(4):
        clock.now += 60
        poller.poll()
    quiet_requests = len(server.requests)
    late = add(project, [300])

    poller.poll_all()

    assert quiet_requests == 4
    assert poller.delivered == expected + late


@pytest.mark.parametrize('seconds', [0.0, 120.0])
def test_bursts_larger_than_a_page_in_one_second_or_two_minutes(
    project: SandboxProject, poller: Poller, seconds: float
) -> None:
    expected = add(project, [age * seconds / 5000 for age in range(5000)])

    poller.poll_all()
    poller.poll_all()

    assert Counter(poller.delivered) == Counter(expected)


def backlog(
    project: SandboxProject, poller: Poller, clock: Clock, entries: int, hours: float, **fields: Any
) -> list[str]:
    """One entry delivered, then an Agent that was away for so long, while so many entries were written."""
    add(project, [0])
    poller.poll()
    clock.now += hours * 3600
    return add(project, [number * hours * 3600 / entries for number in range(entries)], **fields)


@pytest.mark.parametrize('most_requests', [1, 2, 3])
def test_a_backlog_is_worked_off_with_the_smallest_budget(
    project: SandboxProject, poller: Poller, clock: Clock, most_requests: int
) -> None:
    expected = backlog(project, poller, clock, 400, hours=24)
    poller.most_requests = most_requests

    poller.poll_all(at_most=40)

    assert poller.delivered[1:] == expected


@pytest.mark.parametrize('kilobytes', [100, 400])
def test_a_backlog_of_large_entries_is_worked_off(
    project: SandboxProject, poller: Poller, clock: Clock, kilobytes: int
) -> None:
    large = {'value': {'old': None, 'new': 'x' * kilobytes * 1000}}
    expected = backlog(project, poller, clock, 200, hours=8, changes=large)
    poller.most_requests = 13

    poller.poll_all(at_most=80)

    assert poller.delivered[1:] == expected


@pytest.mark.parametrize('older', [30, 90])
def test_an_entry_larger_than_any_page_is_passed_over(
    project: SandboxProject, poller: Poller, clock: Clock, older: int
) -> None:
    expected = add(project, [1000.0 + number for number in range(older)])
    project.add_audit_entry(timestamp=clock.now - 900, changes={'value': {'old': None, 'new': 'x' * 9_000_000}})
    expected += add(project, [float(number) for number in range(60)])
    poller.most_requests = 13

    poller.poll_all(at_most=30)

    assert Counter(poller.delivered) == Counter(expected)


def test_a_backlog_is_worked_off_although_the_log_grows_meanwhile(
    project: SandboxProject, poller: Poller, clock: Clock
) -> None:
    expected = backlog(project, poller, clock, 2000, hours=48)
    poller.most_requests = 5
    for _ in range(30):
        poller.poll()
        clock.now += 3600
        expected += add(project, [float(age) for age in range(150)])
    poller.most_requests = 20
    poller.poll_all()

    assert Counter(poller.delivered[1:]) == Counter(expected)


def test_an_entry_that_stands_out_of_order_proves_nothing(
    server: SandboxServer, project: SandboxProject, poller: Poller, clock: Clock
) -> None:
    """In a log in order of insertion: 99 entries, one that came hours late, and behind it some of the last hour."""
    server.knobs.order = 'insertion'
    add(project, [float(age) for age in range(4000, 7000, 20)])
    poller.poll()
    clock.now += 3600
    for age in range(3000, 1600, -20):
        project.add_audit_entry(timestamp=clock.now - age)
    project.add_audit_entry(timestamp=clock.now - 9000)
    for age in range(1500, 510, -10):
        project.add_audit_entry(timestamp=clock.now - age)
    wanted = {entry.value['id'] for entry in project.audit_log.since(150) if entry.timestamp >= clock.now - 3000}

    poller.poll_all()

    assert wanted <= set(poller.delivered)


def test_a_page_that_is_empty_by_mistake_is_not_taken_for_the_end(
    server: SandboxServer, project: SandboxProject, poller: Poller
) -> None:
    expected = add(project, [float(age) for age in range(250)])
    empty = {'message': 'ok', 'data': [], 'pagination': {'itemsPerPage': 99, 'pageNumber': 2, 'nextPage': None}}
    server.fail_next('/console/v1/audit_logs', Fault('wrong_shape', body=empty), skip=1)

    poller.poll()
    assert poller.delivered == []
    poller.poll()

    assert poller.delivered == expected


SERVERS = st.fixed_dictionaries(
    {
        'order': st.sampled_from(['newest_first', 'unordered_within_day', 'insertion']),
        'date_filter': st.sampled_from(['inclusive_utc', 'exclusive', 'other_time_zone', 'ignored']),
        'date_filter_offset_hours': st.sampled_from([-12, 0, 14]),
        'time_offset_minutes': st.sampled_from([0, 330, -480]),
        'max_page_size': st.sampled_from([None, 10, 37]),
        'ignore_limit': st.booleans(),
        'omit_total_items': st.booleans(),
    }
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just('insert'), st.lists(st.integers(0, OVERLAP - 121), max_size=40)),
        st.tuples(st.just('insert'), st.lists(st.integers(-7200, 0), max_size=2)),
        st.tuples(st.just('insert far too late'), st.lists(st.integers(OVERLAP + 1, 200_000), max_size=3)),
        st.tuples(st.just('burst'), st.integers(1, 150)),
        st.tuples(st.just('poll'), st.integers(2, 12)),
        st.tuples(st.just('poll while inserting'), st.integers(2, 12)),
        st.tuples(st.just('fail'), st.integers(0, 3)),
        st.tuples(st.just('restart'), st.none()),
        st.tuples(st.just('wait'), st.sampled_from([1, 60, 3600, 40_000])),
    ),
    max_size=14,
)


@settings(max_examples=60, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # shrinking takes minutes
@given(SERVERS, STEPS)
def test_whatever_the_server_does_and_whenever_it_fails_every_entry_is_delivered_exactly_once(
    knobs: dict[str, Any], steps: list[tuple[str, Any]]
) -> None:
    clock = Clock()
    project = SandboxProject(seed=1, clock=clock)
    with SandboxServer(project) as server:
        for knob, value in knobs.items():
            setattr(server.knobs, knob, value)
        poller = Poller(server, clock)
        poller.poll()
        expected: list[str] = []
        strangers: list[str] = []
        for step, value in steps:
            if step == 'insert':
                expected += add(project, value)
            elif step == 'insert far too late':
                strangers += add(project, value)
            elif step == 'burst':
                expected += add(project, [0] * value)
            elif step == 'fail':
                server.fail_next('/console/v1/audit_logs', Fault.of_status(500), skip=value)
            elif step == 'restart':
                poller.restart()
            elif step == 'wait':
                clock.now += value
            else:
                if step == 'poll while inserting':
                    server.knobs.before_request = lambda _: expected.extend(add(project, [0, 5]))  # noqa: B023  (cleared below)
                poller.most_requests = value
                poller.poll()
                server.knobs.before_request = None
        server.clear_faults()
        poller.most_requests = 20
        poller.poll_all()
        poller.poll_all()

    delivered = Counter(poller.delivered)
    promised = Counter({entry: times for entry, times in delivered.items() if entry not in strangers})
    assert promised == Counter(expected)
    assert set(delivered.values()) <= {1}


ORDERS: list[Order] = ['newest_first', 'unordered_within_day', 'insertion']


@pytest.mark.parametrize('order', ORDERS)
def test_a_day_in_any_order_is_read_whole(
    server: SandboxServer, project: SandboxProject, poller: Poller, clock: Clock, order: Order
) -> None:
    server.knobs.order = order
    expected = []
    for _ in range(30):
        expected += add(project, [float(age) for age in range(0, 400, 20)])
        poller.poll_all()
        clock.now += 1200

    assert Counter(poller.delivered) == Counter(expected)


def test_the_slack_for_disorder_is_at_most_a_day() -> None:
    assert slack(0) == 0
    assert slack(60) == 480
    assert slack(10**9) == 86_400
