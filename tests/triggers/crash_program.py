"""A process that takes a notification and carries out what follows, and is killed on the way."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from statsig.relay.triggers.decision import Limits
from statsig.relay.triggers.executor import Executor
from statsig.relay.triggers.journal import Journal
from statsig.relay.triggers.kill_switch import KillSwitch
from statsig.relay.triggers.notification import Notification
from statsig.relay.triggers.rules import Rule
from statsig.sandbox.server import DEFAULT_KEY

RULE = Rule('checkout errors', '1', 'checkout_v2', dry_run=False, on_recovery=True, stable_for=0.0, cooldown=0.0)
NEVER = 10**9


def carry_out(state_dir: str, url: str, transition: str, kill_at: int, acknowledged: str, statements: str) -> None:
    """Is killed before the statement number `kill_at` that it gives to SQLite. Leaves files behind: that the
    notification was acknowledged, and how many statements there were."""
    count = 0

    def executed(_: str) -> None:
        nonlocal count
        count += 1
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    journal = traced(Path(state_dir), executed)
    if not Path(acknowledged).exists():
        journal.receive([(Notification('1', transition, 'cycle'), 'webhook', '')])
        Path(acknowledged).touch()
    executor = Executor(journal.actions, lambda: KillSwitch(url, DEFAULT_KEY, True), time.time, threading.Event())
    end = time.monotonic() + 20
    while waits(state_dir) and time.monotonic() < end:
        for action in journal.actions.due():
            executor.attempt(action)
    Path(statements).write_text(str(count))


def traced(state_dir: Path, executed: Callable[[str], None]) -> Journal:
    journal = Journal(state_dir, [RULE], Limits(max_actions_per_hour=100), time.time, 900)
    journal._database._connection.set_trace_callback(executed)
    return journal


def waits(state_dir: str) -> bool:
    with sqlite3.connect(f'{state_dir}/triggers.sqlite3') as connection:
        found = connection.execute("SELECT 1 FROM actions WHERE state = 'waiting'").fetchone()
    connection.close()
    return found is not None
