"""The SQLite file of the journal.

SQLite arbitrates: every decision is made, and every change of a gate is claimed, in a transaction that no other
process can interleave with. Each is on disk before anything follows from it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FILE = 'triggers.sqlite3'

_SCHEMA = """
CREATE TABLE requests (
  id INTEGER PRIMARY KEY, at REAL NOT NULL, source TEXT NOT NULL, address TEXT NOT NULL, outcome TEXT NOT NULL,
  times INTEGER NOT NULL DEFAULT 1, monitor_id TEXT NOT NULL DEFAULT '', transition TEXT NOT NULL DEFAULT '',
  cycle TEXT NOT NULL DEFAULT '', scope TEXT NOT NULL DEFAULT '', title TEXT NOT NULL DEFAULT '',
  link TEXT NOT NULL DEFAULT '', is_test INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX requests_by_outcome ON requests (outcome, at);
CREATE TABLE decisions (
  id INTEGER PRIMARY KEY, request_id INTEGER NOT NULL, at REAL NOT NULL, rule TEXT NOT NULL, gate TEXT NOT NULL,
  verdict TEXT NOT NULL, reason TEXT NOT NULL, why TEXT NOT NULL, action_id INTEGER, told INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX decisions_by_request ON decisions (request_id);
CREATE INDEX decisions_untold ON decisions (id) WHERE told = 0;
CREATE TABLE actions (
  id INTEGER PRIMARY KEY, request_id INTEGER NOT NULL, rule TEXT NOT NULL, gate TEXT NOT NULL, kind TEXT NOT NULL,
  rehearsal INTEGER NOT NULL, by TEXT NOT NULL, monitor_id TEXT NOT NULL, cycle TEXT NOT NULL, scope TEXT NOT NULL,
  decided_at REAL NOT NULL, due_at REAL NOT NULL, give_up_at REAL NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting', called_off TEXT NOT NULL DEFAULT '',
  changes INTEGER NOT NULL DEFAULT 0, first_change_at REAL, answered INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0, gate_before TEXT NOT NULL DEFAULT '', gate_after TEXT NOT NULL DEFAULT '',
  mark TEXT NOT NULL DEFAULT '', owned INTEGER NOT NULL DEFAULT 0, undone INTEGER NOT NULL DEFAULT 0,
  outcome TEXT NOT NULL DEFAULT '', why TEXT NOT NULL DEFAULT '', ended_at REAL, told INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX actions_by_rule ON actions (rule, kind, state);
CREATE INDEX actions_waiting ON actions (due_at) WHERE state = 'waiting';
CREATE INDEX actions_untold ON actions (id) WHERE told = 0 AND state = 'ended';
CREATE INDEX actions_changed ON actions (first_change_at) WHERE first_change_at IS NOT NULL;
CREATE TABLE steps (
  id INTEGER PRIMARY KEY, action_id INTEGER NOT NULL, at REAL NOT NULL, what TEXT NOT NULL
);
CREATE INDEX steps_by_action ON steps (action_id);
CREATE TABLE alerts (
  rule TEXT NOT NULL, monitor_id TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, at REAL NOT NULL,
  PRIMARY KEY (rule, monitor_id, key)
);
CREATE INDEX alerts_open ON alerts (rule) WHERE state = 'alerting';
CREATE TABLE watched (
  monitor_id TEXT NOT NULL, scope TEXT NOT NULL, status TEXT NOT NULL, cycle TEXT NOT NULL,
  PRIMARY KEY (monitor_id, scope)
);
PRAGMA user_version = 1;
"""
_VERSION = 1


class JournalError(Exception):
    """The journal cannot be used; the message says why, and what to do."""


class Database:
    """Safe to use from several threads and processes at once.

    Raises JournalError when it cannot be opened; its methods raise sqlite3.Error when the disk fails.
    """

    def __init__(self, directory: Path) -> None:
        self.lock = threading.RLock()
        self._connection = _opened(directory)

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
                self._connection.execute('ROLLBACK')
                raise
            self._connection.execute('COMMIT')


def _opened(directory: Path) -> sqlite3.Connection:
    file = directory / FILE
    try:
        directory.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(file, timeout=10.0, isolation_level=None, check_same_thread=False)
        connection.execute('PRAGMA journal_mode = WAL')
        connection.execute('PRAGMA synchronous = FULL')  # what is committed outlives a power cut
        connection.execute('BEGIN IMMEDIATE')
        version = connection.execute('PRAGMA user_version').fetchone()[0]
        if version == 0:
            for statement in _SCHEMA.split(';\n'):
                connection.execute(statement)
        connection.execute('COMMIT')
    except (sqlite3.Error, OSError) as error:
        raise JournalError(
            f'Option `state_dir`: the journal {file} cannot be opened ({getattr(error, "strerror", None) or error}). '
            'The directory must exist or be creatable, be writable, and be on a local disk.'
        ) from None
    if version not in (0, _VERSION):
        connection.close()
        raise JournalError(f'The journal {file} was written by another version ({version}) of this program.')
    return connection
