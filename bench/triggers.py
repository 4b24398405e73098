"""How long it takes from a monitor's webhook to the change at Statsig, and what a flood of wrong tokens costs.
See docs/benchmarks.md."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

import yaml

from bench.figures import table
from bench.relay import Server, free_port, sink, wait_for
from statsig.commands.triggers import read_log
from statsig.relay.triggers.actions import IDLE_PAUSE
from statsig.relay.triggers.database import Database
from statsig.relay.triggers.journal import MOST_ACTIONS
from statsig.sandbox.knobs import Request
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer

TOKEN = 'bench-token-0123456789'  # noqa: S105
ALERTS, RATE, CLIENTS = 12, 200, 4
FLOOD, FLOOD_ROUNDS = 3000, 5
MOST_SECONDS = 1.0
OFF_MONITOR = '999'  # of a rule whose gate is off


def bench_triggers() -> None:
    """Measures, and prints what was found."""
    project = SandboxProject(seed=1, gates=ALERTS + 1)
    *gates, off = list(project.gates)[: ALERTS + 1]
    project.gates[off].update(isEnabled=False, status='Disabled')
    for gate in gates:
        project.gates[gate].update(isEnabled=True, status='In Progress')
    with sink() as dogstatsd, SandboxServer(project) as statsig, tempfile.TemporaryDirectory() as directory:
        with _relay(Path(directory), dogstatsd, statsig.url, gates, off) as server:
            seconds, sent, took = _measure_alerts(server.port, statsig, gates)
            time.sleep(IDLE_PAUSE + 1)  # until the gate that is off has been looked at for the last time
            statsig.reset_requests()
            flood = _measure_flood(server)
            reached = len(statsig.requests)
        lines = read_log(Path(directory) / 'state', 1_000_000)
    refusals = [line for line in lines if line['outcome'] == 'unauthorized']
    wrong, bare = (median(flood[word]) for word in ('401', '404'))
    print(
        f'Trigger {max(seconds):.3f} s at most from a webhook to the PUT at Statsig ({_met(max(seconds))} s), '
        f'{sent / took:.0f} notifications a second beside it\n'
        f'Flood   {wrong:,.0f} wrong tokens per second and core, {wrong / bare:.2f} of a path that is not there; '
        f'{sum(line["times"] for line in refusals):,} of them in {len(refusals)} journal lines, '
        f'{reached} requests to Statsig\n'
    )
    cuts = quantiles(seconds, n=100, method='inclusive')
    head = ('Seconds from webhook to PUT', 'median', 'p90', 'most', 'alerts')
    print(table(head, [('', f'{cuts[49]:.3f}', f'{cuts[89]:.3f}', f'{max(seconds):.3f}', str(len(seconds)))]))


def _met(value: float) -> str:
    return f'aim: {MOST_SECONDS:g}' if value <= MOST_SECONDS else f'aim missed: {MOST_SECONDS:g}'


@contextmanager
def _relay(directory: Path, dogstatsd: str, statsig: str, gates: list[str], off: str) -> Iterator[Server]:
    port = free_port()
    monitors = [*range(1, ALERTS + 1), int(OFF_MONITOR)]
    rules = [
        {'name': gate, 'monitor_id': monitor, 'gate': gate, 'dry_run': False}
        for monitor, gate in zip(monitors, [*gates, off], strict=True)
    ]
    triggers = {'token': '${BENCH_TOKEN}', 'api_key': '${BENCH_KEY}', 'api_url': statsig, 'rules': rules}
    configuration = {
        'listen': f'127.0.0.1:{port}',
        'dogstatsd_url': dogstatsd,
        'metric_namespace': 'bench',
        'state_dir': str(directory / 'state'),
        'triggers': {**triggers, 'max_actions_per_hour': 1000},
    }
    _fill(directory / 'state', off)
    file = directory / 'relay.yaml'
    file.write_text(yaml.safe_dump(configuration))
    process = subprocess.Popen(  # noqa: S603 - a command of this file
        [sys.executable, '-m', 'statsig.cli', 'relay', '--config', str(file)],
        env={**os.environ, 'BENCH_TOKEN': TOKEN, 'BENCH_KEY': DEFAULT_KEY},
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port, process)
        yield Server('relay', port, process)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _fill(state_dir: Path, gate: str) -> None:
    """A journal as it is after some weeks: as many actions as are kept."""
    database = Database(state_dir)
    with database.transaction():
        database.execute_many(
            'INSERT INTO actions (request_id, rule, rule_scope, gate, kind, rehearsal, by, monitor_id, cycle, scope, '
            'decided_at, begin_at, due_at, give_up_at, state, outcome, ended_at, told) '
            "VALUES (0, ?, '', ?, 'disable', 0, 'relay', ?, ?, '', ?, 0, 0, 0, 'ended', 'already_off', ?, 1)",
            ((gate, gate, OFF_MONITOR, f'old {n}', time.time() - 1e5, time.time() - 1e5) for n in range(MOST_ACTIONS)),
        )
    database.close()


def _measure_alerts(port: int, statsig: SandboxServer, gates: list[str]) -> tuple[list[float], int, float]:
    """Seconds from sending an alert to the arrival of its PUT; how many other notifications were sent, and how long."""
    arrived: dict[str, float] = {}

    def note(request: Request) -> None:
        if request.method == 'PUT':
            arrived[request.path.split('/')[-2]] = time.monotonic()

    statsig.knobs.before_request = note
    stop, counts = threading.Event(), [0] * CLIENTS
    threads = [threading.Thread(target=_load, args=(port, stop, counts, n)) for n in range(CLIENTS)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    sent: dict[str, float] = {}
    for number, gate in enumerate(gates):
        time.sleep(0.7)
        sent[gate] = time.monotonic()
        _Client(port).ask(_request(TOKEN, str(number + 1), 'Triggered', f'cycle-{number}'))
    time.sleep(2.0)
    stop.set()
    for thread in threads:
        thread.join()
    took = time.monotonic() - begun
    statsig.knobs.before_request = None
    if missing := [gate for gate in gates if gate not in arrived]:
        raise RuntimeError(f'These gates were never turned off: {missing}')
    return [arrived[gate] - sent[gate] for gate in gates], sum(counts), took


def _load(port: int, stop: threading.Event, counts: list[int], number: int) -> None:
    """A share of the other notifications, at an even pace: half of them are new alerts about a gate that is off."""
    client, begun = _Client(port), time.monotonic()
    while not stop.is_set():
        monitor, transition = (OFF_MONITOR, 'Triggered') if counts[number] % 2 else ('1', 'Renotify')
        client.ask(_request(TOKEN, monitor, transition, f'{number}-{counts[number]}'))
        counts[number] += 1
        time.sleep(max(0.0, begun + counts[number] * CLIENTS / RATE - time.monotonic()))


def _measure_flood(server: Server) -> dict[str, list[float]]:
    """Requests per second of CPU: wrong tokens, and a path where nothing is. Each has a connection of its own."""
    requests = {'401': _request('wrong', '1', 'Triggered', 'x'), '404': b'POST /nothing HTTP/1.1\r\nHost: h\r\n\r\n'}
    rates: dict[str, list[float]] = {word: [] for word in requests}
    for _ in range(FLOOD_ROUNDS):
        for word, request in requests.items():
            before = server.cpu()
            for _ in range(FLOOD):
                answer = _Client(server.port).ask(request)
                if word.encode() not in answer[:16]:
                    raise RuntimeError(f'{word} was expected, got {answer[:40]!r}')
            rates[word].append(FLOOD / (server.cpu() - before))
    return rates


class _Client:
    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(('127.0.0.1', port), timeout=30)

    def ask(self, request: bytes) -> bytes:
        self._socket.sendall(request)
        return self._socket.recv(4096)


def _request(token: str, monitor: str, transition: str, cycle: str) -> bytes:
    fields = {'monitor_id': monitor, 'transition': transition, 'cycle_key': cycle, 'title': 'bench'}
    body = json.dumps(fields).encode()
    head = (
        f'POST /webhooks/datadog HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n'
        f'Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n'
    )
    return head.encode() + body
