"""The SQLite file of the journal.

SQLite arbitrates: every decision is made, and every change of a gate is claimed, in a transaction that no other
process can interleave with. Each is on disk before anything follows from it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

FILE = 'triggers.sqlite3'

_SCHEMA = """
CREATE TABLE requests (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, source TEXT NOT NULL, address TEXT NOT NULL,
  outcome TEXT NOT NULL, times INTEGER NOT NULL DEFAULT 1, monitor_id TEXT NOT NULL DEFAULT '',
  transition TEXT NOT NULL DEFAULT '', cycle TEXT NOT NULL DEFAULT '', scope TEXT NOT NULL DEFAULT '',
  title TEXT NOT NULL DEFAULT '', link TEXT NOT NULL DEFAULT '', is_test INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX requests_by_outcome ON requests (outcome, at);
CREATE INDEX requests_by_age ON requests (at);
CREATE TABLE decisions (
  id INTEGER PRIMARY KEY, request_id INTEGER NOT NULL, at REAL NOT NULL, rule TEXT NOT NULL, gate TEXT NOT NULL,
  verdict TEXT NOT NULL, reason TEXT NOT NULL, why TEXT NOT NULL, action_id INTEGER, told INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX decisions_by_request ON decisions (request_id);
CREATE INDEX decisions_untold ON decisions (id) WHERE told = 0;
CREATE TABLE actions (
  id INTEGER PRIMARY KEY AUTOINCREMENT, request_id INTEGER NOT NULL, rule TEXT NOT NULL, rule_scope TEXT NOT NULL,
  gate TEXT NOT NULL,
  kind TEXT NOT NULL, rehearsal INTEGER NOT NULL, by TEXT NOT NULL, monitor_id TEXT NOT NULL, cycle TEXT NOT NULL,
  scope TEXT NOT NULL, decided_at REAL NOT NULL, begin_at REAL NOT NULL, due_at REAL NOT NULL,
  put_after REAL NOT NULL DEFAULT 0, settled_at REAL NOT NULL DEFAULT 0,
  settled_before REAL NOT NULL DEFAULT 0, give_up_at REAL NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting', called_off TEXT NOT NULL DEFAULT '',
  changes INTEGER NOT NULL DEFAULT 0, first_change_at REAL, answered INTEGER NOT NULL DEFAULT 0,
  mark_before TEXT NOT NULL DEFAULT '', mark_answered TEXT NOT NULL DEFAULT '',
  attempts INTEGER NOT NULL DEFAULT 0, gate_before TEXT NOT NULL DEFAULT '', gate_after TEXT NOT NULL DEFAULT '',
  mark TEXT NOT NULL DEFAULT '', owned INTEGER NOT NULL DEFAULT 0, undone INTEGER NOT NULL DEFAULT 0,
  outcome TEXT NOT NULL DEFAULT '', why TEXT NOT NULL DEFAULT '', ended_at REAL, told INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX actions_by_request ON actions (request_id);
CREATE INDEX actions_of_rule ON actions (rule) WHERE state = 'waiting';
CREATE INDEX actions_changing ON actions (rule, first_change_at) WHERE first_change_at IS NOT NULL;
CREATE INDEX actions_idle ON actions (rule, ended_at) WHERE outcome = 'already_off';
CREATE INDEX actions_owned ON actions (rule, gate) WHERE owned = 1 AND undone = 0;
CREATE INDEX actions_unsettled ON actions (gate) WHERE settled_at > 0;
CREATE INDEX rehearsals ON actions (rule, decided_at) WHERE rehearsal = 1;
CREATE INDEX actions_by_cycle ON actions (gate, monitor_id, cycle);
CREATE INDEX actions_waiting ON actions (due_at) WHERE state = 'waiting';
CREATE INDEX actions_untold ON actions (id) WHERE told = 0 AND state = 'ended';
CREATE INDEX actions_changed ON actions (first_change_at) WHERE first_change_at IS NOT NULL;
CREATE TABLE steps (
  id INTEGER PRIMARY KEY, action_id INTEGER NOT NULL, at REAL NOT NULL, what TEXT NOT NULL
);
CREATE INDEX steps_by_action ON steps (action_id);
CREATE TABLE alerts (
  rule TEXT NOT NULL, monitor_id TEXT NOT NULL, key TEXT NOT NULL, cycle TEXT NOT NULL, scope TEXT NOT NULL,
  request_id INTEGER NOT NULL, state TEXT NOT NULL, put_off INTEGER NOT NULL, at REAL NOT NULL, happened REAL,
  PRIMARY KEY (rule, monitor_id, key)
);
CREATE INDEX alerts_by_state ON alerts (rule, state, at);
CREATE INDEX alerts_by_age ON alerts (at);
CREATE INDEX alerts_by_scope ON alerts (rule, monitor_id, scope) WHERE state = 'alerting';
CREATE TABLE watched (
  monitor_id TEXT NOT NULL, scope TEXT NOT NULL, status TEXT NOT NULL, cycle TEXT NOT NULL, at REAL NOT NULL,
  PRIMARY KEY (monitor_id, scope)
);
PRAGMA user_version = 2;
"""
_VERSION = 2


class JournalError(Exception):
    """The journal cannot be used; the message says why, and what to do."""


class Database:
    """Safe to use from several threads and processes at once.

    Raises JournalError when it cannot be opened; its methods raise sqlite3.Error when the disk fails.
    """

    def __init__(self, directory: Path, *, read_only: bool = False) -> None:
        self.lock = threading.RLock()
        self._connection = _opened_to_read(directory) if read_only else _opened(directory)

    def close(self) -> None:
        with self.lock:
            self._connection.close()

    def execute(self, query: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        return self._connection.execute(query, values)

    def execute_many(self, query: str, values: Iterable[Sequence[object]]) -> None:
        self._connection.executemany(query, values)

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Each as column → value."""
        with self.lock:
            cursor = self._connection.execute(query, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def one(self, query: str, *values: Any) -> Any:
        """The first column of the first row; None where there is no row."""
        with self.lock:
            found = self._connection.execute(query, values).fetchone()
        return found[0] if found else None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and nobody in between. Within another one it is a part of that."""
        with self.lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute('BEGIN IMMEDIATE')
            try:
                yield
            except BaseException:
                # What a full disk has rolled back already cannot be again: the cause is what counts.
                with suppress(sqlite3.Error):
                    self._connection.execute('ROLLBACK')
                raise
            self._connection.execute('COMMIT')


def _opened(directory: Path) -> sqlite3.Connection:
    file = directory / FILE
    try:
        directory.mkdir(parents=True, exist_ok=True)
        # Nobody else's to read: SQLite gives its other two files the mode of this one.
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(file, timeout=10.0, isolation_level=None, check_same_thread=False)
        _use_wal(connection)
        connection.execute('PRAGMA synchronous = FULL')  # what is committed outlives a power cut
        connection.execute('BEGIN IMMEDIATE')
        version = _version(connection)
        if version == 0:
            for statement in _SCHEMA.split(';\n'):
                connection.execute(statement)
        connection.execute('COMMIT')
    except (sqlite3.Error, OSError) as error:
        raise JournalError(
            f'Option `state_dir`: the journal {file} cannot be opened ({getattr(error, "strerror", None) or error}). '
            'The directory must exist or be creatable, be writable, and be on a local disk.'
        ) from None
    return _of_this_version(connection, file, version or _VERSION)


def _use_wal(connection: sqlite3.Connection) -> None:
    """Unlike all else this does not wait while another process does the same to a new file."""
    for _ in range(50):
        try:
            connection.execute('PRAGMA journal_mode = WAL')
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(0.1)
        else:
            return


def _opened_to_read(directory: Path) -> sqlite3.Connection:
    file = directory / FILE
    try:
        connection = sqlite3.connect(f'{file.absolute().as_uri()}?mode=ro', uri=True, timeout=10.0)
        version = _version(connection)
    except sqlite3.Error as error:
        raise JournalError(
            f'The journal {file} cannot be read ({error}). Is it one, and may this user read it, as the relay may?'
        ) from None
    return _of_this_version(connection, file, version)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute('PRAGMA user_version').fetchone()[0])


def _of_this_version(connection: sqlite3.Connection, file: Path, version: int) -> sqlite3.Connection:
    if version != _VERSION:
        connection.close()
        written = f'was written by another version ({version}) of this program' if version else 'is empty'
        raise JournalError(f'The journal {file} {written}.')
    return connection
