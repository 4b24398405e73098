"""The relay, as `statsig-datadog relay` runs it, in a process that is killed before a certain statement it gives to
SQLite."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from statsig.relay.run import run_relay

NEVER = 10**9
_WRITES = ('BEGIN', 'INSERT', 'UPDATE', 'DELETE', 'COMMIT')
_FIRST = 'INSERT INTO requests'


def run(config: str, environment: Mapping[str, str], kill_at: int, counted: str) -> None:
    """kill_at: number of the statement that writes, begins or commits, from the first notification on. `counted` is a
    file that gets a byte for each."""
    connect, file = sqlite3.connect, os.open(counted, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    count = 0

    def executed(statement: str) -> None:
        nonlocal count
        if not statement.startswith(_WRITES) or (not count and not statement.startswith(_FIRST)):
            return
        count += 1
        os.write(file, b'.')
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.set_trace_callback(executed)
        return connection

    setattr(sqlite3, 'connect', traced)  # noqa: B010 (it has overloads)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    run_relay(Path(config), environment)
