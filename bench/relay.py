"""What the relay costs, next to the usual handler and to the bare protocol. See docs/benchmarks.md."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from bench.figures import MIB, table
from bench.webhook_load import SECRET, Client, Deliveries

ROUNDS = 5
# events in a request → requests in a round
BATCHES = {1: 3000, 100: 1500, 1000: 200}
LATENCY_SECONDS = 8.0
MEMORY_EVENTS, MEMORY_NAMES, MEMORY_BATCH = 10_000_000, 1_000_000, 1000
LEAST_TIMES_USUAL, LEAST_SHARE_OF_BARE = 10.0, 0.6

RELAY, USUAL = 'relay', 'usual handler'
DOCUMENTED, LEAST = 'bare, documented types', "bare, the relay's types"


@dataclass(frozen=True, slots=True)
class Server:
    """A process that is measured from outside."""

    name: str
    port: int
    process: subprocess.Popen[bytes]

    def cpu(self) -> float:
        """Seconds of user and system time so far, those of its child processes included."""
        return sum(_cpu(pid) for pid in _family(self.process.pid))

    def resident(self) -> float:
        """MiB."""
        status = Path(f'/proc/{self.process.pid}/status').read_text()
        found = re.search(r'VmRSS:\s+(\d+) kB', status)
        return int(found[1]) * 1024 / MIB if found else 0.0


def bench_relay() -> None:
    """Measures, and prints what was found."""
    deliveries = Deliveries()
    with ExitStack() as stack:
        thrown_away = stack.enter_context(sink())
        servers = [stack.enter_context(_running(name, thrown_away)) for name in (RELAY, USUAL, DOCUMENTED, LEAST)]
        _say('measuring events per second of the relay and of what it is compared with')
        rates = _measure_rates(servers, deliveries)
        _say('measuring latency')
        latencies = {server.name: _measure_latency(server, deliveries) for server in servers if server.name != USUAL}
        _say(f'measuring memory: {MEMORY_EVENTS:,} events, {MEMORY_NAMES:,} names')
        memory = _measure_memory(servers[0], deliveries)
    print('\n'.join(_summary(rates, memory)), end='\n\n')
    print(f'Events of {deliveries.event_bytes:.0f} bytes')
    print(_rate_table(rates), end='\n\n')
    print(_latency_table(latencies), end='\n\n')
    print(_memory_table(memory))


Rates = dict[tuple[str, int], list[float]]


def _measure_rates(servers: Sequence[Server], deliveries: Deliveries) -> Rates:
    """Events per second of CPU, by server and batch, one figure for each round. The servers take turns."""
    rates: Rates = defaultdict(list)
    for server in servers:  # imports, caches, first flush
        _send(server, deliveries.make(200, 100))
    for _ in range(ROUNDS):
        for batch, number in BATCHES.items():
            for server in servers:
                requests = deliveries.make(number // 10 if server.name == USUAL else number, batch)
                before = server.cpu()
                _send(server, requests)
                rates[server.name, batch].append(len(requests) * batch / (server.cpu() - before))
    return rates


def _send(server: Server, requests: Sequence[bytes]) -> float:
    client = Client(server.port)
    try:
        return client.send_all(requests)
    finally:
        client.close()


def _measure_latency(server: Server, deliveries: Deliveries) -> tuple[float, list[float]]:
    """Requests per second, and milliseconds of each, at half of what one client gets through without a pause."""
    warm = deliveries.make(500, 100)
    per_second = len(warm) / _send(server, warm) / 2
    client = Client(server.port)
    try:
        latencies = client.send_evenly(deliveries.make(int(per_second * LATENCY_SECONDS), 100), per_second)
    finally:
        client.close()
    return per_second, [1000 * each for each in latencies]


def _measure_memory(server: Server, deliveries: Deliveries) -> dict[int, float]:
    """MiB resident after so many events, a tenth of them of a name of their own."""
    resident = {0: server.resident()}
    new_names = MEMORY_BATCH * MEMORY_NAMES // MEMORY_EVENTS
    step = 100
    for sent in range(step * MEMORY_BATCH, MEMORY_EVENTS + 1, step * MEMORY_BATCH):
        _send(server, deliveries.make(step, MEMORY_BATCH, new_names))
        if sent in (MEMORY_EVENTS // 100, MEMORY_EVENTS // 10, MEMORY_EVENTS // 2, MEMORY_EVENTS):
            resident[sent] = server.resident()
    return resident


def _ratio(rates: Rates, other: str, batch: int) -> list[float]:
    return [ours / theirs for ours, theirs in zip(rates[RELAY, batch], rates[other, batch], strict=True)]


def _summary(rates: Rates, memory: dict[int, float]) -> list[str]:
    usual, documented, least = (median(_ratio(rates, name, 100)) for name in (USUAL, DOCUMENTED, LEAST))
    first, last = memory[MEMORY_EVENTS // 10], memory[MEMORY_EVENTS]
    return [
        f'Relay   {median(rates[RELAY, 100]):,.0f} events per second and core at 100 events a request, '
        f'{usual:.0f} times the usual handler ({_met(usual, LEAST_TIMES_USUAL)})',
        f'Floor   {documented:.2f} of the bare protocol with all documented fields typed '
        f"({_met(documented, LEAST_SHARE_OF_BARE)}), {least:.2f} of it with the relay's own types "
        f'({_met(least, LEAST_SHARE_OF_BARE)})',
        f'Memory  {last:.0f} MiB after {MEMORY_EVENTS:,} events and {MEMORY_NAMES:,} names, '
        f'{first:.0f} MiB after the first tenth of them',
    ]


def _met(value: float, least: float) -> str:
    return f'aim: {least:g}' if value >= least else f'aim missed: {least:g}'


def _rate_table(rates: Rates) -> str:
    head = ('Events per second and core', *(f'batches of {batch:,}' for batch in BATCHES))
    rows = [
        (name, *(f'{median(rates[name, batch]):,.0f}' for batch in BATCHES))
        for name in (RELAY, USUAL, DOCUMENTED, LEAST)
    ]
    for name in (USUAL, DOCUMENTED, LEAST):
        ratios = [_ratio(rates, name, batch) for batch in BATCHES]
        rows.append((f'relay / {name}', *(f'{median(each):.2f} ({_middle_half(each)})' for each in ratios)))
    return table(head, rows)


def _middle_half(ratios: Sequence[float]) -> str:
    lower, _, upper = quantiles(ratios, n=4, method='inclusive')
    return f'{lower:.2f}-{upper:.2f}'


def _latency_table(latencies: dict[str, tuple[float, list[float]]]) -> str:
    rows = []
    for name, (per_second, measured) in latencies.items():
        cuts = quantiles(measured, n=100, method='inclusive')
        rows.append((name, f'{per_second:,.0f}', f'{cuts[49]:.2f}', f'{cuts[98]:.2f}'))
    return table(('Latency at half load, 100 events a request', 'requests/s', 'p50 ms', 'p99 ms'), rows)


def _memory_table(memory: dict[int, float]) -> str:
    share = MEMORY_NAMES / MEMORY_EVENTS
    rows = [(f'{events:,}', f'{events * share:,.0f}', f'{mib:.1f}') for events, mib in memory.items()]
    return table(('Events received', 'names', 'resident MiB'), rows)


def free_port() -> int:
    with socket.create_server(('127.0.0.1', 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def _running(name: str, sink: str) -> Iterator[Server]:
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        process = subprocess.Popen(  # noqa: S603 - commands of this file
            _command(name, port, sink, Path(directory)),
            env={**os.environ, 'BENCH_WEBHOOK_SECRET': SECRET, 'DD_DOGSTATSD_URL': sink},
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(port, process)
            yield Server(name, port, process)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _command(name: str, port: int, sink: str, directory: Path) -> list[str]:
    if name == RELAY:
        file = directory / 'relay.yaml'
        file.write_text(
            f'listen: 127.0.0.1:{port}\ndogstatsd_url: {sink}\nmetric_namespace: bench\n'
            'statsig_webhook:\n  signing_secret: ${BENCH_WEBHOOK_SECRET}\n'
        )
        return [sys.executable, '-m', 'statsig.cli', 'relay', '--config', str(file)]
    if name == USUAL:
        options = ['--bind', f'127.0.0.1:{port}', '--worker-class', 'gthread', '--threads', '4', '--keep-alive', '60']
        return [sys.executable, '-m', 'gunicorn', *options, 'bench.webhook_servers:usual']
    kind = 'bare_documented' if name == DOCUMENTED else 'bare_least'
    return [sys.executable, '-m', 'bench.webhook_servers', kind, str(port)]


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError(f'{process.args!r} ended with {process.returncode}')
        try:
            socket.create_connection(('127.0.0.1', port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f'{process.args!r} does not listen')


@contextmanager
def sink() -> Iterator[str]:
    """A UDP port whose datagrams are thrown away; its address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(('127.0.0.1', 0))
        threading.Thread(target=_throw_away, args=(receiver,), daemon=True).start()
        yield f'udp://127.0.0.1:{receiver.getsockname()[1]}'


def _throw_away(receiver: socket.socket) -> None:
    while True:
        try:
            receiver.recv(65536)
        except OSError:
            return


def _family(pid: int) -> list[int]:
    children = Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
    return [pid, *(each for child in children for each in _family(int(child)))]


def _cpu(pid: int) -> float:
    return time.clock_gettime((~pid << 3) | 2)  # Linux: the CPU clock of that process, to the nanosecond


def _say(what: str) -> None:
    print(f'{time.strftime("%H:%M:%S")} {what}', file=sys.stderr, flush=True)
