"""The relay is SIGKILLed at every step of an action: before each statement that writes, begins or commits in SQLite (so
before and after each commit), and while Statsig has a request. After the next start the gate is as was decided, and the
journal tells what happened."""

from __future__ import annotations

import multiprocessing
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from statsig.sandbox.knobs import Fault, Request
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer
from tests.relay.dogstatsd_receiver import wait_until
from tests.triggers.crash_program import NEVER, run
from tests.triggers.relay_with_triggers import GATE, TOKEN, is_on, payload, puts, rows, rule

SIGKILLED = -9
LOCK = threading.Lock()  # each start looks at the processes of other threads, too, and two looks spoil an exit code


@pytest.fixture(scope='module')
def processes() -> ForkServerContext:
    """Forks from a process that has imported everything: quick to start, and dies like any other."""
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['tests.triggers.crash_program'])
    return context


@pytest.fixture
def statsig() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxProject(seed=1, gates=150)) as running:
        yield running


class World:
    """One gate, one journal, and relays that die."""

    def __init__(self, directory: Path, statsig: SandboxServer, processes: ForkServerContext, gate: str = GATE) -> None:
        self.directory, self.statsig, self.processes, self.gate = directory, statsig, processes, gate
        directory.mkdir()
        self.state, self.port, self.killed = directory / 'state', _free_port(), 0
        configuration = {
            'listen': f'127.0.0.1:{self.port}',
            'dogstatsd_url': f'unix://{directory}/nobody.socket',
            'metric_namespace': 'statsig',
            'state_dir': str(self.state),
            'triggers': {
                'token': '${TOKEN}',
                'api_key': '${KEY}',
                'api_url': statsig.url,
                'give_up_after': 9,
                'rules': [rule(gate=gate, on_recovery='enable', stable_for=0, cooldown=0)],
            },
        }
        (directory / 'relay.yaml').write_text(yaml.safe_dump(configuration))
        statsig.project.set_gate_enabled(gate, True)

    def start(self, kill_at: int = NEVER) -> Any:
        environment = {'TOKEN': TOKEN, 'KEY': DEFAULT_KEY}
        arguments = (str(self.directory / 'relay.yaml'), environment, kill_at, str(self.directory / 'statements'))
        process = self.processes.Process(target=run, args=arguments)
        with LOCK:
            process.start()
        return process

    def carry_out(self, kill_at: int = NEVER) -> None:
        """An alert and its recovery, with one relay that is killed at that statement and then started again."""
        process = self.start(kill_at)
        for transition in ('Triggered', 'Recovered'):
            process = self.tell(transition, process)
        self.kill(process)

    def tell(self, transition: str, process: Any) -> Any:
        """Until all that follows is done; the relay that is running then."""
        acknowledged = self.notify(transition, process)
        wait_until(lambda: not _is_alive(process) or (acknowledged and self.is_done(transition)))
        if self.is_done(transition):
            return process
        assert process.exitcode == SIGKILLED
        self.killed += 1
        again = self.start()
        if not acknowledged:
            assert self.notify(transition, again)
        wait_until(lambda: self.is_done(transition))
        return again

    def notify(self, transition: str, process: Any) -> bool:
        """Whether it was acknowledged before the relay died; Datadog repeats one that was not."""
        url = f'http://127.0.0.1:{self.port}'
        wait_until(lambda: not _is_alive(process) or _answers(f'{url}/healthz'))
        try:
            answer = requests.post(
                f'{url}/webhooks/datadog',
                json=payload(transition),
                headers={'Authorization': f'Bearer {TOKEN}'},
                timeout=20,
            )
        except requests.ConnectionError:
            return False
        assert answer.status_code == 202
        return True

    def is_done(self, transition: str) -> bool:
        if not (self.state / 'triggers.sqlite3').exists():
            return False
        decided = rows(
            self.state,
            f"SELECT 1 FROM decisions d JOIN requests r ON r.id = d.request_id WHERE r.transition = '{transition}'",
        )
        return bool(decided) and not rows(self.state, "SELECT 1 FROM actions WHERE state = 'waiting'")

    def kill(self, process: Any) -> None:
        process.kill()
        wait([process.sentinel])

    def puts(self) -> int:
        return puts(self.statsig).count(f'{self.gate}/disable')

    def statements(self) -> int:
        return len((self.directory / 'statements').read_bytes())

    def killed_by(self, number: int, *, when_done: bool) -> None:
        """Killed while Statsig has the request of that number: before it does what is asked, or before it answers."""
        seen = 0

        def arrived(_: Request) -> None:
            nonlocal seen
            seen += 1
            if seen == number:
                if when_done:
                    self.statsig.fail_next('/console', Fault('timeout', seconds=0.15))
                    threading.Timer(0.05, process.kill).start()
                else:
                    process.kill()
                    wait([process.sentinel])
                    self.statsig.fail_next('/console', Fault('reset'))

        process = self.start()
        self.statsig.knobs.before_request = arrived
        again = self.tell('Triggered', process)
        self.statsig.knobs.before_request = None
        assert self.killed == 1
        self.kill(again)

    def check_turned_off_and_on_again(self) -> None:
        """On again, unless nobody can tell whether the gate was off because of the PUT."""
        owned = self.check_turned_off()
        enabled = rows(self.state, "SELECT outcome, gate_before, gate_after FROM actions WHERE kind = 'enable'")
        reasons = [row['reason'] for row in rows(self.state, 'SELECT reason FROM decisions ORDER BY id')]
        if owned:
            assert [tuple(each.values()) for each in enabled] == [('enabled', 'off', 'on')]
        else:
            assert (enabled, reasons[-1]) == ([], 'nothing_to_undo')
        assert is_on(self.statsig, self.gate) is owned

    def check_turned_off(self) -> bool:
        """Whether the rule knows that it was its doing."""
        (action,) = rows(self.state, "SELECT * FROM actions WHERE kind = 'disable'")
        sent = self.puts()
        assert (action['state'], action['outcome']) == ('ended', 'disabled')
        assert (action['gate_before'], action['gate_after']) == ('on', 'off')
        # Written down before it is sent: a process may die in between.
        assert sent <= action['changes'] <= min(sent + self.killed, 3)
        if action['owned']:
            assert action['answered'] == 1
        else:
            assert 'may have been this action, or somebody else' in action['why']
        steps = [row['what'] for row in rows(self.state, f'SELECT what FROM steps WHERE action_id = {action["id"]}')]
        assert steps[0] == 'read: the gate is on'
        assert sum(step.startswith('sending: PUT') for step in steps) == action['changes']
        assert sum(step.startswith('answered:') for step in steps) <= sent
        assert steps[-1].startswith('ended: disabled')
        acted = rows(self.state, "SELECT * FROM decisions WHERE verdict = 'act'")
        assert [decision['action_id'] for decision in acted] == [action['id']]
        return bool(action['owned'])


