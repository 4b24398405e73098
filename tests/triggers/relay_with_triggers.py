"""A relay with triggers, a Statsig project for it, and Datadog's side of the conversation."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests

from statsig.sandbox.server import DEFAULT_KEY, SandboxServer
from tests.relay.conftest import SECRET, RunningRelay
from tests.relay.dogstatsd_receiver import DogStatsdReceiver, wait_until

TOKEN, PREVIOUS_TOKEN = 'token-of-datadog-0123456789', 'the-token-before-0123456789'
GATE, RULE, MONITOR = 'checkout_v2', 'checkout errors', '123'
PUTS = ('disable', 'enable')


def payload(transition: str = 'Triggered', cycle: str = 'cycle-1', **fields: str) -> dict[str, str]:
    """What Datadog makes of the template."""
    return {
        'monitor_id': MONITOR,
        'transition': transition,
        'cycle_key': cycle,
        'scope': 'env:production,service:checkout',
        'tags': 'env:production,monitor,team:payments',
        'date': '',
        'link': 'https://app.datadoghq.com/monitors/123',
        'title': f'[{transition}] Error rate of checkout',
        **fields,
    }


def rule(**options: Any) -> dict[str, Any]:
    return {'name': RULE, 'monitor_id': 123, 'gate': GATE, 'dry_run': False, **options}


class TriggersRelay:
    """`statsig-datadog relay` with triggers alone."""

    def __init__(
        self,
        directory: Path,
        statsig: SandboxServer,
        dogstatsd: DogStatsdReceiver,
        rules: Sequence[dict[str, Any]],
        relay_options: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.state_dir = directory / 'state'
        self.defect_is_expected = False
        configuration = {
            'listen': '127.0.0.1:0',
            'dogstatsd_url': dogstatsd.url,
            'metric_namespace': 'statsig',
            'flush_interval': 0.2,
            'state_dir': str(self.state_dir),
            'triggers': {
                'api_key': '${KEY}',
                'api_url': statsig.url,
                'rules': list(rules),
                **({} if 'mode' in options else {'token': '${TOKEN}', 'previous_token': '${PREVIOUS}'}),
                **options,
            },
            **(relay_options or {}),
        }
        variables = {'TOKEN': TOKEN, 'PREVIOUS': PREVIOUS_TOKEN, 'KEY': DEFAULT_KEY, 'DD_KEY': 'd' * 32}
        self.running = RunningRelay(configuration, SECRET, directory, variables=variables)

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self.running.port}/webhooks/datadog'

    def notify(self, body: Any, token: str = TOKEN, **headers: str) -> requests.Response:
        data = body if isinstance(body, bytes | str) else json.dumps(body)
        return requests.post(
            self.url,
            data=data,
            headers={'Authorization': f'Bearer {token}', 'Content-Type': 'application/json', **headers},
            timeout=20,
        )

    def rows(self, query: str) -> list[dict[str, Any]]:
        return rows(self.state_dir, query)

    def ended(self) -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM actions WHERE state = 'ended' ORDER BY id")

    def wait_for_end(self, actions: int = 1) -> dict[str, Any]:
        """The last of so many actions."""
        wait_until(lambda: len(self.ended()) >= actions)
        return self.ended()[actions - 1]


def rows(state_dir: Path, query: str) -> list[dict[str, Any]]:
    connection = sqlite3.connect(f'file:{state_dir}/triggers.sqlite3?mode=ro', uri=True, timeout=10)
    try:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query)]
    finally:
        connection.close()


def puts(statsig: SandboxServer) -> list[str]:
    """The changes that Statsig was asked for, as `checkout_v2/disable`."""
    return ['/'.join(each.path.split('/')[-2:]) for each in statsig.requests if each.method == 'PUT']


def is_on(statsig: SandboxServer, gate: str = GATE) -> bool:
    return bool(statsig.project.gates[gate]['isEnabled'])
