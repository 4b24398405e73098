from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest


def run(*command: str | Path, environment: Mapping[str, str] | None = None, umask: int = -1) -> str:
    """What a command printed. Fails the test with all that it said when it failed.

    environment: beside our own. umask: -1 for our own.
    """
    done = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **(environment or {})},
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode != 0:
        pytest.fail(f'{" ".join(map(str, command))} exited {done.returncode}:\n{done.stdout}\n{done.stderr}')
    return done.stdout


def pip(*arguments: str | Path) -> str:
    return run(sys.executable, '-m', 'pip', '--disable-pip-version-check', '--quiet', *arguments)


def package(
    form: str, project: Path, output: Path, environment: Mapping[str, str] | None = None, umask: int = -1
) -> Path:
    """Makes the `bundle` or the `wheel` from a checkout, as `make bundle` and `make wheel` do."""
    program = project / 'deploy/agent/package.py'
    run(sys.executable, program, form, '--output', output, environment=environment, umask=umask)
    (made,) = output.iterdir()
    return made