def _is_alive(process: Any) -> bool:
    with LOCK:
        return bool(process.is_alive())


def _free_port() -> int:
    with socket.create_server(('127.0.0.1', 0)) as free:
        return int(free.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


@pytest.mark.parametrize('trouble', [False, True], ids=['at the first attempt', 'when the first PUT is answered 500'])
def test_killed_fifty_times_at_each_statement_of_turning_off_and_on_again(
    tmp_path: Path, statsig: SandboxServer, processes: ForkServerContext, trouble: bool
) -> None:
    gates = iter(list(statsig.project.gates))

    def killed_at(number: int) -> World:
        gate = next(gates)
        if trouble:
            statsig.fail_next(f'/console/v1/gates/{gate}/disable', Fault.of_status(500))
        world = World(tmp_path / str(number), statsig, processes, gate)
        world.carry_out(number)
        return world

    undisturbed = killed_at(NEVER)
    assert is_on(statsig, undisturbed.gate)

    # Each has a gate and a journal of its own.
    with ThreadPoolExecutor(4) as pool:
        worlds = list(pool.map(killed_at, range(1, undisturbed.statements() + 1)))

    for world in worlds:
        world.check_turned_off_and_on_again()
    assert sum(world.killed for world in worlds) >= 50


@pytest.mark.parametrize('when_done', [False, True], ids=['before it does anything', 'before it answers'])
@pytest.mark.parametrize('request_number', [1, 2, 3], ids=['reading', 'changing', 'reading back'])
def test_killed_while_statsig_has_a_request(
    tmp_path: Path, statsig: SandboxServer, processes: ForkServerContext, request_number: int, when_done: bool
) -> None:
    world = World(tmp_path / 'state', statsig, processes)

    world.killed_by(request_number, when_done=when_done)

    world.check_turned_off()
    assert not is_on(statsig)
    assert world.puts() <= 2
