from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import SandboxServer
from tests.relay.dogstatsd_receiver import DogStatsdReceiver
from tests.triggers.relay_with_triggers import GATE, TriggersRelay, rule

Start = Callable[..., TriggersRelay]


@pytest.fixture
def statsig() -> Iterator[SandboxServer]:
    """A project whose gate is on."""
    project = SandboxProject(seed=1)
    project.gates[GATE].update(isEnabled=True, status='In Progress')
    with SandboxServer(project) as running:
        yield running


@pytest.fixture
def dogstatsd(tmp_path: Path) -> Iterator[DogStatsdReceiver]:
    started = DogStatsdReceiver(tmp_path / 'dsd.socket').start()
    yield started
    if started._running:
        started.stop()
    assert not started.wrong, started.wrong[:3]


@pytest.fixture
def start(tmp_path: Path, statsig: SandboxServer, dogstatsd: DogStatsdReceiver) -> Iterator[Start]:
    """Starts a relay with one rule, or with those given; keywords are options of `triggers`."""
    running: list[TriggersRelay] = []

    def started(*rules: dict[str, Any], relay_options: dict[str, Any] | None = None, **options: Any) -> TriggersRelay:
        running.append(TriggersRelay(tmp_path, statsig, dogstatsd, rules or [rule()], relay_options, **options))
        return running[-1]

    yield started
    for relay in running:
        if relay.running.process.poll() is None:
            relay.running.kill()
        if not relay.defect_is_expected:
            assert 'Traceback' not in relay.running.log, relay.running.log
            assert 'defect' not in relay.running.log, relay.running.log
