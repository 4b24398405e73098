"""The triggers' part of the demo: a gate goes on, errors climb, a monitor alerts, the gate goes off, and the audit
entry of that change comes back through the check.

Real: relay, trigger, journal, check. Played: the application's error rate, and Datadog's monitor.
"""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml

from statsig.commands.preview import print_event
from statsig.commands.terminal import Terminal
from statsig.relay.triggers.notification import TEMPLATE
from statsig.sandbox.agent_intake import Event
from statsig.sandbox.agent_process import AgentEndedError, AgentProcess
from statsig.sandbox.dogstatsd_listener import DogStatsdListener, ReceivedEvent
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.relay_process import RelayFailedError, RelayProcess
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer

GATE, RULE, MONITOR = 'checkout_v2', 'checkout errors', '123'
QUIET, BROKEN, THRESHOLD = 0.4, 8.0, 5.0  # per cent of requests that fail
_STEP = 0.15  # seconds between two samples; a monitor of Datadog's has minutes
_PATIENCE = 30.0  # seconds


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
    except (RelayFailedError, AgentEndedError, requests.RequestException) as error:
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


def _run(project: SandboxProject, statsig: SandboxServer, directory: Path) -> Loop:
    """Raises RelayFailedError, AgentEndedError."""
    token = secrets.token_hex(16)
    variables = {'DEMO_TOKEN': token, 'DEMO_KEY': DEFAULT_KEY}
    with DogStatsdListener() as dogstatsd:
        configuration = _configuration(directory, dogstatsd.url, statsig.url)
        with RelayProcess(configuration, '', directory, variables=variables) as relay:
            project.set_gate_enabled(GATE, True, 'Jane Doe')
            rates, seconds = _until_off(project, f'http://127.0.0.1:{relay.port}', token)
            relay.stop()  # sends what is left to be told
        dogstatsd.stop()
        told = next(map(_as_event, dogstatsd.received_events()), None)
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


def _configuration(directory: Path, dogstatsd: str, statsig: str) -> dict[str, Any]:
    return {
        'listen': '127.0.0.1:0',
        'dogstatsd_url': dogstatsd,
        'metric_namespace': 'statsig.events',
        'flush_interval': 0.2,
        'state_dir': str(directory / 'state'),
        'triggers': {
            'token': '${DEMO_TOKEN}',
            'api_key': '${DEMO_KEY}',
            'api_url': statsig,
            'project': 'sandbox',
            'rules': [{'name': RULE, 'monitor_id': int(MONITOR), 'gate': GATE, 'dry_run': False}],
        },
    }


def _as_event(received: ReceivedEvent) -> Event:
    return Event(
        title=received.title,
        text=received.text,
        timestamp=int(received.fields['d']),
        tags=tuple(received.tags),
        alert_type=received.fields.get('t', 'info'),
        aggregation_key=received.fields.get('k', ''),
        source_type_name=received.fields.get('s', ''),
        priority='',
        hostname='',
    )


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
