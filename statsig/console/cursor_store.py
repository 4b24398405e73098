"""Where the cursor is kept: two slots of a key-value store that may lose, tear or garble what is written.

The Agent's persistent cache truncates a file in place, without fsync, and swallows its errors: a crash or a full disk
leaves an empty or half-written value, silently. So the cursor stands in two slots, with a sequence number and a
checksum, and each write is read back before the other slot is touched: whatever happens to one of them costs nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from statsig.console.cursor import Cursor, decode, encode

Slot = Literal['a', 'b']
SLOTS: tuple[Slot, ...] = ('a', 'b')
AGENT_FILES = 'the files in the run directory of the Agent (`agent check` must be run as dd-agent, not as root)'


class CursorNotSavedError(Exception):
    """The store does not hold what was written to it."""


class CursorUnreadableError(Exception):
    """The store failed to read a slot, so what was delivered is not known. (Damaged content is not that.)"""


@dataclass(frozen=True, slots=True)
class _Stored:
    sequence: int
    cursor: Cursor


class CursorStore:
    """The cursor of one identity. `read(key)` gives '' for what is absent, and may raise; so may `write(key, text)`.

    files: where they keep it, for messages.
    """

    def __init__(
        self, read: Callable[[str], str], write: Callable[[str, str], None], key: str, files: str = AGENT_FILES
    ) -> None:
        self.files = files
        self._read = read
        self._write = write
        self._key = key
        self._current: _Stored | None = None
        self._sound: Slot = 'b'
        self._unsaved: Cursor | None = None
        self.damaged = False
        """After `load`: a slot held something unreadable, and no other slot nor this process knew the cursor."""
        self.is_behind = False
        """After `load`: a slot holds less than is known; saving again would mend that."""

    def load(self) -> Cursor | None:
        """The newest cursor: of the slots, or of this process where a write or a slot was lost since. None at first.

        Another process (`agent check`) may have moved it on, so it is read again in every run. Raises
        CursorUnreadableError where reading fails and this process does not know the cursor.
        """
        slots: dict[Slot, _Stored | None] = {}
        garbled = False
        for slot in SLOTS:
            try:
                text = self._read(f'{self._key}_{slot}')
                slots[slot] = _parse(text) if text else None
            except ValueError:
                slots[slot] = None
                garbled = True
            except (RuntimeError, OSError) as error:
                if self._current is None:
                    raise CursorUnreadableError(f'reading it failed with {type(error).__name__}') from None
                slots[slot] = self._current
        for slot, stored in slots.items():
            if stored is not None and (self._current is None or stored.sequence > self._current.sequence):
                self._current, self._sound, self._unsaved = stored, slot, None
        self.damaged = garbled and self._current is None
        self.is_behind = self._unsaved is not None or any(stored != self._current for stored in slots.values())
        return self._unsaved or (self._current.cursor if self._current else None)

    def save(self, cursor: Cursor) -> None:
        """Store `cursor` in both slots, reading each back before the other is written. Raises CursorNotSavedError.

        This process goes on from `cursor` in either case: what it says was delivered has been delivered.
        """
        self._unsaved = cursor
        stored = _Stored(self._current.sequence + 1 if self._current else 1, cursor)
        text = _compose(stored)
        # The slot known to be sound comes last: if the first write fails, it is not touched.
        for slot in sorted(SLOTS, key=lambda slot: slot == self._sound):
            self._write_slot(slot, text)
            self._current, self._sound = stored, slot
        self._unsaved = None

    def _write_slot(self, slot: Slot, text: str) -> None:
        try:
            self._write(f'{self._key}_{slot}', text)
            held = self._read(f'{self._key}_{slot}')
        except Exception as error:  # whatever the store raises, the cursor is not in it
            raise CursorNotSavedError(f'failed with {type(error).__name__}') from None
        if held != text:
            raise CursorNotSavedError(f'did not last: of {len(text)} characters, {len(held)} were there when read back')


def _compose(stored: _Stored) -> str:
    content = f'{stored.sequence} {encode(stored.cursor)}'
    return f'{_checksum(content)} {content}'


def _parse(text: str) -> _Stored:
    checksum, _, content = text.partition(' ')
    if checksum != _checksum(content):
        raise ValueError('the checksum does not match: damaged or half-written')
    sequence, _, cursor = content.partition(' ')
    return _Stored(int(sequence), decode(cursor))


def _checksum(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:16]
