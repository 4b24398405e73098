"""`statsig-datadog poll` as a program: a thread for each instance, signals, exit codes."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from datadog_checks.base import ConfigurationError

from statsig.commands.instances import UnusableConfigurationError, read_instances
from statsig.commands.logs import start_logging
from statsig.console.cursor_files import CursorFiles, HeldElsewhereError, StateDirectoryError
from statsig.datadog.dogstatsd import DogStatsdAddress, SwitchedOffError, TagsTooLongError
from statsig.poll.configuration import PolledInstance, dogstatsd_address, polled_instances
from statsig.poll.poller import Poller

_GRACE = 5.0  # seconds that a request under way gets to end
_log = logging.getLogger(__name__)


def run_poll(config: Path, environment: Mapping[str, str], dogstatsd: str | None, state_dir: Path, once: bool) -> int:
    """Poll until SIGTERM or SIGINT, or once. The exit code: 0, or 1 where it could not go on or, with `once`, something
    failed.

    Raises UnusableConfigurationError.
    """
    instances = polled_instances(read_instances(config, environment, 'poll'), once)
    address = dogstatsd_address(dogstatsd, environment)
    try:
        files = CursorFiles(state_dir)
    except StateDirectoryError as error:
        raise UnusableConfigurationError(f'--state-dir cannot be used: {error}.') from None
    start_logging('poll', [instance.config.api_key for instance in instances])
    return Program(instances, address, files, once).run()


class Program:
    """All instances, each at its own interval."""

    def __init__(
        self, instances: Sequence[PolledInstance], address: DogStatsdAddress, files: CursorFiles, once: bool
    ) -> None:
        self._instances = instances
        self._address = address
        self._files = files
        self._once = once
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._running = len(instances)
        self._failed = False

    def run(self) -> int:
        """The exit code. Raises UnusableConfigurationError."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: self._stop.set())
        with ExitStack() as at_the_end:
            at_the_end.callback(self._files.release)
            try:
                pollers = [Poller(each, self._address, self._files, self._stop) for each in self._instances]
            except (TagsTooLongError, SwitchedOffError) as error:
                raise UnusableConfigurationError(f'DogStatsD cannot be used: {error}.') from None
            except ConfigurationError as error:
                raise UnusableConfigurationError(str(error)) from None
            except HeldElsewhereError as error:
                _log.error('%s', error)
                return 1
            _log.info('Sending to %s; the position in the audit log is in %s', self._address, self._files.directory)
            threads = [threading.Thread(target=self._work, args=(poller,), daemon=True) for poller in pollers]
            for thread in threads:
                thread.start()
            self._stop.wait()
            self._end(pollers, threads)
        return 1 if self._failed else 0

    def _work(self, poller: Poller) -> None:
        due = time.monotonic()
        try:
            while not self._stop.is_set():
                went_well = poller.run()
                if self._once:
                    if not went_well:
                        self._failed = True
                    break
                due = max(due + poller.interval, time.monotonic())
                self._stop.wait(due - time.monotonic())
        except HeldElsewhereError as error:
            _log.error('%s', error)
            self._fail()
        except Exception:  # a thread that ends silently would leave an instance that nobody polls
            _log.exception('%sPolling ended for a reason that is not known, so all instances are stopped', poller.label)
            self._fail()
        finally:
            poller.close()
            with self._lock:
                self._running -= 1
                if not self._running:
                    self._stop.set()

    def _fail(self) -> None:
        """None goes on without the others: whatever starts this program starts all of them again."""
        self._failed = True
        self._stop.set()

    def _end(self, pollers: Sequence[Poller], threads: Sequence[threading.Thread]) -> None:
        end = time.monotonic() + _GRACE
        while any(thread.is_alive() for thread in threads) and time.monotonic() < end:
            for poller in pollers:  # again and again: a run may be about to begin
                poller.end_run()
            next(thread for thread in (*threads, threading.current_thread()) if thread.is_alive()).join(0.1)
        if any(thread.is_alive() for thread in threads):
            # Its thread ends with the process. Nothing is lost: what was delivered is remembered up to the last batch.
            _log.warning('A request to Statsig did not end within %g s and is given up', _GRACE)
