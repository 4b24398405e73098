"""The relay as a program: configuration, sockets, signals, and as many workers as are asked for."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

import uvloop

from statsig.commands.logs import start_logging
from statsig.relay.configuration import Address, RelayConfiguration, load
from statsig.relay.options import ConfigurationError
from statsig.relay.relay import DELIVERY_GRACE, REQUEST_GRACE, Relay
from statsig.relay.triggers.database import JournalError
from statsig.relay.triggers.decision import Limits
from statsig.relay.triggers.journal import Journal
from statsig.relay.triggers.locks import INSTANCE, FileLock

_BACKLOG = 1024
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_STOP_GRACE = REQUEST_GRACE + DELIVERY_GRACE + 5.0
_RESTART_PAUSE = 1.0  # seconds, so that a worker that cannot live does not keep a core busy
_log = logging.getLogger(__name__)


class RefusedBySystemError(Exception):
    """The operating system does not give what the configuration asks for; a moment later it may."""


def run_relay(config: Path, environment: Mapping[str, str]) -> int:
    """Serve until SIGTERM or SIGINT. The exit code: 0, or 1 when counts could not be handed over at the end.

    Raises ConfigurationError and RefusedBySystemError.
    """
    configuration = load(config, environment)
    with FileLock(configuration.state_dir / INSTANCE) as lock:
        if configuration.triggers:
            _claim(configuration, lock)
        return _serve(configuration)


def _claim(configuration: RelayConfiguration, lock: FileLock) -> None:
    """Triggers are one instance: two that do not know of each other would act twice.

    Raises ConfigurationError and RefusedBySystemError.
    """
    state_dir = configuration.state_dir
    try:
        if not lock.take():
            raise ConfigurationError(
                f'Option `state_dir`: another relay with triggers uses {state_dir}. Stop it first, or give this one a '
                'directory and rules of its own.'
            )
        Journal(state_dir, (), Limits(), time.time, 0).close()
    except OSError as error:
        raise RefusedBySystemError(f'Option `state_dir`: {state_dir} cannot be used: {error.strerror}.') from None
    except JournalError as error:
        raise ConfigurationError(str(error)) from None


def _serve(configuration: RelayConfiguration) -> int:
    listening = _listen(configuration.listen)
    start_logging('relay', configuration.secrets)
    address = Address(*listening.getsockname()[:2])
    _log.info(
        'Listening on http://%s, sending to %s every %g s',
        address,
        configuration.dogstatsd,
        configuration.flush_interval,
    )
    with listening:
        if configuration.workers == 1:
            return 0 if _work(configuration, listening, '0') else 1
        return _supervise(configuration, listening)


def _listen(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ':' in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        # asyncio and socket put the address into strerror; it is said already.
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or error
        raise RefusedBySystemError(f'Option `listen`: {address} cannot be listened on: {reason}.') from None
    except (OverflowError, UnicodeError, TypeError) as error:  # what the name, or the port, cannot be
        raise ConfigurationError(f'Option `listen`: {address} cannot be listened on: {error}.') from None


def _work(configuration: RelayConfiguration, listening: socket.socket, worker: str) -> bool:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run_until_told(configuration, listening, worker))


async def _run_until_told(configuration: RelayConfiguration, listening: socket.socket, worker: str) -> bool:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, stop.set)
    parent = multiprocessing.parent_process()
    if parent is not None:
        loop.add_reader(parent.sentinel, stop.set)  # readable once the supervisor is gone
    return await Relay(configuration, worker).run(listening, stop)


def _worker_process(configuration: RelayConfiguration, listening: socket.socket, worker: str) -> None:
    start_logging(f'relay worker {worker}', configuration.secrets)
    sys.exit(0 if _work(configuration, listening, worker) else 1)


def _supervise(configuration: RelayConfiguration, listening: socket.socket) -> int:
    """Keeps the workers running. They share one listening socket: whoever is free takes the next connection."""
    workers: dict[str, BaseProcess] = {}
    stop = threading.Event()
    for number in _STOP_SIGNALS:
        signal.signal(number, lambda _number, _frame: stop.set())
    while not stop.is_set():
        for name in map(str, range(configuration.workers)):
            worker = workers.get(name)
            if worker is not None and not worker.is_alive():
                _log.error('Worker %s ended (exit code %s): starting another', name, worker.exitcode)
            if worker is None or not worker.is_alive():
                workers[name] = _started(configuration, listening, name)
        stop.wait(_RESTART_PAUSE)
    # Else the kernel would go on accepting connections that nobody will serve.
    listening.close()
    return _stopped(workers)


def _started(configuration: RelayConfiguration, listening: socket.socket, name: str) -> BaseProcess:
    process = multiprocessing.get_context('spawn').Process(
        target=_worker_process, args=(configuration, listening, name), daemon=False
    )
    process.start()
    return process


def _stopped(workers: Mapping[str, BaseProcess]) -> int:
    end = time.monotonic() + _STOP_GRACE
    for worker in workers.values():
        if worker.pid is not None and worker.is_alive():
            os.kill(worker.pid, signal.SIGTERM)
    for worker in workers.values():
        worker.join(max(0.0, end - time.monotonic()))
        if worker.is_alive():
            worker.kill()
            worker.join()
    # One that was told before it listened to signals had received nothing.
    return 0 if all(worker.exitcode in (0, -signal.SIGTERM) for worker in workers.values()) else 1
