"""The relay as a process of its own: started, asked where it listens, stopped or killed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

_START = 30.0  # seconds
_STOP = 40.0  # seconds; the relay itself takes 20 at most
_LISTENING = re.compile(r'Listening on http://127\.0\.0\.1:(\d+)')


class RelayFailedError(Exception):
    """The relay ended, or did not do what it was told in time; the message is the last thing it said."""


class RelayProcess:
    """`statsig-datadog relay` on a port of 127.0.0.1, from the moment it listens.

    configuration: what is in its file; `listen` needs the port 0. secret: that of the webhook. directory: for the file
    and the log. program: `statsig-datadog` as it is installed somewhere; without it, the one of this Python. variables:
    more of its environment. Raises RelayFailedError.
    """

    def __init__(
        self,
        configuration: Mapping[str, Any],
        secret: str,
        directory: Path,
        program: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        file, self._log = directory / f'relay-{id(self)}.yaml', directory / f'relay-{id(self)}.log'
        file.write_text(yaml.safe_dump(dict(configuration)), encoding='utf-8')
        with self._log.open('wb') as log:
            self.process = subprocess.Popen(  # noqa: S603  (our own interpreter, our own arguments)
                [*_command(program), 'relay', '--config', str(file)],
                stderr=log,
                stdout=log,
                env={**_environment(secret, program), **(variables or {})},
            )
        self.pid = self.process.pid
        self.port = self._wait_until_it_listens()

    @property
    def log(self) -> str:
        return self._log.read_text(encoding='utf-8')

    @property
    def webhook(self) -> str:
        return f'http://127.0.0.1:{self.port}/webhooks/statsig'

    def stop(self) -> int:
        """SIGTERM, as an init system does it; the exit code. Raises RelayFailedError."""
        self.process.terminate()
        try:
            return self.process.wait(_STOP)
        except subprocess.TimeoutExpired:
            raise RelayFailedError(f'it did not stop within {_STOP:.0f} seconds: {self._said()}') from None

    def kill(self) -> None:
        """SIGKILL. Returns when the process is gone."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()

    def _wait_until_it_listens(self) -> int:
        end = time.monotonic() + _START
        while not (found := _LISTENING.search(self.log)):
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise RelayFailedError(self._said())
            time.sleep(0.02)
        return int(found[1])

    def _said(self) -> str:
        lines = self.log.strip().splitlines()[-1:] or [f'exit code {self.process.returncode}']
        return lines[0].removeprefix('error: ')


def _command(program: Path | None) -> list[str]:
    return [str(program)] if program else [sys.executable, '-m', 'statsig.cli']


def _environment(secret: str, program: Path | None) -> dict[str, str]:
    """Ours, without what would change the tags or switch DogStatsD off."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith('DD_')}
    if program is None:
        # Where the relay is not installed, it is found where this module was.
        root = str(Path(__file__).resolve().parent.parent.parent)
        kept['PYTHONPATH'] = os.pathsep.join(filter(None, (os.environ.get('PYTHONPATH'), root)))
    return {**kept, 'STATSIG_WEBHOOK_SECRET': secret}
