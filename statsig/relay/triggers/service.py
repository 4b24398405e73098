"""Triggers within a worker of the relay: what blocks is done in threads, so that counting never waits for it.

Every worker takes notifications and writes them down. One of them, which holds a lock, carries out what was decided,
tells people of it, and watches monitors.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from statsig.relay.triggers.configuration import TriggersConfiguration
from statsig.relay.triggers.executor import Executor
from statsig.relay.triggers.journal import Journal, Untold
from statsig.relay.triggers.kill_switch import KillSwitch
from statsig.relay.triggers.locks import EXECUTOR, FileLock
from statsig.relay.triggers.notification import Notification
from statsig.relay.triggers.report import Links, Report, Reporter, site_address
from statsig.relay.triggers.watch import Watcher

MOST_WAITING = 2000  # notifications that are not written down yet
_BATCH = 200
_TICK = 0.1  # seconds between two looks into the journal, for what another process has put there
_COMPLAINT_INTERVAL = 60.0  # seconds
_PRUNE_INTERVAL = 60.0  # seconds
_log = logging.getLogger(__name__)

Taken = Callable[[bool], None]


@dataclass(slots=True)
class _Outbox:
    """What was put into words, and whether the relay has fetched it."""

    untold: Untold | None = None
    report: Report | None = None


class Triggers:
    """Raises JournalError when the journal cannot be opened."""

    def __init__(self, configuration: TriggersConfiguration, state_dir: Path) -> None:
        self._configuration = configuration
        self._journal = Journal(
            state_dir,
            configuration.rules,
            configuration.limits,
            time.time,
            configuration.give_up_after,
            configuration.watch.interval if configuration.watch else None,
        )
        self._waiting: queue.Queue[tuple[Notification, str, Taken]] = queue.Queue(MOST_WAITING)
        self._turned_away: Counter[str] = Counter()
        self._turned_away_lock = threading.Lock()
        self._turned_away_from: dict[str, str] = {}
        self._turned_away_at: dict[str, float] = {}
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._lock = FileLock(state_dir / EXECUTOR)
        self._executor = Executor(
            self._journal.actions, self._new_switch, time.time, self._stopping, self._wake.set, self._complain
        )
        self._reporter = Reporter(
            Links(configuration.project, site_address(configuration.datadog_site)), configuration.rules
        )
        self._outbox = _Outbox()
        self._outbox_lock = threading.Lock()
        self._watcher: Watcher | None = None
        self._has_begun = False
        self._complained: dict[str, float] = {}
        self._threads = [
            threading.Thread(target=target, name=f'triggers {name}', daemon=True)
            for name, target in (('intake', self._take_in), ('work', self._work))
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, grace: float) -> None:
        """Writes down what was received, waits a little for actions under way. They go on after the next start."""
        end = time.monotonic() + grace
        self._stopping.set()
        self._wake.set()
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def close(self) -> None:
        """After the last report was fetched."""
        self._mark_told()
        if self._executor.is_idle:
            self._lock.release()  # else with this process: a change may still be on its way

    # Called from the event loop: nothing here blocks

    @property
    def is_alive(self) -> bool:
        """Whether the threads run that are to run for ever."""
        if self._stopping.is_set():
            return True
        acts = not self._has_begun or (self._executor.is_whole and (self._watcher is None or self._watcher.is_whole))
        return acts and all(thread.is_alive() for thread in self._threads)

    def submit(self, notification: Notification, address: str, taken: Taken) -> bool:
        """Whether there is room. `taken` is called from another thread: with True once it is written down and decided,
        with False where that failed."""
        try:
            self._waiting.put_nowait((notification, address, taken))
        except queue.Full:
            return False
        return True

    def turn_away(self, outcome: str, address: str) -> None:
        """For the journal: somebody was refused."""
        with self._turned_away_lock:
            self._turned_away[outcome] += 1
            self._turned_away_from[outcome] = address

    def report(self) -> Report | None:
        """What is to be sent to Datadog; it counts as told once this returns."""
        with self._outbox_lock:
            report, self._outbox.report = self._outbox.report, None
        return report

    # Threads

    def _take_in(self) -> None:
        while True:
            batch = self._next_batch()
            if batch:
                self._write_down(batch)
            is_last = self._stopping.is_set() and not batch
            try:
                self._write_turned_away(0.0 if is_last else _COMPLAINT_INTERVAL)
            except Exception as error:
                self._complain('Refusals cannot be written down', error)
            if is_last:
                return

    def _next_batch(self) -> list[tuple[Notification, str, Taken]]:
        """Those that wait, as one transaction: a disk takes fewer commits a second than a network requests."""
        batch = []
        try:
            batch.append(self._waiting.get(timeout=0.0 if self._stopping.is_set() else 0.2))
            while len(batch) < _BATCH:
                batch.append(self._waiting.get_nowait())
        except queue.Empty:
            pass
        return batch

    def _write_down(self, batch: list[tuple[Notification, str, Taken]]) -> None:
        written = True
        try:
            self._journal.receive([(notification, 'webhook', address) for notification, address, _ in batch])
        except Exception as error:
            written = False
            self._complain('Notifications cannot be written down and are answered 503', error)
        self._wake.set()
        for _, _, taken in batch:
            taken(written)

    def _write_turned_away(self, interval: float) -> None:
        now = time.monotonic()
        for outcome in list(self._turned_away):
            if now - self._turned_away_at.get(outcome, float('-inf')) < interval:
                continue
            with self._turned_away_lock:
                times = self._turned_away.pop(outcome)
            self._turned_away_at[outcome] = now
            try:
                self._journal.turn_away(outcome, 'webhook', self._turned_away_from.get(outcome, ''), times)
            except Exception:
                with self._turned_away_lock:
                    self._turned_away[outcome] += times
                raise

    def _work(self) -> None:
        while not self._stopping.is_set() and not self._may_act():
            self._stopping.wait(_TICK)
        if self._stopping.is_set():
            return
        self._begin()
        pruned = float('-inf')
        while not self._stopping.is_set():
            try:
                self._executor.run_due()
                self._tell()
                if time.monotonic() - pruned > _PRUNE_INTERVAL and not self._journal.prune():
                    pruned = time.monotonic()
            except Exception as error:
                self._complain('Actions cannot be carried out', error)
            self._wake.wait(_TICK)
            self._wake.clear()
        self._executor.stop(5.0)
        try:
            self._tell()
        except Exception as error:
            self._complain('What has ended is told after the next start', error)

    def _may_act(self) -> bool:
        """Whether this worker is the one that acts, from now on until it ends."""
        try:
            return self._lock.take()
        except OSError as error:
            self._complain('Actions cannot be carried out', error)
            return False

    def _begin(self) -> None:
        """What fails here ends the thread, which `is_alive` shows."""
        self._executor.start()
        if self._configuration.watch:
            self._watcher = Watcher(
                self._configuration.watch, self._configuration.rules, self._journal, self._stopping, self._wake.set
            )
            self._watcher.start()
        self._has_begun = True

    def _tell(self) -> None:
        """Puts the next lines of the journal into words, once the relay has fetched those before."""
        if not self._mark_told():
            return
        untold = self._journal.untold()
        if not untold:
            return
        for action in untold.ended:
            _log.info('Trigger %r: gate %s, %s %s', action.rule, action.gate, action.outcome, action.why)
        report = self._reporter.report(untold.decided, untold.ended)
        with self._outbox_lock:
            self._outbox = _Outbox(untold, report)

    def _mark_told(self) -> bool:
        with self._outbox_lock:
            if self._outbox.report is not None:
                return False
            outbox, self._outbox = self._outbox, _Outbox()
        if outbox.untold:
            try:
                self._journal.told(outbox.untold)
            except sqlite3.Error as error:
                self._complain('What was told is told again', error)
        return True

    def _new_switch(self) -> KillSwitch:
        configured = self._configuration
        return KillSwitch(configured.api_url, configured.api_key, configured.respect_review_settings)

    def _complain(self, what: str, error: Exception) -> None:
        """Once a minute for each kind of trouble: it may be there twice a second."""
        now = time.monotonic()
        if now - self._complained.get(what, float('-inf')) < _COMPLAINT_INTERVAL:
            return
        self._complained[what] = now
        if isinstance(error, sqlite3.Error | OSError):
            _log.error('%s: the journal of the triggers cannot be used: %s', what, error)
        else:
            _log.error('%s: this is a defect of the relay', what, exc_info=error)
