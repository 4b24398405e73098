"""The README's way to install: two directories copied into checks.d, nothing installed into the Agent's Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer

ROOT = Path(__file__).resolve().parent.parent.parent


def test_copied_into_checks_d_it_loads_from_there_and_the_dry_run_of_the_readme_works(tmp_path: Path) -> None:
    checks_d, elsewhere = tmp_path / 'checks.d', tmp_path / 'elsewhere'
    elsewhere.mkdir()
    for directory in ('datadog_checks', 'statsig'):
        shutil.copytree(ROOT / directory, checks_d / directory, ignore=shutil.ignore_patterns('__pycache__'))
    environment = {**os.environ, 'PYTHONPATH': str(checks_d)}

    def python(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, env=environment, cwd=elsewhere, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    found = python(
        '-c', 'import datadog_checks.statsig as ours, statsig.console as pull; print(ours.__file__, pull.__file__)'
    )
    assert [Path(file).is_relative_to(checks_d) for file in found.split()] == [True, True]

    with SandboxServer(SandboxProject(seed=1)) as server:
        instance = {'api_key': DEFAULT_KEY, 'api_url': server.url}
        (tmp_path / 'conf.yaml').write_text(yaml.safe_dump({'init_config': {}, 'instances': [instance]}))
        printed = python('-m', 'statsig.cli', 'check', '--config', str(tmp_path / 'conf.yaml'))

    assert 'statsig.check_gate.count' in printed
