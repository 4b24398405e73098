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


class _Environment(msgspec.Struct):
    tier: str | None = None


class _User(msgspec.Struct):
    userID: str | None = None  # noqa: N815 - as on the wire
    statsigEnvironment: _Environment | None = None  # noqa: N815


class DocumentedEvent(msgspec.Struct):
    """Every field that Statsig documents, with its type: what one would write first."""

    eventName: str | None = None  # noqa: N815
    user: _User | None = None
    userID: str | None = None  # noqa: N815
    timestamp: int | str | None = None
    value: str | int | float | None = None
    metadata: dict[str, str | int] | None = None
    statsigMetadata: dict[str, str | int | None] | None = None  # noqa: N815
    timeUUID: str | None = None  # noqa: N815
    unitID: str | None = None  # noqa: N815


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
