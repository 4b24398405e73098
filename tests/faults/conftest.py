from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.hosts import HostFactory
from tests.faults.leaks import KEY
from tests.faults.summary import ROW
from tests.faults.world import Scenario, Tally, World


@pytest.fixture
def world(tmp_path: Path, hosts: HostFactory) -> Iterator[World]:
    made = World(tmp_path, hosts)
    yield made
    made.close()


@pytest.fixture
def talkative_world(tmp_path: Path, hosts: HostFactory) -> Iterator[World]:
    """With a key that is easily recognised. Its Agent logs all it can, and keeps a journal."""
    made = World(tmp_path, hosts, keys=(KEY,))
    made.options = ('--agent-option', 'log_level=trace', '--journal', str(tmp_path / 'journal'))
    made.configure({'api_key': KEY})
    yield made
    made.close()


@pytest.fixture
def note(record_property: Callable[[str, object], None]) -> Callable[[str, Tally], None]:
    """Puts a row into the table that stands at the end of the test run."""

    def note(name: str, tally: Tally) -> None:
        record_property(ROW, [name, tally.inserted, tally.delivered, tally.lost, tally.duplicated])

    return note


@pytest.fixture
def play(world: World, note: Callable[[str, Tally], None]) -> Callable[[Scenario], None]:
    """Plays a scenario, and compares what was inserted with what was delivered."""

    def play(scenario: Scenario) -> None:
        tally = world.play(scenario)
        note(scenario.name, tally)
        told = '\n'.join(world.warnings)
        assert not any(key in line for key in world.keys for host in world.started for line in host.output)
        assert (tally.lost, tally.duplicated > scenario.may_repeat) == (0, False), f'{tally}\n{told}'
        assert scenario.says in told if scenario.says else not told, told

    return play
