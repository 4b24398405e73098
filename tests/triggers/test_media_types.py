"""Which kinds of content the door lets in, also where a header comes twice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from http.client import HTTPConnection

from tests.triggers.conftest import Start
from tests.triggers.relay_with_triggers import TOKEN, payload

JSON, FORM = 'application/json', 'application/x-www-form-urlencoded'

TAKEN: list[list[str]] = [
    [JSON],
    ['Application/JSON; charset=utf-8'],
    [JSON, JSON],  # one that Datadog may send by itself, and the one of the custom headers
    ['application/json; charset=utf-8', JSON],
]
REFUSED: list[list[str]] = [[], [''], [FORM], [JSON, FORM], [FORM, JSON], ['application/jsonp'], [JSON, '']]


def status(port: int, media_types: Sequence[str]) -> int:
    """Of a notification with so many headers Content-Type."""
    connection = HTTPConnection('127.0.0.1', port, timeout=20)
    body = json.dumps(payload('Renotify')).encode()
    connection.putrequest('POST', '/webhooks/datadog')
    for name, value in (
        *(('Authorization', f'Bearer {TOKEN}'), ('Content-Length', str(len(body)))),
        *(('Content-Type', media_type) for media_type in media_types),
    ):
        connection.putheader(name, value)
    connection.endheaders(body)
    try:
        return connection.getresponse().status
    finally:
        connection.close()


def test_all_that_is_said_of_the_content_must_be_json(start: Start) -> None:
    port = start().running.port

    assert [status(port, each) for each in TAKEN] == [202] * len(TAKEN)
    assert [status(port, each) for each in REFUSED] == [415] * len(REFUSED)
