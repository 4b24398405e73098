"""The triggers' part of the demo: a gate goes on, errors climb, a monitor alerts, the gate goes off, and the audit
entry of that change comes back through the check.

Real: relay, trigger, journal, check. Played: the application's error rate, and Datadog's monitor.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
import yaml

from statsig.commands.preview import print_event
from statsig.commands.terminal import Terminal
from statsig.relay.triggers.notification import TEMPLATE
from statsig.sandbox.agent_intake import Event
from statsig.sandbox.agent_process import AgentEndedError, AgentProcess
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer

GATE, RULE, MONITOR = 'checkout_v2', 'checkout errors', '123'
QUIET, BROKEN, THRESHOLD = 0.4, 8.0, 5.0  # per cent of requests that fail
_STEP = 0.15  # seconds between two samples; a monitor of Datadog's has minutes
_PATIENCE = 30.0  # seconds
_LISTENING = re.compile(r'Listening on (http://127\.0\.0\.1:\d+)')
_EVENT = re.compile(rb'_e\{(\d+),(\d+)\}:')


@dataclass(frozen=True, slots=True)
class Loop:
    """What was seen. seconds: from the alert to the gate being off. told: the trigger's event; audited: the check's."""

    rates: Sequence[float]
    seconds: float | None
    told: Event | None
    audited: Event | None


def show_triggers(terminal: Terminal, seed: int) -> list[str]:
    """Run it and print it; what the triggers promise and did not keep."""
    terminal.heading('A trigger', 'a gate goes on → errors climb → a monitor alerts → the gate is off')
    project = SandboxProject(seed)
    project.gates[GATE].update(isEnabled=False, status='Disabled')
    try:
        with tempfile.TemporaryDirectory(prefix='statsig-datadog-demo-') as name, SandboxServer(project) as statsig:
            loop = _run(project, statsig, Path(name))
    except (_RelayFailedError, AgentEndedError, requests.RequestException) as error:
        return [f'the trigger failed: {error}']
    _show(terminal, loop)
    return broken(loop)


def broken(loop: Loop) -> list[str]:
    checks = [
        (loop.seconds is None, f'the gate {GATE} was not turned off'),
        (loop.told is None or RULE not in loop.told.title, 'no event of the trigger names its rule'),
        (loop.audited is None, 'the audit entry of the change did not come back through the check'),
    ]
    return [reason for is_broken, reason in checks if is_broken]


class _RelayFailedError(Exception):
    pass


def _run(project: SandboxProject, statsig: SandboxServer, directory: Path) -> Loop:
    token = secrets.token_hex(16)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dogstatsd:
        dogstatsd.bind(('127.0.0.1', 0))
        dogstatsd.settimeout(0.2)
        with _relay(directory, dogstatsd.getsockname()[1], statsig.url, token) as url:
            project.set_gate_enabled(GATE, True, 'Jane Doe')
            rates, seconds = _until_off(project, url, token)
            told = _trigger_event(dogstatsd)
    return Loop(rates, seconds, told, _audit_event(directory, statsig.url))


def _until_off(project: SandboxProject, url: str, token: str) -> tuple[list[float], float | None]:
    """The application fails more and more while the gate is on; the monitor alerts above the threshold."""
    rates, rate, alerted = [], QUIET, 0.0
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        is_on = project.gates[GATE]['isEnabled']
        rate += ((BROKEN if is_on else QUIET) - rate) / 3
        rates.append(rate)
        if rate > THRESHOLD and not alerted:
            alerted = time.monotonic()
            _notify(url, token, 'Triggered')
        if alerted and not is_on and rate < 1.0:
            _notify(url, token, 'Recovered')
            break
        time.sleep(_STEP)
    entries = [entry for entry in project.audit_log.since(0) if entry.value.get('changeLog') == 'Disabled Gate']
    took = entries[-1].timestamp - (time.time() - (time.monotonic() - alerted)) if alerted and entries else None
    return rates, took if not project.gates[GATE]['isEnabled'] else None


def _notify(url: str, token: str, transition: str) -> None:
    """What Datadog would send, made of the same template."""
    values = {
        'monitor_id': MONITOR,
        'transition': transition,
        'cycle_key': 'demo-1',
        'title': f'[{transition}] Error rate of checkout',
        'date': str(int(time.time() * 1000)),
    }
    requests.post(
        f'{url}/webhooks/datadog',
        json={name: values.get(name, '') for name in TEMPLATE},
        headers={'Authorization': f'Bearer {token}'},
        timeout=10,
    ).raise_for_status()


@contextmanager
def _relay(directory: Path, dogstatsd: int, statsig: str, token: str) -> Iterator[str]:
    """Its address, once it listens. Raises _RelayFailedError."""
    rule = {'name': RULE, 'monitor_id': int(MONITOR), 'gate': GATE, 'dry_run': False}
    configuration = {
        'listen': '127.0.0.1:0',
        'dogstatsd_url': f'udp://127.0.0.1:{dogstatsd}',
        'metric_namespace': 'statsig.events',
        'flush_interval': 0.2,
        'state_dir': str(directory / 'state'),
        'triggers': {
            'token': '${DEMO_TOKEN}',
            'api_key': '${DEMO_KEY}',
            'api_url': statsig,
            'project': 'sandbox',
            'rules': [rule],
        },
    }
    file, log = directory / 'relay.yaml', directory / 'relay.log'
    file.write_text(yaml.safe_dump(configuration), encoding='utf-8')
    root = str(Path(__file__).resolve().parent.parent.parent)
    path = os.pathsep.join(filter(None, (os.environ.get('PYTHONPATH'), root)))
    with log.open('wb') as written:
        process = subprocess.Popen(  # noqa: S603  (our own interpreter, our own arguments)
            [sys.executable, '-m', 'statsig.cli', 'relay', '--config', str(file)],
            stdout=written,
            stderr=written,
            env={**os.environ, 'PYTHONPATH': path, 'DEMO_TOKEN': token, 'DEMO_KEY': DEFAULT_KEY},
        )
    try:
        yield _address(process, log)
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + _PATIENCE
    while not (found := _LISTENING.search(log.read_text(encoding='utf-8'))):
        if process.poll() is not None or time.monotonic() > end:
            raise _RelayFailedError(log.read_text(encoding='utf-8').strip().splitlines()[-1:])
        time.sleep(0.02)
    return found[1]


def _trigger_event(dogstatsd: socket.socket) -> Event | None:
    """The first event that the relay has sent."""
    end = time.monotonic() + 5.0
    while time.monotonic() < end:
        try:
            datagram = dogstatsd.recv(65536)
        except TimeoutError:
            continue
        if found := _EVENT.match(datagram):
            title, text = int(found[1]), int(found[2])
            rest = datagram[found.end() :]
            fields = dict(
                each.split(':', 1) for each in rest[title + 1 + text :].decode().split('|')[1:] if ':' in each
            )
            tags = next(each for each in rest[title + 1 + text :].decode().split('|') if each.startswith('#'))
            return Event(
                title=rest[:title].decode(),
                text=rest[title + 1 : title + 1 + text].decode().replace('\\n', '\n'),
                timestamp=int(fields['d']),
                tags=tuple(tags[1:].strip().split(',')),
                alert_type=fields.get('t', 'info'),
                aggregation_key=fields.get('k', ''),
                source_type_name=fields.get('s', ''),
                priority='',
                hostname='',
            )
    return None


def _audit_event(directory: Path, url: str) -> Event | None:
    """What one run of the check makes of that change. Raises AgentEndedError."""
    instance = {'api_key': DEFAULT_KEY, 'api_url': url, 'min_collection_interval': 60, 'empty_default_hostname': True}
    file = directory / 'conf.yaml'
    file.write_text(yaml.safe_dump({'init_config': {}, 'instances': [instance]}), encoding='utf-8')
    with AgentProcess(file, directory / 'run', 1.0, runs=1) as agent:
        events = agent.next_run().events
    return next((event for event in events if f'Gate {GATE} disabled by CONSOLE API' in event.title), None)


def _show(terminal: Terminal, loop: Loop) -> None:
    peak = max(loop.rates)
    terminal.line(f'  Jane Doe turns {GATE} on; errors (played): {_sparkline(loop.rates)} up to {peak:.1f} %')
    if loop.seconds is not None:
        terminal.line(
            f'  the monitor (played) alerts above {THRESHOLD:.0f} %; the gate is off {loop.seconds:.2f} s later'
        )
    for event in (loop.told, loop.audited):
        if event:
            print_event(terminal, event, brief=True)
    terminal.line(
        "  The second is Statsig's audit entry, come back through the check. Statsig's API takes no comment with"
    )
    terminal.line('  such a change, so it names the API key; the first, of the trigger itself, names the rule.')


def _sparkline(rates: Sequence[float]) -> str:
    bars = '▁▂▃▄▅▆▇█'
    return ''.join(bars[min(int(rate / BROKEN * len(bars)), len(bars) - 1)] for rate in rates)
