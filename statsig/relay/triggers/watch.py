"""For networks that let nothing in: Datadog is asked what the monitors are like, and a change is a notification."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence

from statsig.relay.triggers.configuration import Watch
from statsig.relay.triggers.journal import Journal
from statsig.relay.triggers.monitor_client import AskError, ask, connect
from statsig.relay.triggers.monitors import AnswerError, changes, groups_of, remembered
from statsig.relay.triggers.rules import Rule

THREADS = 4
_COMPLAINT_INTERVAL = 600.0  # seconds
_LONGEST_PAUSE = 600.0  # seconds
_log = logging.getLogger(__name__)


class Watcher:
    """Looks at each monitor of the rules every `interval` seconds, in a few threads.

    Each thread has monitors of its own, so there are never two looks at one monitor at once.
    """

    def __init__(
        self, watch: Watch, rules: Sequence[Rule], journal: Journal, stopping: threading.Event, seen: Callable[[], None]
    ) -> None:
        self._watch = watch
        self._monitors = sorted({rule.monitor_id for rule in rules})
        self._journal = journal
        self._stopping = stopping
        self._seen = seen
        self._complained: dict[str, float] = {}
        self._limit = RateLimit(watch.interval)
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        connect(self._watch)
        for number in range(min(THREADS, len(self._monitors))):
            share = self._monitors[number::THREADS]
            thread = threading.Thread(target=self._run, args=(share,), name=f'triggers watch {number}', daemon=True)
            thread.start()
            self._threads.append(thread)

    @property
    def is_whole(self) -> bool:
        """Whether all threads run."""
        return all(thread.is_alive() for thread in self._threads)

    def _run(self, monitors: Sequence[str]) -> None:
        while not self._stopping.is_set():
            started = time.monotonic()
            for monitor in monitors:
                if self._stopping.wait(self._limit.left()):
                    return
                self.look(monitor)
            self._stopping.wait(max(1.0, self._watch.interval - (time.monotonic() - started)))

    def look(self, monitor: str) -> None:
        """Asks for one monitor, and lets the journal decide what follows. What goes wrong is logged, whatever it is:
        the thread has other monitors to look at.
        """
        try:
            answer = ask(monitor)
            self._limit.keeps()
            before = self._journal.watched(monitor)
            now = remembered(before, groups_of(answer, monitor))
            self._journal.look(monitor, now, changes(monitor, before, now, answer))
            self._seen()
        except AskError as error:
            if error.status == 429:
                self._limit.used_up(error.reset)
            self._complain(monitor, str(error))
        except AnswerError as error:
            self._complain(monitor, f'Datadog answered {error}')
        except sqlite3.Error as error:
            self._complain(monitor, f'the journal cannot be used: {error}')
        except Exception as error:
            # Its text may hold anything, the answer too: only its kind.
            self._complain(monitor, f'an error of this program, {type(error).__name__}')

    def _complain(self, monitor: str, what: str) -> None:
        now = time.monotonic()
        if now - self._complained.get(monitor, float('-inf')) >= _COMPLAINT_INTERVAL:
            self._complained[monitor] = now
            _log.error('Monitor %s is not watched: %s', monitor, what)


class RateLimit:
    """When to ask again. Datadog limits an organisation, not a monitor: all threads wait."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._lock = threading.Lock()
        self._pause = 0.0
        self._until = 0.0

    def left(self) -> float:
        """Seconds."""
        return max(0.0, self._until - time.monotonic())

    def used_up(self, reset: float | None) -> None:
        with self._lock:
            if self.left() == 0:  # else another thread was told the same
                self._pause = pause(reset, self._pause, self._interval)
                self._until = time.monotonic() + self._pause

    def keeps(self) -> None:
        self._pause = 0.0


def pause(reset: float | None, last: float, interval: float) -> float:
    """Seconds for which to ask nothing. reset: what Datadog says, a second is added to; last: the pause before."""
    return reset + 1 if reset is not None else min(_LONGEST_PAUSE, 2 * max(last, interval))
