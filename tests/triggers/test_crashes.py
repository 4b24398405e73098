"""SIGKILL at every step: before each statement that is given to SQLite (so before and after each commit), and while
Statsig has a request. After the restart the gate is as was decided, and the journal tells what happened."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest

from statsig.sandbox.knobs import Fault, Request
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import SandboxServer
from tests.triggers.crash_program import NEVER, carry_out
from tests.triggers.relay_with_triggers import GATE, is_on, puts, rows

SIGKILLED = -9


@pytest.fixture(scope='module')
def processes() -> ForkServerContext:
    """Forks from a process that has imported everything: quick to start, and dies like any other."""
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['tests.triggers.crash_program'])
    return context


@pytest.fixture(scope='module')
def statsig() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxProject(seed=1)) as running:
        yield running


class World:
    """One gate, one journal, and processes that die."""

    def __init__(self, directory: Path, statsig: SandboxServer, processes: ForkServerContext) -> None:
        self.directory, self.statsig, self.processes = directory, statsig, processes
        directory.mkdir()
        self.killed = 0
        statsig.project.set_gate_enabled(GATE, True)
        statsig.reset_requests()

    def carry_out(self, transition: str, kill_at: int = NEVER) -> int:
        """The exit code. Datadog repeats a notification that was not acknowledged, and so does the next call."""
        process = self._started(transition, kill_at)
        process.join()
        return process.exitcode or 0

    def until_done(self, transition: str, kill_at: int) -> None:
        """Killed once, then started again."""
        if self.carry_out(transition, kill_at) == SIGKILLED:
            self.killed += 1
            assert self.carry_out(transition) == 0

    def killed_by(self, transition: str, request: int, *, when_done: bool) -> None:
        """Killed while Statsig has the request of that number: before it does what is asked, or before it answers."""
        process = self._started(transition, NEVER, start=False)
        seen = 0

        def arrived(_: Request) -> None:
            nonlocal seen
            seen += 1
            if seen == request:
                if when_done:
                    self.statsig.fail_next('/console', Fault('timeout', seconds=0.15))
                    threading.Timer(0.05, process.kill).start()
                else:
                    process.kill()
                    wait([process.sentinel])
                    self.statsig.fail_next('/console', Fault('reset'))

        self.statsig.knobs.before_request = arrived
        process.start()
        process.join()
        self.statsig.knobs.before_request = None
        assert process.exitcode == SIGKILLED
        self.killed += 1
        assert self.carry_out(transition) == 0

    def statements(self, transition: str) -> int:
        return int((self.directory / f'{transition}.statements').read_text())

    def _started(self, transition: str, kill_at: int, start: bool = True) -> Any:
        files = [str(self.directory / f'{transition}.{what}') for what in ('acknowledged', 'statements')]
        arguments = (str(self.directory), self.statsig.url, transition, kill_at, *files)
        process = self.processes.Process(target=carry_out, args=arguments)
        if start:
            process.start()
        return process

    def check_turned_off(self) -> None:
        assert not is_on(self.statsig)
        (action,) = rows(self.directory, "SELECT * FROM actions WHERE kind = 'disable'")
        sent = puts(self.statsig).count(f'{GATE}/disable')
        assert (action['state'], action['outcome']) == ('ended', 'disabled')
        assert (action['gate_before'], action['gate_after']) == ('on', 'off')
        # Written down before it is sent: a process may die in between.
        assert sent <= action['changes'] <= min(sent + self.killed, 3)
        if action['owned']:
            assert action['answered'] == 1
        else:
            assert 'may have been this action, or somebody else' in action['why']
        steps = [
            row['what'] for row in rows(self.directory, f'SELECT what FROM steps WHERE action_id = {action["id"]}')
        ]
        assert steps[0] == 'read: the gate is on'
        assert sum(step.startswith('sending: PUT') for step in steps) == action['changes']
        assert sum(step.startswith('answered:') for step in steps) <= sent
        assert steps[-1].startswith('ended: disabled')
        acted = rows(self.directory, "SELECT * FROM decisions WHERE verdict = 'act'")
        assert [decision['action_id'] for decision in acted] == [action['id']]


def number_of_statements(
    transition: str, directory: Path, statsig: SandboxServer, processes: ForkServerContext
) -> tuple[int, World]:
    world = World(directory, statsig, processes)
    if transition == 'Recovered':
        world.carry_out('Triggered')
    assert world.carry_out(transition) == 0
    return world.statements(transition), world


def test_killed_at_each_statement_of_turning_off(
    tmp_path: Path, statsig: SandboxServer, processes: ForkServerContext
) -> None:
    steps, world = number_of_statements('Triggered', tmp_path / 'whole', statsig, processes)
    world.check_turned_off()
    assert steps > 40

    killed = 0
    for kill_at in range(1, steps + 1):
        world = World(tmp_path / str(kill_at), statsig, processes)
        world.until_done('Triggered', kill_at)
        world.check_turned_off()
        killed += world.killed

    assert killed == steps


def test_killed_at_each_statement_of_turning_on_again(
    tmp_path: Path, statsig: SandboxServer, processes: ForkServerContext
) -> None:
    steps, world = number_of_statements('Recovered', tmp_path / 'whole', statsig, processes)
    assert is_on(statsig)
    assert steps > 40

    for kill_at in range(1, steps + 1):
        world = World(tmp_path / str(kill_at), statsig, processes)
        world.carry_out('Triggered')
        world.until_done('Recovered', kill_at)
        assert world.killed == 1
        assert is_on(statsig)
        (action,) = rows(world.directory, "SELECT * FROM actions WHERE kind = 'enable'")
        assert (action['outcome'], action['gate_before'], action['gate_after']) == ('enabled', 'off', 'on')


@pytest.mark.parametrize('when_done', [False, True], ids=['before it does anything', 'before it answers'])
@pytest.mark.parametrize('request_number', [1, 2, 3], ids=['reading', 'changing', 'reading back'])
def test_killed_while_statsig_has_a_request(
    tmp_path: Path, statsig: SandboxServer, processes: ForkServerContext, request_number: int, when_done: bool
) -> None:
    world = World(tmp_path / 'state', statsig, processes)

    world.killed_by('Triggered', request_number, when_done=when_done)

    world.check_turned_off()
    assert puts(statsig).count(f'{GATE}/disable') <= 2


def test_what_a_lost_answer_did_is_not_undone_on_recovery(
    tmp_path: Path, statsig: SandboxServer, processes: ForkServerContext
) -> None:
    """Nobody can tell whether the gate is off because of the PUT, or because somebody was quicker."""
    world = World(tmp_path / 'state', statsig, processes)
    world.killed_by('Triggered', 2, when_done=True)

    world.carry_out('Recovered')

    assert not is_on(statsig)
    (decision,) = rows(world.directory, "SELECT * FROM decisions WHERE reason = 'nothing_to_undo'")
    assert decision['verdict'] == 'recorded'
