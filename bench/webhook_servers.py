"""What the relay is compared with: programs that receive the same deliveries.

python -m bench.webhook_servers bare_documented|bare_least PORT
gunicorn bench.webhook_servers:usual
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import httptools
import msgspec
import uvloop
from datadog.dogstatsd.base import DogStatsd
from flask import Flask, request

from statsig.webhook.events import Event

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'


_ON_THE_WIRE = {
    'event_name': 'eventName',
    'user_id': 'userID',
    'statsig_metadata': 'statsigMetadata',
    'time_uuid': 'timeUUID',
    'unit_id': 'unitID',
}


class _Environment(msgspec.Struct):
    tier: str | None = None


class _User(msgspec.Struct, rename={'user_id': 'userID', 'environment': 'statsigEnvironment'}):
    user_id: str | None = None
    environment: _Environment | None = None


class DocumentedEvent(msgspec.Struct, rename=lambda name: _ON_THE_WIRE.get(name, name)):
    """Every field that Statsig documents, with its type: what one would write first."""

    event_name: str | None = None
    user: _User | None = None
    user_id: str | None = None
    timestamp: int | str | None = None
    value: str | int | float | None = None
    metadata: dict[str, str | int] | None = None
    statsig_metadata: dict[str, str | int | None] | None = None
    time_uuid: str | None = None
    unit_id: str | None = None


DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    'bare_documented': msgspec.json.Decoder(list[DocumentedEvent]),
    # The relay's own types: only what is counted. The strictest floor there is.
    'bare_least': msgspec.json.Decoder(list[Event]),
}


class Bare(asyncio.Protocol):
    """uvloop, httptools and a typed decode. Nothing is verified, limited or counted."""

    def __init__(self, decoder: msgspec.json.Decoder[Any]) -> None:
        self._decode = decoder.decode
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._body: list[bytes] = []

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        self._decode(b''.join(self._body))
        self._transport.write(ANSWER)


async def _serve(kind: str, port: int) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Bare(DECODERS[kind]), '127.0.0.1', port)
    await server.serve_forever()


# The usual handler: Flask, `json`, one `increment` for each event.
usual = Flask(__name__)
_statsd = DogStatsd()  # DD_DOGSTATSD_URL says where


@usual.post('/webhooks/statsig')
def count() -> str:
    for event in json.loads(request.get_data()):
        metadata = event.get('metadata', {})
        environment = event.get('user', {}).get('statsigEnvironment', {}).get('tier', 'production').lower()
        if event['eventName'] == 'statsig::gate_exposure':
            tags = [f'environment:{environment}', f'name:{metadata["gate"]}', f'value:{metadata["gateValue"]}']
            _statsd.increment('statsig.check_gate.count', tags=tags)
        else:
            _statsd.increment(
                'statsig.log_event.count', tags=[f'environment:{environment}', f'name:{event["eventName"]}']
            )
    return ''


if __name__ == '__main__':
    uvloop.run(_serve(sys.argv[1], int(sys.argv[2])))
