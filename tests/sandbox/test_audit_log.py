"""The audit log's order, its filters, and what of both is undocumented and so can be turned about."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.sandbox.audit_log import AuditLog, AuditQuery, DateFilter, printed_time
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import SandboxServer
from tests.clock import NOW
from tests.sandbox.conftest import Get

HOUR = 3600.0
MONDAY = date(2026, 11, 23)


def ids(get: Get, **query: object) -> list[str]:
    return [entry['id'] for entry in get('audit_logs', **query).json()['data']]


def test_the_newest_comes_first_and_the_later_of_one_second_before_the_earlier(
    get: Get, project: SandboxProject
) -> None:
    project.add_audit_entry(id='second', timestamp=NOW)
    project.add_audit_entry(id='third', timestamp=NOW)
    project.add_audit_entry(id='first', timestamp=NOW - 5)

    assert ids(get) == ['third', 'second', 'first']
    assert ids(get, sortKey='time', sortOrder='asc') == ['first', 'second', 'third']
    assert ids(get, sortKey='id') == ['third', 'second', 'first']


def test_another_order_has_the_same_entries(get: Get, project: SandboxProject, server: SandboxServer) -> None:
    for number in range(20):
        project.add_audit_entry(id=f'{number:02}', timestamp=NOW - (number % 10) * 60)
    newest_first = ids(get)

    server.knobs.order = 'insertion'
    assert ids(get) == [f'{number:02}' for number in reversed(range(20))]
    server.knobs.order = 'unordered_within_day'
    shuffled = ids(get)
    assert shuffled != newest_first
    assert sorted(shuffled) == sorted(newest_first)
    assert ids(get) == shuffled


def test_days_stay_in_order_when_they_are_unordered_within(
    get: Get, project: SandboxProject, server: SandboxServer
) -> None:
    for number in range(10):
        project.add_audit_entry(id=f'today {number}', timestamp=NOW)
        project.add_audit_entry(id=f'yesterday {number}', timestamp=NOW - 24 * HOUR)
    server.knobs.order = 'unordered_within_day'

    assert [each.split()[0] for each in ids(get)] == ['today'] * 10 + ['yesterday'] * 10


def test_entries_can_be_asked_for_by_action_tag_and_id(get: Get, project: SandboxProject) -> None:
    project.add_audit_entry('gate_create', id='created', tags=['core'])
    project.add_audit_entry('gate_update', id='updated')
    project.add_audit_entry('user_login', id='login')

    assert ids(get, actionType='gate_create') == ['created']
    assert ids(get, actionTypes=['gate_create', 'user_login']) == ['login', 'created']
    assert ids(get, tags='core') == ['created']
    assert ids(get, id='updated') == ['updated']


@pytest.mark.parametrize(
    ('date_filter', 'offset_hours', 'expected'),
    [
        ('inclusive_utc', 0, ['monday night', 'monday morning']),
        ('exclusive', 0, []),
        ('other_time_zone', 9, ['monday morning', 'sunday night']),
        ('other_time_zone', -8, ['tuesday morning', 'monday night']),
        ('ignored', 0, ['tuesday morning', 'monday night', 'monday morning', 'sunday night']),
    ],
)
def test_what_a_date_means_can_be_chosen(
    date_filter: DateFilter,
    offset_hours: float,
    expected: list[str],
    get: Get,
    project: SandboxProject,
    server: SandboxServer,
) -> None:
    midnight = NOW - 8 * HOUR
    for name, hours in (('sunday night', -2), ('monday morning', 2), ('monday night', 22), ('tuesday morning', 26)):
        project.add_audit_entry(id=name, timestamp=midnight + hours * HOUR)
    server.knobs.date_filter = date_filter
    server.knobs.date_filter_offset_hours = offset_hours

    assert ids(get, startDate='2026-11-23', endDate='2026-11-23') == expected


def test_dates_can_exclude_the_days_they_name(get: Get, project: SandboxProject, server: SandboxServer) -> None:
    for days in range(5):
        project.add_audit_entry(id=f'{days} days ago', timestamp=NOW - days * 24 * HOUR)
    server.knobs.date_filter = 'exclusive'

    assert ids(get, startDate='2026-11-19', endDate='2026-11-22') == ['2 days ago', '3 days ago']


def test_times_can_be_printed_in_another_zone(get: Get, project: SandboxProject, server: SandboxServer) -> None:
    project.add_audit_entry(timestamp=NOW + 15 * HOUR)
    server.knobs.time_offset_minutes = 330

    (entry,) = get('audit_logs').json()['data']

    assert entry['date'] == 'Tue Nov 24 2026'
    assert entry['time'] == '04:30:00 GMT+0530 (India Standard Time)'


@given(
    timestamp=st.integers(min_value=0, max_value=4_000_000_000),
    offset=st.integers(min_value=-12 * 60, max_value=14 * 60),
)
def test_a_printed_time_can_be_read_back(timestamp: int, offset: int) -> None:
    printed = printed_time(timestamp, offset)

    text = f'{printed["date"]} {printed["time"].split(" (")[0]}'
    assert datetime.strptime(text, '%a %b %d %Y %H:%M:%S GMT%z').timestamp() == timestamp


@given(st.lists(st.floats(min_value=NOW - 5 * 86400, max_value=NOW), max_size=40))
def test_each_entry_belongs_to_exactly_one_day(timestamps: list[float]) -> None:
    log = AuditLog()
    for number, timestamp in enumerate(timestamps):
        log.add(timestamp, {'id': str(number)})
    first = datetime.fromtimestamp(NOW - 5 * 86400, UTC).date()
    days = [first + timedelta(days=number) for number in range(6)]

    by_day = [log.select(AuditQuery(start=day, end=day)) for day in reversed(days)]

    assert list(chain.from_iterable(by_day)) == log.select(AuditQuery())
    assert log.select(AuditQuery(start=first, end=MONDAY)) == log.select(AuditQuery())
