"""When DogStatsD takes nothing for long, the relay says that it is full, keeps what it has, and recovers."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
from collections.abc import Iterator

import pytest
import uvloop

from statsig.relay import relay as relay_module
from statsig.relay.configuration import parse
from statsig.relay.relay import Relay
from statsig.sandbox.webhook_sender import WebhookSender
from tests.relay.conftest import SECRET
from tests.relay.dogstatsd_receiver import DogStatsdReceiver, wait_until
from tests.relay.test_counts import happening


class RelayInAThread:
    def __init__(self, receiver: DogStatsdReceiver) -> None:
        webhook = {'signing_secret': '${SECRET}'}
        options = {'metric_namespace': 'statsig', 'dogstatsd_url': receiver.url, 'flush_interval': 0.1}
        self._relay = Relay(parse({**options, 'statsig_webhook': webhook}, {'SECRET': SECRET}))
        self._listening = socket.create_server(('127.0.0.1', 0))
        self.port: int = self._listening.getsockname()[1]
        self.handed_over: bool | None = None
        self._begun = threading.Event()
        self._thread = threading.Thread(target=lambda: uvloop.run(self._run()), daemon=True)
        self._thread.start()
        self._begun.wait(10)

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._begun.set()
        self.handed_over = await self._relay.run(self._listening, self._stop)

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(20)

    def ready(self) -> tuple[int, str | None]:
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=10)
        connection.request('GET', '/readyz')
        answer = connection.getresponse()
        connection.close()
        return answer.status, answer.getheader('Retry-After')


@pytest.fixture
def relay(unix_receiver: DogStatsdReceiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[RelayInAThread]:
    monkeypatch.setattr(relay_module, 'FULL_AFTER', 0.5)
    unix_receiver.stop()
    running = RelayInAThread(unix_receiver)
    yield running
    running.stop()


def test_a_long_outage_is_answered_503_and_what_was_counted_before_is_kept(
    relay: RelayInAThread, unix_receiver: DogStatsdReceiver
) -> None:
    url = f'http://127.0.0.1:{relay.port}/webhooks/statsig'
    with WebhookSender(url, SECRET) as statsig:
        assert statsig.deliver([happening('before')] * 3) == 200
        wait_until(lambda: relay.ready()[0] == 503)
        assert statsig.deliver([happening('meanwhile')]) == 503

        unix_receiver.start()
        wait_until(lambda: relay.ready()[0] == 200)
        assert statsig.deliver([happening('after')]) == 200
    relay.stop()
    assert relay.handed_over
    unix_receiver.stop()

    assert unix_receiver.events() == 4
    assert unix_receiver.own('requests', 'endpoint:statsig,outcome:full,status:503') == 1


def test_a_503_says_when_to_come_again(relay: RelayInAThread) -> None:
    wait_until(lambda: relay.ready()[0] == 503)
    with WebhookSender(f'http://127.0.0.1:{relay.port}/webhooks/statsig', SECRET) as statsig:
        connection = statsig._connection
        connection.request('POST', '/webhooks/statsig', b'[]')
        answer = connection.getresponse()
        assert (answer.status, answer.getheader('Retry-After'), answer.read()) == (503, '30', b'')
