"""Small checks of a test's own, run in the Agent host as a program: as another process would drive it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from statsig.sandbox.agent import Run

ROOT = Path(__file__).resolve().parent.parent.parent
TOY = """\
    from datadog_checks.base import AgentCheck

    class ToyCheck(AgentCheck):
"""


@dataclass(frozen=True)
class Outcome:
    exit_code: int
    runs: list[Run]
    stderr: str


class AgentProgram:
    """`python -m statsig.sandbox.agent` with a check named `toy`, whose methods a test gives as source text."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.cache = directory / 'run'
        self.config = directory / 'conf.yaml'
        self.configure({})

    def configure(self, *instances: Mapping[str, Any], init_config: Mapping[str, Any] | None = None) -> None:
        content = {'init_config': init_config, 'instances': [dict(instance) for instance in instances]}
        self.config.write_text(yaml.safe_dump(content), encoding='utf-8')

    def write_check(self, methods: str) -> None:
        source = textwrap.dedent(TOY) + textwrap.indent(textwrap.dedent(methods), '    ')
        (self.directory / 'toy.py').write_text(source, encoding='utf-8')

    def command(self, *options: str) -> list[str]:
        program = [sys.executable, '-m', 'statsig.sandbox.agent', '--check', 'toy', '--checks-d', str(self.directory)]
        return [*program, '--config', str(self.config), '--cache', str(self.cache), '--json', *options]

    def run(self, methods: str | None = None, runs: int = 1, options: Sequence[str] = ()) -> Outcome:
        if methods is not None:
            self.write_check(methods)
        done = subprocess.run(
            self.command('--runs', str(runs), '--interval', '0', *options),
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.directory,
            env=environment(),
        )
        read = [Run.from_json_object(json.loads(line)) for line in done.stdout.splitlines()]
        return Outcome(done.returncode, read, done.stderr)


def environment() -> dict[str, str]:
    return {**os.environ, 'PYTHONPATH': str(ROOT)}


@pytest.fixture
def agent(tmp_path: Path) -> AgentProgram:
    return AgentProgram(tmp_path)


@pytest.fixture
def run_once(agent: AgentProgram) -> Callable[[str], Run]:
    """Run a check, given as the source of its methods, once; it must go well."""

    def run(methods: str) -> Run:
        outcome = agent.run(methods)
        assert outcome.exit_code == 0, outcome.stderr or outcome.runs[0].error
        return outcome.runs[0]

    return run
