from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def run(*command: str | Path) -> str:
    """What a command printed. Fails the test with all that it said when it failed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        pytest.fail(f'{" ".join(map(str, command))} exited {done.returncode}:\n{done.stdout}\n{done.stderr}')
    return done.stdout


def pip(*arguments: str | Path) -> str:
    return run(sys.executable, '-m', 'pip', '--disable-pip-version-check', '--quiet', *arguments)
