"""The relay as users run it, and a DogStatsD receiver for it to talk to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from statsig.sandbox.relay_process import RelayProcess
from statsig.sandbox.webhook_sender import WebhookSender
from tests.relay.dogstatsd_receiver import DogStatsdReceiver

SECRET = 'webhook-secret'


class RunningRelay(RelayProcess):
    """`statsig-datadog relay` in a process of its own."""

    def sender(self) -> WebhookSender:
        return WebhookSender(self.webhook, SECRET)

    def resident_bytes(self) -> int:
        status = Path(f'/proc/{self.process.pid}/status').read_text()
        found = re.search(r'VmRSS:\s+(\d+) kB', status)
        assert found
        return int(found[1]) * 1024


StartRelay = Callable[..., RunningRelay]


@pytest.fixture
def start_relay(tmp_path: Path) -> Iterator[StartRelay]:
    """Starts a relay that sends to a receiver. Keywords are options; those of the webhook as `webhook={…}`.

    variables: more of its environment.
    """
    running: list[RunningRelay] = []

    def start(
        receiver: DogStatsdReceiver,
        webhook: dict[str, Any] | None = None,
        variables: dict[str, str] | None = None,
        **options: Any,
    ) -> RunningRelay:
        configuration = {
            'listen': '127.0.0.1:0',
            'dogstatsd_url': receiver.url,
            'metric_namespace': 'statsig',
            'flush_interval': 0.2,
            'statsig_webhook': {'signing_secret': '${STATSIG_WEBHOOK_SECRET}', **(webhook or {})},
            **options,
        }
        running.append(RunningRelay(configuration, SECRET, tmp_path, variables=variables))
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
