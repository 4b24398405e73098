"""The wheel and the bundle as users get them, and Statsig's SDK from PyPI: each made or fetched once for all tests.

And what they are installed on: an Agent, and a Statsig project to read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import SandboxServer
from tests.packaging.agent_tree import AgentTree, lay_out
from tests.packaging.commands import package, pip
from tests.packaging.image import build

PROJECT = Path(__file__).parents[2]
SDK = 'statsig==0.72.1'  # a later one may own other files under `statsig/`: raise it on purpose


@pytest.fixture(scope='session')
def our_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package('wheel', PROJECT, tmp_path_factory.mktemp('wheels'))


@pytest.fixture(scope='session')
def our_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package('bundle', PROJECT, tmp_path_factory.mktemp('bundles'))


@pytest.fixture(scope='session')
def sdk_wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of the SDK and of everything it needs."""
    wheels = tmp_path_factory.mktemp('sdk')
    pip('download', '--only-binary', ':all:', '--dest', wheels, SDK)
    return wheels


@pytest.fixture(scope='session')
def image(our_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> AgentTree:
    """What deploy/agent/Dockerfile makes of the Agent's image; containers are copies of it."""
    return build(our_wheel.parent, tmp_path_factory.mktemp('image') / 'image')


@pytest.fixture
def agent(tmp_path: Path) -> AgentTree:
    """A bare Agent."""
    return lay_out(tmp_path / 'machine')


@pytest.fixture
def statsig() -> Iterator[SandboxServer]:
    """A Statsig project in which somebody has just switched a gate off."""
    project = SandboxProject(seed=1)
    project.set_gate_enabled('checkout_v2', False, 'Jane Doe')
    with SandboxServer(project) as server:
        yield server
