"""A Statsig project in a box, and the parts of `statsig.console` that read it over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from statsig.console.budget import RequestBudget
from statsig.console.client import ConsoleClient
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer
from tests.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def project(clock: Clock) -> SandboxProject:
    return SandboxProject(seed=1, clock=clock)


@pytest.fixture
def server(project: SandboxProject) -> Iterator[SandboxServer]:
    with SandboxServer(project) as running:
        yield running


def client_of(server: SandboxServer, per_minute: int = 100_000, key: str = DEFAULT_KEY) -> ConsoleClient:
    return ConsoleClient(requests.Session(), server.url, key, RequestBudget(per_minute))


@pytest.fixture
def client(server: SandboxServer) -> ConsoleClient:
    return client_of(server)
