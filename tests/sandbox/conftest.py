from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer
from tests.clock import Clock

Get = Callable[..., requests.Response]


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


@pytest.fixture
def get(server: SandboxServer) -> Iterator[Get]:
    """`get('gates', limit=2)`: GET below /console/v1/, with the sandbox's key."""
    with requests.Session() as session:
        session.headers['STATSIG-API-KEY'] = DEFAULT_KEY

        def get_path(path: str, method: str = 'GET', **query: Any) -> requests.Response:
            url = f'{server.url}/console/v1/{path}'
            return session.request(method, url, params=query, timeout=10, allow_redirects=False)

        yield get_path
