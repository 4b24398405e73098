"""For networks that let nothing in: Datadog is asked what the monitors are like, and a change is a notification."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence

import datadog
from datadog.api.monitors import Monitor

from statsig.relay.triggers.configuration import Watch
from statsig.relay.triggers.journal import Journal
from statsig.relay.triggers.monitors import changes, groups_of, remembered
from statsig.relay.triggers.rules import Rule

_TIMEOUT = 10  # seconds
_COMPLAINT_INTERVAL = 600.0  # seconds
_log = logging.getLogger(__name__)


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
            before = self._journal.watched(monitor)
            now = remembered(before, groups_of(answer, monitor))
            self._journal.look(monitor, now, changes(monitor, before, now, answer))
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
