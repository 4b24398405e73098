"""The template, and what Datadog may make of it."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.relay.triggers.notification import TEMPLATE, Notification, UnreadableError, parse, template


def made(**fields: object) -> bytes:
    filled = {'monitor_id': '7', 'transition': 'Triggered', 'cycle_key': 'c', 'title': 'x'}
    return json.dumps({**filled, **fields}).encode()


def test_the_template_itself_is_read_as_knowing_nothing() -> None:
    assert parse(template().encode()) == Notification('', '')


@pytest.mark.parametrize('key', ['', '$ALERT_CYCLE_KEY', 'none', 'null', '0', '  '])
def test_a_cycle_key_that_is_none(key: str) -> None:
    assert parse(made(cycle_key=key)).cycle == ''


def test_numbers_may_come_as_numbers() -> None:
    found = parse(made(monitor_id=123, cycle_key=98765432109876543, date=1795420800000))
    assert (found.monitor_id, found.cycle, found.happened) == ('123', '98765432109876543', 1795420800.0)


@pytest.mark.parametrize('date', ['', '$DATE', 'yesterday', 'nan', '-1', 'inf'])
def test_a_date_that_is_none(date: str) -> None:
    assert parse(made(date=date)).happened is None


def test_scope_and_tags_are_what_it_is_about() -> None:
    found = parse(made(scope='availability-zone:us-east-1a, role:db', tags='monitor,env:production'))
    assert found.about == {'availability-zone:us-east-1a', 'role:db', 'monitor', 'env:production'}


def test_tests_are_known_by_their_title() -> None:
    assert parse(made(title='[TEST] [Triggered] Errors')).is_test
    assert not parse(made(title='[Triggered] Errors')).is_test


@given(st.binary())
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(UnreadableError):
        assert parse(body).monitor_id == str(json.loads(body)['monitor_id']).strip()


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(), lambda s: st.lists(s), max_leaves=5
)


@given(st.dictionaries(st.sampled_from([*TEMPLATE, 'more']), JSON))
def test_any_json_is_read_or_refused(fields: dict[str, object]) -> None:
    try:
        found = parse(json.dumps(fields).encode())
    except UnreadableError:
        return
    assert {'monitor_id', 'transition', 'cycle_key', 'title'} <= fields.keys() <= TEMPLATE.keys()
    assert found.transition == '' or found.transition == str(fields['transition']).strip()


def test_a_quotation_mark_that_is_not_escaped_is_refused_with_a_hint() -> None:
    body = made(title='TITLE').replace(b'TITLE', b'the "new" checkout')
    with pytest.raises(UnreadableError, match='quotation mark'):
        parse(body)


def test_a_test_is_one_whatever_its_title_begins_with() -> None:
    notification = parse(made(title='$HOSTNAME: errors [TEST]'))

    assert (notification.is_test, notification.title) == (True, '$HOSTNAME: errors [TEST]')


def test_what_a_terminal_would_obey_is_left_out() -> None:
    notification = parse(made(title='a\n2026-01-01 b\x1b[2J'))

    assert notification.title == 'a 2026-01-01 b [2J'
