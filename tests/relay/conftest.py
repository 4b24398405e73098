"""The relay as users run it, and a DogStatsD receiver for it to talk to."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from statsig.sandbox.webhook_sender import WebhookSender
from tests.cli.conftest import environment
from tests.relay.dogstatsd_receiver import DogStatsdReceiver, wait_until

SECRET = 'webhook-secret'


class RunningRelay:
    """`statsig-datadog relay` in a process of its own."""

    def __init__(self, configuration: dict[str, Any], directory: Path, **variables: str) -> None:
        file = directory / f'relay-{id(self)}.yaml'
        file.write_text(yaml.safe_dump(configuration), encoding='utf-8')
        self._log = directory / f'relay-{id(self)}.log'
        with self._log.open('wb') as log:
            self.process = subprocess.Popen(
                [sys.executable, '-m', 'statsig.cli', 'relay', '--config', str(file)],
                stderr=log,
                stdout=log,
                env=environment(STATSIG_WEBHOOK_SECRET=SECRET, **variables),
            )
        wait_until(lambda: 'Listening on' in self.log or self.process.poll() is not None)
        found = re.search(r'Listening on http://127\.0\.0\.1:(\d+)', self.log)
        assert found, self.log
        self.port = int(found[1])

    @property
    def log(self) -> str:
        return self._log.read_text(encoding='utf-8')

    @property
    def webhook(self) -> str:
        return f'http://127.0.0.1:{self.port}/webhooks/statsig'

    def sender(self) -> WebhookSender:
        return WebhookSender(self.webhook, SECRET)

    def resident_bytes(self) -> int:
        status = Path(f'/proc/{self.process.pid}/status').read_text()
        found = re.search(r'VmRSS:\s+(\d+) kB', status)
        assert found
        return int(found[1]) * 1024

    def stop(self) -> int:
        """As an init system does; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=40)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=10)


StartRelay = Callable[..., RunningRelay]


@pytest.fixture
def start_relay(tmp_path: Path) -> Iterator[StartRelay]:
    """Starts a relay that sends to a receiver. Keywords are options; those of the webhook as `webhook={…}`."""
    running: list[RunningRelay] = []

    def start(receiver: DogStatsdReceiver, webhook: dict[str, Any] | None = None, **options: Any) -> RunningRelay:
        configuration = {
            'listen': '127.0.0.1:0',
            'dogstatsd_url': receiver.url,
            'metric_namespace': 'statsig',
            'flush_interval': 0.2,
            'statsig_webhook': {'signing_secret': '${STATSIG_WEBHOOK_SECRET}', **(webhook or {})},
            **options,
        }
        running.append(RunningRelay(configuration, tmp_path))
        return running[-1]

    yield start
    for relay in running:
        if relay.process.poll() is None:
            relay.kill()
        assert 'Traceback' not in relay.log, relay.log


@pytest.fixture(params=['unix', 'udp'])
def receiver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DogStatsdReceiver]:
    started = DogStatsdReceiver(tmp_path / 'dsd.socket' if request.param == 'unix' else None).start()
    yield started
    if started._running:
        started.stop()
    assert not started.wrong, started.wrong[:3]


@pytest.fixture
def unix_receiver(tmp_path: Path) -> Iterator[DogStatsdReceiver]:
    started = DogStatsdReceiver(tmp_path / 'dsd.socket').start()
    yield started
    if started._running:
        started.stop()
    assert not started.wrong, started.wrong[:3]
