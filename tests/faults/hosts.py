"""Agent hosts as processes that start in no time: forked from one that has the check imported, and nothing else done.

To start Python and import the check takes a second, and the tests start hundreds of hosts. Each is still a
process of its own: it loads the configuration, constructs the check, has its own cursor, and can be killed.

As a program, this is the process that forks: for each line of JSON on its socket, which comes with three
files for standard input, output and error, a child that runs `statsig.sandbox.agent_program`.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from statsig.sandbox.agent import Run
from statsig.sandbox.agent_process import AgentEndedError

LONGEST_MESSAGE = 65536
PATIENCE = 90.0  # seconds after which a host is taken for stuck


class Host:
    """A running Agent host, which runs its checks when it is told to."""

    def __init__(self, pid: int, commands: int, output: int, errors: Path) -> None:
        self.pid = pid
        self.output: list[str] = []
        """Every line it has printed."""
        self._commands = os.fdopen(commands, 'wb', buffering=0)
        self._errors = errors
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, args=(output,), daemon=True)
        self._reader.start()

    def start_run(self, times: int = 1) -> None:
        """Run all instances; does not wait."""
        with contextlib.suppress(BrokenPipeError):  # gone: next_run says so
            self._commands.write(b'\n' * times)

    def next_run(self) -> Run:
        """Waits for the next run of an instance to end. Raises AgentEndedError when the process is gone, or stuck."""
        try:
            line = self._lines.get(timeout=PATIENCE)
        except queue.Empty:
            raise AgentEndedError(f'there was no run within {PATIENCE:.0f} s') from None
        if not line:
            raise AgentEndedError(self.errors or 'it was killed')
        return Run.from_json_object(json.loads(line))

    @property
    def errors(self) -> str:
        """What it has written to standard error."""
        return self._errors.read_text(encoding='utf-8')

    def kill(self) -> None:
        """SIGKILL; returns when the process is gone."""
        if self._reader.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self._reader.join()
        self._commands.close()

    def _read(self, output: int) -> None:
        with os.fdopen(output, encoding='utf-8') as lines:
            for line in lines:
                self.output.append(line)
                self._lines.put(line)
        self._lines.put('')  # its end of the pipe is closed with the process


class HostFactory:
    """Starts hosts; as a context manager, it ends the process that they are forked from."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._count = 0
        self._socket, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, '-m', __name__, str(theirs.fileno())]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=_environment())

    def start(
        self,
        config: Path,
        cache: Path,
        options: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
        clock: Path | None = None,
    ) -> Host:
        """A host that runs the checks of `config`.

        environment: variables that differ from ours. clock: a file with the seconds by which this host's clock is ahead
        of the true time; to be replaced at any moment, not written into.
        """
        arguments = ['--json', '--on-demand', '--config', str(config), '--cache', str(cache), '--runs', '1000000']
        told = {
            'arguments': [*arguments, *options],
            'environment': dict(environment or {}),
            'clock': clock and str(clock),
        }
        self._count += 1
        errors = self._directory / f'stderr-{self._count}'
        (its_commands, commands), (output, its_output) = os.pipe(), os.pipe()
        with errors.open('wb') as error_file:
            socket.send_fds(self._socket, [json.dumps(told).encode()], [its_commands, its_output, error_file.fileno()])
            os.close(its_commands)
            os.close(its_output)
            pid = int(self._socket.recv(LONGEST_MESSAGE))
        return Host(pid, commands, output, errors)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.close()
        self._process.wait()


def _environment() -> dict[str, str]:
    root = str(Path(__file__).resolve().parent.parent.parent)
    # No certificates: the sandbox speaks plain HTTP, and to read them takes longer than all the rest.
    certificates = {'SSL_CERT_FILE': os.devnull, 'SSL_CERT_DIR': os.devnull}
    path = os.pathsep.join(filter(None, (os.environ.get('PYTHONPATH'), root)))
    return {**os.environ, **certificates, 'PYTHONPATH': path}


class _Clock:
    """The true time, and what this host's clock is ahead of it."""

    def __init__(self) -> None:
        self.file: Path | None = None
        self._true_time = time.time

    def __call__(self) -> float:
        return self._true_time() + (float(self.file.read_text()) if self.file else 0.0)


def _serve(requests: socket.socket) -> None:
    from statsig.sandbox import agent_program
    from statsig.sandbox.agent import AgentHost
    from statsig.sandbox.embedded import block_what_the_agent_lacks

    block_what_the_agent_lacks()
    clock = _Clock()
    time.time = clock  # before the check is imported, whose modules take it as a default
    with tempfile.TemporaryDirectory() as nowhere:
        # Its modules must be there before base is imported. Each child makes a host of its own.
        AgentHost(nowhere)
    for module in ('utils.http', 'utils.models.validation', 'utils.secrets'):
        importlib.import_module(f'datadog_checks.base.{module}')
    importlib.import_module('datadog_checks.statsig')

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the children need not be waited for
    while True:
        message, files, _, _ = socket.recv_fds(requests, LONGEST_MESSAGE, 3)
        if not message:
            return
        pid = os.fork()
        if pid == 0:
            requests.close()
            for standard, file in enumerate(files):
                os.dup2(file, standard)
                os.close(file)
            told = json.loads(message)
            os.environ.update(told['environment'])
            time.tzset()
            clock.file = told['clock'] and Path(told['clock'])
            sys.exit(agent_program.main(told['arguments']))
        for file in files:
            os.close(file)
        requests.sendall(str(pid).encode())


if __name__ == '__main__':
    with socket.socket(fileno=int(sys.argv[1])) as the_socket:
        _serve(the_socket)
