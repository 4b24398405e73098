"""Starts `statsig-datadog` in no time: forked from a process that has imported all it needs, and done nothing else.

As a program: for each line of its standard input, a JSON list of arguments, it forks a child that runs the command with
them, and prints the child's process id.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from tests.cli.conftest import environment


class Forks:
    """A context manager. `log` is what all of them have written."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def __enter__(self) -> Self:
        with self._log.open('ab') as file:
            self._process = subprocess.Popen(
                [sys.executable, '-m', __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                env=environment(),
            )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    @property
    def log(self) -> str:
        return self._log.read_text(encoding='utf-8')

    def start(self, *arguments: str) -> int:
        """The process id."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(arguments), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())


def _serve() -> None:
    from statsig.cli import main
    from statsig.poll import run

    assert run  # imported for the children

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the children need not be waited for
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open(os.devnull, os.O_RDWR), 0)
            os.dup2(2, 1)
            sys.exit(main(json.loads(line)))
        print(pid, flush=True)


if __name__ == '__main__':
    _serve()
