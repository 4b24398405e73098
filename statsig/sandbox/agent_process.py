"""An Agent host as a process of its own: started, read run by run, killed at any moment, started again."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from statsig.sandbox.agent import Run


class AgentEndedError(Exception):
    """The process ended before the run that was waited for did; the message is the last thing it said."""


class AgentProcess:
    """`python -m statsig.sandbox.agent`, running checks every `interval` seconds until it is killed or `runs` are done.

    Without an interval they run when `next_run` asks for it: whatever was done before is done before that run. It has
    only those packages that every Agent has. options: more of the program's options, such as `('--journal', path)`.
    patience: seconds after which the process is taken for stuck, and killed.
    """

    def __init__(
        self,
        config: Path,
        cache: Path,
        interval: float | None,
        runs: int = 1_000_000,
        options: tuple[str, ...] = (),
        patience: float = 60.0,
    ) -> None:
        self._errors = tempfile.TemporaryFile('w+')  # noqa: SIM115  (closed in __exit__)
        command = [sys.executable, '-m', 'statsig.sandbox.agent', '--json', '--only-embedded', *options]
        command += ['--config', str(config), '--cache', str(cache), '--runs', str(runs)]
        self._on_demand = interval is None
        command += ['--on-demand'] if interval is None else ['--interval', str(interval)]
        # Ours may not be installed: then the new process finds it where this one did.
        root = str(Path(__file__).resolve().parent.parent.parent)
        path = os.pathsep.join(filter(None, (os.environ.get('PYTHONPATH'), root)))
        self._process = subprocess.Popen(  # noqa: S603  (our own interpreter, our own arguments)
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, 'PYTHONPATH': path},
        )
        self._to_come = 0  # instances whose run was asked for and not read
        self._patience = threading.Timer(patience, self._process.kill)
        self._patience.daemon = True
        self._patience.start()
        self.pid = self._process.pid

    def next_run(self) -> Run:
        """Waits for the next run to end; with several instances, each has its turn. Raises AgentEndedError."""
        if self._on_demand and not self._to_come:
            self._ask()
        line = self._process.stdout.readline() if self._process.stdout else ''
        if not line.endswith('\n'):
            self._process.wait()
            self._errors.seek(0)
            said = self._errors.read().strip().splitlines()[-1:] or [f'exit code {self._process.returncode}']
            raise AgentEndedError(said[0].removeprefix('error: '))
        answer = json.loads(line)
        self._to_come = answer['instances'] - answer['instance'] - 1
        return Run.from_json_object(answer)

    def _ask(self) -> None:
        if self._process.stdin:
            with contextlib.suppress(BrokenPipeError):  # gone: next_run says so
                self._process.stdin.write('\n')
                self._process.stdin.flush()

    def kill(self) -> None:
        """SIGKILL: no chance to tidy up, as when a machine loses power. Returns when the process is gone."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()
        self._patience.cancel()
        self._errors.close()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
