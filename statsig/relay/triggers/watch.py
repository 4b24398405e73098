"""For networks that let nothing in: Datadog is asked what the monitors are like, and a change is a notification.

`GET /api/v1/monitor/{id}?group_states=all` answers `state.groups`: name → {status, last_triggered_ts, …}. There is no
cycle key in it; the time of the last alert of a group serves as one.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import datadog
from datadog.api.monitors import Monitor

from statsig.relay.triggers.configuration import Watch
from statsig.relay.triggers.journal import Journal
from statsig.relay.triggers.notification import RECOVERED, Notification
from statsig.relay.triggers.rules import Rule

ALERT, OK = 'Alert', 'OK'
MOST_GROUPS = 1000
_TIMEOUT = 10  # seconds
_COMPLAINT_INTERVAL = 600.0  # seconds
_log = logging.getLogger(__name__)

# Group → (status, cycle).
Groups = Mapping[str, tuple[str, str]]


class Watcher:
    """Looks at each monitor of the rules every `interval` seconds, from a thread of its own."""

    def __init__(
        self, watch: Watch, rules: Sequence[Rule], journal: Journal, stopping: threading.Event, seen: Callable[[], None]
    ) -> None:
        self._watch = watch
        self._monitors = sorted({rule.monitor_id for rule in rules})
        self._journal = journal
        self._stopping = stopping
        self._seen = seen
        self._complained: dict[str, float] = {}

    def start(self) -> None:
        # statsd_*: not used here. mute: errors are to be raised, not logged with what they contain.
        datadog.initialize(
            api_key=self._watch.api_key,
            app_key=self._watch.app_key,
            api_host=self._watch.api_url,
            mute=False,
            statsd_disable=True,
            hostname_from_config=False,
        )
        datadog.api._timeout = _TIMEOUT
        datadog.api._max_timeouts = 10**9  # after three timeouts it would ask nothing for five minutes
        datadog.api._max_retries = 1
        threading.Thread(target=self._run, name='triggers watch', daemon=True).start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            started = time.monotonic()
            for monitor in self._monitors:
                if self._stopping.is_set():
                    return
                self.look(monitor)
            self._stopping.wait(max(1.0, self._watch.interval - (time.monotonic() - started)))

    def look(self, monitor: str) -> None:
        """Asks for one monitor, and lets the journal decide what follows. What goes wrong is logged."""
        try:
            answer = Monitor.get(int(monitor), group_states='all')
            now = groups_of(answer, monitor)
            self._journal.look(monitor, now, changes(monitor, self._journal.watched(monitor), now, answer))
        except sqlite3.Error as error:
            self._complain(monitor, f'the journal cannot be used: {error}')
        except Exception as error:
            # The text of datadogpy's errors can hold the answer, the address, a proxy's password: only their kind.
            self._complain(monitor, f'Datadog was asked in vain ({type(error).__name__})')
        else:
            self._complained.pop(monitor, None)
            self._seen()

    def _complain(self, monitor: str, what: str) -> None:
        now = time.monotonic()
        if now - self._complained.get(monitor, float('-inf')) >= _COMPLAINT_INTERVAL:
            self._complained[monitor] = now
            _log.error(
                'Monitor %s is not watched: %s. Check datadog_api_key, datadog_app_key (scope monitors_read), '
                'datadog_site, and that the monitor is there',
                monitor,
                what,
            )


def groups_of(answer: Any, monitor: str) -> dict[str, tuple[str, str]]:
    """Raises ValueError for what is not the monitor that was asked for."""
    if not isinstance(answer, dict) or str(answer.get('id')) != monitor:
        raise ValueError('not the monitor')
    state = answer.get('state')
    groups = state.get('groups') if isinstance(state, dict) else None
    if isinstance(groups, dict) and groups:
        if len(groups) > MOST_GROUPS:
            raise ValueError('too many groups')
        return {str(name): _group(monitor, str(name), group) for name, group in groups.items()}
    status = answer.get('overall_state')
    if not isinstance(status, str):
        raise ValueError('no state')
    return {'*': (status, '')}


def _group(monitor: str, name: str, group: Any) -> tuple[str, str]:
    if not isinstance(group, dict) or not isinstance(group.get('status'), str):
        raise ValueError('no status')
    return group['status'], _cycle(monitor, name, group.get('last_triggered_ts'))


def _cycle(monitor: str, name: str, triggered: Any) -> str:
    is_time = isinstance(triggered, int) and not isinstance(triggered, bool) and triggered > 0
    return f'{monitor} {name[:100]} {triggered}' if is_time else ''


def changes(monitor: str, before: Groups, now: Groups, answer: Any) -> list[Notification]:
    """What has changed since the last look. At the very first look nothing has: what alerts then may do so for days."""
    if not before:
        return []
    found = []
    title = answer.get('name') if isinstance(answer, dict) else ''
    tags = answer.get('tags') if isinstance(answer, dict) else None
    monitors_tags = ','.join(each for each in tags if isinstance(each, str)) if isinstance(tags, list) else ''
    for group, (status, cycle) in now.items():
        was, was_cycle = before.get(group, (OK, ''))
        again = bool(cycle and was_cycle and cycle != was_cycle)
        if status == ALERT and (was != ALERT or again):
            transition = 'Triggered'
        elif status == OK and was != OK:
            transition = RECOVERED
            cycle = was_cycle or cycle
        elif status != was:
            transition = status
        else:
            continue
        found.append(
            Notification(
                monitor_id=monitor,
                transition=transition,
                cycle=cycle,
                scope=group if group != '*' else '',
                tags=monitors_tags[:4000],
                title=str(title)[:200],
                happened=float(cycle.rpartition(' ')[2]) if cycle and transition == 'Triggered' else None,
            )
        )
    return found
