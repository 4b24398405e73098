"""Two slots: whatever happens to one write or one slot, the cursor neither goes back nor is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.console.cursor import Cursor
from statsig.console.cursor_store import CursorNotSavedError, CursorStore, CursorUnreadableError


class Files:
    """A key-value store with the faults of files that are truncated and rewritten in place."""

    def __init__(self) -> None:
        self.content: dict[str, str] = {}
        self.keep_of_next_write: int | None = None
        self.writes_before_that = 0
        self.unreadable = False

    def read(self, key: str) -> str:
        if self.unreadable:
            raise RuntimeError('cannot read')
        return self.content.get(key, '')

    def write(self, key: str, text: str) -> None:
        if self.writes_before_that:
            self.writes_before_that -= 1
            self.content[key] = text
            return
        keep, self.keep_of_next_write = self.keep_of_next_write, None
        self.content[key] = text if keep is None else text[:keep]

    def store(self) -> CursorStore:
        return CursorStore(self.read, self.write, 'cursor')


def test_another_process_goes_on_where_the_last_one_stopped() -> None:
    files = Files()
    files.store().save(Cursor(1))
    second = files.store()
    second.load()
    second.save(Cursor(2))

    assert files.store().load() == Cursor(2)


def test_at_first_there_is_no_cursor_and_that_is_no_damage() -> None:
    store = Files().store()

    assert store.load() is None
    assert not store.damaged


@pytest.mark.parametrize('damage', ['', 'garbage', '\x00' * 40])
@pytest.mark.parametrize('slot', ['cursor_a', 'cursor_b'])
def test_damage_to_one_slot_costs_nothing(damage: str, slot: str) -> None:
    files = Files()
    store = files.store()
    store.save(Cursor(1))
    store.save(Cursor(2))
    files.content[slot] = damage

    assert files.store().load() == Cursor(2)


def test_the_process_that_is_running_repairs_a_damaged_slot() -> None:
    files = Files()
    store = files.store()
    store.save(Cursor(1))
    store.save(Cursor(2))
    files.content.clear()

    assert store.load() == Cursor(2)
    assert store.is_behind
    store.save(Cursor(2))

    assert files.store().load() == Cursor(2)
    store.load()
    assert not store.is_behind


def test_with_both_slots_damaged_it_says_so() -> None:
    files = Files()
    files.content = {'cursor_a': 'garbage', 'cursor_b': 'more'}
    store = files.store()

    assert store.load() is None
    assert store.damaged


def test_a_write_that_is_lost_is_noticed_and_leaves_the_other_slot_alone() -> None:
    files = Files()
    store = files.store()
    store.save(Cursor(1))
    for _ in range(3):
        files.keep_of_next_write = 5
        with pytest.raises(CursorNotSavedError, match='did not last: of 62 characters, 5 were there'):
            store.save(Cursor(2))

    assert files.store().load() == Cursor(1), 'another process still finds the last good one'
    assert store.load() == Cursor(2), 'this one knows what it has delivered'


def test_a_store_that_cannot_be_read_is_no_empty_one() -> None:
    files = Files()
    files.store().save(Cursor(1))
    files.unreadable = True
    store = files.store()

    with pytest.raises(CursorUnreadableError, match='reading it failed with RuntimeError'):
        store.load()
    with pytest.raises(CursorNotSavedError, match='failed with RuntimeError'):
        store.save(Cursor(2))


def test_a_process_that_knows_the_cursor_goes_on_while_the_store_cannot_be_read() -> None:
    files = Files()
    store = files.store()
    store.save(Cursor(1))
    files.unreadable = True

    assert store.load() == Cursor(1)


STEPS = st.lists(
    st.sampled_from(['save', 'torn', 'lost', 'second torn', 'second lost', 'restart', 'other process']), max_size=30
)


@given(STEPS)
def test_no_sequence_of_torn_and_lost_writes_and_restarts_brings_back_an_older_cursor_than_the_last_saved(
    steps: list[str],
) -> None:
    files = Files()
    store = files.store()
    stored = known = 0
    for number, step in enumerate(steps, start=1):
        if step == 'restart':
            store, known = files.store(), stored
        elif step == 'other process':
            other = files.store()
            other.load()
            other.save(Cursor(number))
            stored = known = number
        else:
            files.writes_before_that = 1 if step.startswith('second') else 0
            files.keep_of_next_write = {'torn': 30, 'lost': 0}.get(step.removeprefix('second '))
            store.load()
            known = number
            if step == 'save':
                store.save(Cursor(number))
            else:
                with pytest.raises(CursorNotSavedError):
                    store.save(Cursor(number))
            stored = stored if step in ('torn', 'lost') else number
        loaded, fresh = store.load(), files.store().load()
        assert (loaded.floor if loaded else 0) == known
        assert (fresh.floor if fresh else 0) == stored
