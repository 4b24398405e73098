"""One bad record is reported as such; a good one is read whatever else stands in it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.console.records import (
    MalformedRecordError,
    parse_audit_entry,
    parse_audit_time,
    parse_entity,
    parse_experiment,
    parse_exposure_count,
    parse_gate,
)

ENTRY: dict[str, Any] = {
    'id': '25KPZcLjTY7AS1uZdBolPZ',
    'name': 'test_gate_1',
    'changeLog': 'Created Gate',
    'actionType': 'gate_create',
    'date': 'Mon Sep 26 2022',
    'time': '23:46:14 GMT+0000 (Coordinated Universal Time)',
    'updatedBy': 'Jane Doe',
    'updatedByUserID': '4eoDlYj7svJixZfDsYSn',
    'modifierEmail': None,
    'changes': {},
    'tags': [],
}
OPTIONAL_FIELDS = ('changeLog', 'updatedBy', 'updatedByUserID', 'modifierEmail', 'changes', 'tags', 'targetAppIDs')
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_an_entry_of_statsigs_own_documentation() -> None:
    entry = parse_audit_entry(ENTRY)

    assert entry.id == '25KPZcLjTY7AS1uZdBolPZ'
    assert entry.action == 'gate_create'
    assert entry.author == 'Jane Doe'
    assert datetime.fromtimestamp(entry.timestamp, UTC) == datetime(2022, 9, 26, 23, 46, 14, tzinfo=UTC)


@given(
    st.datetimes(datetime(2015, 1, 1), datetime(2100, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
)
def test_any_moment_that_javascript_prints_is_read_to_the_second(moment: datetime, offset: int) -> None:
    there = moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=offset)))
    day = ('Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun')[there.weekday()]
    months = ('Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec')
    sign, minutes = '-' if offset < 0 else '+', abs(offset)

    read = parse_audit_time(
        f'{day} {months[there.month - 1]} {there.day:02} {there.year}',
        f'{there.hour:02}:{there.minute:02}:{there.second:02} GMT{sign}{minutes // 60:02}{minutes % 60:02} (Somewhere)',
    )

    assert read == int(there.timestamp())


def test_the_time_is_read_the_same_on_a_host_in_another_time_zone() -> None:
    program = (
        'from statsig.console.records import parse_audit_time\n'
        'print(parse_audit_time("Mon Sep 26 2022", "23:46:14 GMT+0000 (Coordinated Universal Time)"))'
    )

    printed = subprocess.run(
        [sys.executable, '-c', program], env={'TZ': 'America/New_York'}, capture_output=True, text=True, check=True
    )

    assert int(printed.stdout) == 1_664_235_974


@pytest.mark.parametrize('field', ['id', 'name', 'actionType', 'date', 'time'])
@pytest.mark.parametrize('value', [None, [], {'a': 1}, 1.5, True])
def test_an_entry_without_one_of_the_five_fields_is_malformed_and_the_field_is_named(field: str, value: Any) -> None:
    with pytest.raises(MalformedRecordError) as error:
        parse_audit_entry({**ENTRY, field: value})

    assert f'`{field}`' in str(error.value)


@pytest.mark.parametrize(
    ('date', 'time'),
    [
        ('Mon Sep 31 2022', '10:00:00 GMT+0000'),
        ('Mon Foo 26 2022', '10:00:00 GMT+0000'),
        ('Mon Sep 26 2022', '25:00:00 GMT+0000'),
        ('2022-09-26', '10:00:00 GMT+0000'),
        ('Mon Sep 26 2022', 'noon'),
        ('', ''),
    ],
)
def test_a_time_that_is_none_is_malformed(date: str, time: str) -> None:
    with pytest.raises(MalformedRecordError):
        parse_audit_time(date, time)


@given(st.dictionaries(st.sampled_from(OPTIONAL_FIELDS), ANY_JSON))
def test_an_entry_with_the_five_fields_is_read_whatever_the_rest_looks_like(rest: dict[str, Any]) -> None:
    required = {field: ENTRY[field] for field in ('id', 'name', 'actionType', 'date', 'time')}

    entry = parse_audit_entry({**rest, **required})

    assert entry.id == ENTRY['id']


@given(ANY_JSON)
def test_whatever_the_api_answers_a_record_is_read_or_malformed(raw: Any) -> None:
    for parse in (parse_audit_entry, parse_gate, parse_experiment, parse_entity, parse_exposure_count):
        try:
            outcome = parse(raw).id
        except MalformedRecordError as error:
            outcome = str(error)
        assert 0 < len(outcome) < 300


@pytest.mark.parametrize('figure', [None, '12', True, float('nan'), float('inf')])
def test_a_figure_that_is_no_number_is_never_made_up(figure: Any) -> None:
    with pytest.raises(MalformedRecordError):
        parse_exposure_count({'id': 'a_gate', 'pastDay': figure, 'past7Days': 98})
