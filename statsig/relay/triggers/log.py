"""Reads the journal for people: what came in, and what became of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from statsig.relay.triggers.database import Database


def read_requests(directory: Path, last: int, acted: bool) -> list[dict[str, Any]]:
    """The newest requests with what became of them, newest first. acted: only those that an action followed from.

    The journal is opened to be read only. Raises JournalError, sqlite3.Error.
    """
    database = Database(directory, read_only=True)
    try:
        which = 'WHERE id IN (SELECT request_id FROM actions WHERE rehearsal = 0)' if acted else ''
        requests = database.rows(f'SELECT * FROM requests {which} ORDER BY id DESC LIMIT ?', last)  # noqa: S608
        for request in requests:
            request['decisions'] = [_decision(database, each) for each in _of(database, 'decisions', request['id'])]
        return requests
    finally:
        database.close()


def _of(database: Database, table: str, request: int) -> list[dict[str, Any]]:
    return database.rows(f'SELECT * FROM {table} WHERE request_id = ? ORDER BY id', request)  # noqa: S608


def _decision(database: Database, decision: dict[str, Any]) -> dict[str, Any]:
    found = database.rows('SELECT * FROM actions WHERE id = ?', decision['action_id'])
    for action in found:
        action['steps'] = database.rows('SELECT at, what FROM steps WHERE action_id = ? ORDER BY id', action['id'])
    return {**decision, 'action': found[0] if found else None}
