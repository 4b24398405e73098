"""Whatever a signed body holds: an answer that is no 500, and a relay that is as it was."""

from __future__ import annotations

import gzip
import json
import random
import re
import socket

from statsig.sandbox.webhook_sender import WebhookSender
from tests.relay.conftest import StartRelay
from tests.relay.dogstatsd_receiver import DogStatsdReceiver
from tests.relay.test_config_changes import change
from tests.relay.test_counts import happening
from tests.webhook.mutilated import mutilated

FUZZED, AT_ONCE = 100_000, 500
EVENTS = [happening('checkout').event, happening('search').event, change('checkout_v2').event]
SEEDS = [
    json.dumps(EVENTS).encode(),
    json.dumps({'data': EVENTS}).encode(),
    gzip.compress(json.dumps(EVENTS).encode()),
    b'{"data": {"event": "url_verification", "verification_code": "abc123"}}',
    b'[]',
]


def test_a_hundred_thousand_bodies_over_http(start_relay: StartRelay, unix_receiver: DogStatsdReceiver) -> None:
    relay = start_relay(unix_receiver, {'config_changes': True, 'max_contexts': 300})
    rng = random.Random('bodies')
    statuses: dict[bytes, int] = {}
    before = 0
    with relay.sender() as statsig:
        for sent in range(0, FUZZED, AT_ONCE):
            if sent == FUZZED // 10:
                before = relay.resident_bytes()
            requests = [request(statsig, mutilated(rng, rng.choice(SEEDS))) for _ in range(AT_ONCE)]
            for status in answers(relay.port, requests):
                statuses[status] = statuses.get(status, 0) + 1
            assert statsig.deliver([happening('right')]) == 200
        # Deliveries are recognised again for ten minutes, which takes some 100 bytes for each.
        assert relay.resident_bytes() < before + 30 * 1024 * 1024
    assert relay.stop() == 0
    unix_receiver.stop()

    assert statuses.keys() <= {b'200', b'400', b'413'}
    assert sum(statuses.values()) == FUZZED
    assert min(statuses[b'200'], statuses[b'400']) > FUZZED / 20
    assert 'defect' not in relay.log
    right = 'environment:production,name:right,value:true'
    assert unix_receiver.counts()['statsig.check_gate.count', right] == FUZZED / AT_ONCE


def request(statsig: WebhookSender, body: bytes) -> bytes:
    encoding = 'Content-Encoding: gzip\r\n' if body[:2] == b'\x1f\x8b' else ''
    headers = ''.join(f'{name}: {value}\r\n' for name, value in statsig.signed(body).items())
    head = f'POST /webhooks/statsig HTTP/1.1\r\nHost: h\r\n{encoding}{headers}Content-Length: {len(body)}\r\n\r\n'
    return head.encode() + body


def answers(port: int, requests: list[bytes]) -> list[bytes]:
    """The statuses, of requests that are sent without waiting for an answer."""
    with socket.create_connection(('127.0.0.1', port), timeout=20) as client:
        client.sendall(b''.join(requests))
        received = b''
        while received.count(b'HTTP/1.1 ') < len(requests):
            some = client.recv(1 << 20)
            assert some, received[-300:]
            received += some
    return re.findall(rb'HTTP/1\.1 (\d+) ', received)
