"""The command as users run it, and a Statsig project for it to talk to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import SandboxServer

ROOT = Path(__file__).resolve().parent.parent.parent
Command = Callable[..., subprocess.CompletedProcess[str]]


def environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ('STATSIG_CONSOLE_API_KEY', 'NO_COLOR')}
    return {**kept, 'PYTHONPATH': str(ROOT), **changes}


@pytest.fixture
def statsig_datadog() -> Command:
    """`statsig-datadog <arguments>`, and environment variables as keywords."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, '-m', 'statsig.cli', *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            env=environment(**variables),
        )

    return run


@pytest.fixture
def project() -> SandboxProject:
    return SandboxProject(seed=1)


@pytest.fixture
def server(project: SandboxProject) -> Iterator[SandboxServer]:
    with SandboxServer(project) as running:
        yield running


@pytest.fixture
def conf(tmp_path: Path, server: SandboxServer) -> Callable[..., str]:
    """Writes a conf.yaml for the sandbox; the path. Keywords are options; None leaves one out."""

    def write(*instances: Mapping[str, Any], **options: Any) -> str:
        default = {'api_key': 'console-sandbox', 'api_url': server.url, 'min_collection_interval': 60}
        written = [
            {name: value for name, value in {**default, **options, **instance}.items() if value is not None}
            for instance in instances or ({},)
        ]
        path = tmp_path / 'conf.yaml'
        path.write_text(yaml.safe_dump({'init_config': None, 'instances': written}), encoding='utf-8')
        return str(path)

    return write
