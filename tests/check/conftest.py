"""The check as an Agent runs it: in a process of its own that has only the Agent's packages, against the sandbox.

Most are forked from a process that has the check imported: see tests/faults/hosts.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
import yaml

from statsig.sandbox.agent import Run
from statsig.sandbox.api import ALL
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer
from tests.faults.hosts import Host, HostFactory

OTHER_KEY = 'console-sandbox-rotated'


class RunningAgent:
    """An Agent's process; as a context manager, it is killed at the end."""

    def __init__(self, host: Host, instances: int) -> None:
        self._host, self._instances = host, instances
        self._to_come = 0

    def next_run(self) -> Run:
        """Waits for the next run, which begins now; with several instances, each has its turn."""
        if not self._to_come:
            self._host.start_run()
            self._to_come = self._instances
        self._to_come -= 1
        return self._host.next_run()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._host.kill()


@dataclass
class Agent:
    """An Agent whose cache and configuration outlive its processes."""

    directory: Path
    api_url: str
    hosts: HostFactory
    options: tuple[str, ...] = ()
    instances: list[dict[str, Any]] = field(default_factory=list)

    def configure(self, *instances: Mapping[str, Any]) -> None:
        """Instances with the sandbox's address and key, unless they say otherwise; None removes an option."""
        ordinary = {'api_url': self.api_url, 'api_key': DEFAULT_KEY, 'min_collection_interval': 60}
        merged = [{**ordinary, **instance} for instance in instances]
        self.instances = [{key: value for key, value in one.items() if value is not None} for one in merged]
        content = {'init_config': {}, 'instances': self.instances}
        (self.directory / 'conf.yaml').write_text(yaml.safe_dump(content), encoding='utf-8')

    def start(self) -> RunningAgent:
        if not self.instances:
            self.configure({})
        host = self.hosts.start(self.directory / 'conf.yaml', self.cache, self.options)
        return RunningAgent(host, len(self.instances))

    def run_once(self) -> Run:
        """A new Agent process, one run, gone again."""
        with self.start() as process:
            return process.next_run()

    @property
    def cache(self) -> Path:
        return self.directory / 'run'


@pytest.fixture
def project() -> SandboxProject:
    """A project in which time stands still, so that its figures are the same for the check and for the test."""
    now = time.time()
    return SandboxProject(seed=1, clock=lambda: now)


@pytest.fixture
def server(project: SandboxProject) -> Iterator[SandboxServer]:
    with SandboxServer(project, keys={DEFAULT_KEY: ALL, OTHER_KEY: ALL}) as running:
        yield running


@pytest.fixture
def agent(server: SandboxServer, tmp_path: Path, hosts: HostFactory) -> Agent:
    return Agent(tmp_path, server.url, hosts)


def values(run: Run, name: str) -> dict[tuple[str, ...], float]:
    """The values of one metric by its tags, without the project's."""
    found = [metric for metric in run.metrics if metric.name == f'statsig.{name}']
    assert all('statsig_project:sandbox' in metric.tags for metric in found)
    by_tags = {tuple(tag for tag in m.tags if tag != 'statsig_project:sandbox'): m.value for m in found}
    assert len(by_tags) == len(found), f'{name} was sent twice with the same tags'
    return by_tags
