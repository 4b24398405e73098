"""The cursor: what it remembers, how small it is, and that nothing but itself is ever read back as one."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.console.cursor import MOST_REMEMBERED, Cursor, decode, digest_of, encode
from tests.clock import NOW

OVERLAP = 600
TIMES = st.integers(NOW - 100_000, NOW + 100_000)
CURSORS = st.builds(
    Cursor,
    floor=TIMES,
    delivered=st.dictionaries(st.text().map(digest_of), TIMES, max_size=30),
)


@given(CURSORS)
def test_what_is_stored_is_what_is_read_back(cursor: Cursor) -> None:
    assert decode(encode(cursor)) == cursor


@given(CURSORS, st.data())
def test_a_cursor_cut_short_is_refused(cursor: Cursor, data: st.DataObject) -> None:
    text = encode(cursor)
    with pytest.raises(ValueError):  # noqa: PT011  (any ValueError is the contract)
        decode(text[: data.draw(st.integers(0, len(text) - 1))])


@pytest.mark.parametrize(
    'text',
    [
        '',
        '{}',
        '[]',
        'null',
        '{"version":2}',
        '{"version":1,"floor":null,"steps":[],"ids":""}',
        '{"version":1,"floor":1,"steps":[1],"ids":""}',
        '{"version":1,"floor":1,"steps":["1"],"ids":"12345678"}',
    ],
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        decode(text)


def test_with_5000_entries_inside_the_overlap_it_stays_below_64_kib() -> None:
    seconds = random.Random(1)
    entries = [(digest_of(str(number)), NOW + seconds.randint(0, OVERLAP)) for number in range(5000)]

    cursor = Cursor(NOW).advanced(entries, NOW + OVERLAP, OVERLAP)

    assert len(cursor.delivered) == 5000
    assert len(encode(cursor)) < 64 * 1024


def test_in_ordinary_use_it_stays_below_16_kib() -> None:
    entries = [(digest_of(str(number)), NOW + number) for number in range(600)]

    assert len(encode(Cursor(NOW).advanced(entries, NOW + 600, OVERLAP))) < 16 * 1024


def test_an_entry_dated_in_the_future_does_not_move_the_watermark() -> None:
    cursor = Cursor(NOW - 3600).advanced([('old-----', NOW - 10), ('future--', NOW + 5000)], NOW, OVERLAP)

    assert cursor.floor == NOW - 10 - OVERLAP
    assert 'future--' in cursor.delivered


def test_a_future_entry_delivered_once_does_not_pull_the_watermark_over_older_ones_still_to_come() -> None:
    cursor = Cursor(NOW - 3600).advanced([('future--', NOW + 5000)], NOW, OVERLAP)

    cursor = cursor.advanced([('next----', NOW + 100)], NOW + 9000, OVERLAP)

    assert cursor.floor == NOW + 100 - OVERLAP


@given(st.lists(st.tuples(TIMES, st.text(max_size=3)), max_size=60), TIMES)
def test_the_watermark_never_goes_back_and_nothing_inside_the_overlap_is_forgotten(
    entries: list[tuple[int, str]], horizon: int
) -> None:
    cursor, delivered = Cursor(NOW - 50_000), {}
    for time, name in entries:
        delivered[digest_of(name)] = time
        before = cursor.floor
        cursor = cursor.advanced([(digest_of(name), time)], horizon, OVERLAP)

        assert before <= cursor.floor <= max(before, horizon - OVERLAP)
        assert {digest for digest, time in delivered.items() if time >= cursor.floor} <= set(cursor.delivered)


@given(st.lists(st.tuples(TIMES, st.text(max_size=3)), max_size=60), st.integers(0, 5000), st.integers(0, 5000))
def test_an_overlap_that_is_edited_repeats_nothing(entries: list[tuple[int, str]], before: int, after: int) -> None:
    """What has been forgotten is below the floor, and the floor does not go back when the overlap is made longer."""
    new = {digest_of(name): time for time, name in entries}
    cursor = Cursor(NOW - 50_000).advanced(new.items(), NOW, before).advanced([], NOW, after)

    assert all(digest in cursor.delivered for digest, time in new.items() if time >= cursor.floor)


def test_beyond_20000_entries_it_forgets_the_oldest_and_never_reads_them_again() -> None:
    entries = [(digest_of(str(number)), NOW + number // 50) for number in range(MOST_REMEMBERED + 500)]

    cursor = Cursor(NOW).advanced(entries, NOW + OVERLAP, OVERLAP)

    assert len(cursor.delivered) <= MOST_REMEMBERED + 50
    assert all(digest in cursor.delivered for digest, time in entries if time >= cursor.floor)
