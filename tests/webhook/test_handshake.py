from __future__ import annotations

import json

import pytest

from statsig.webhook.handshake import handshake_answer


def test_the_code_comes_back() -> None:
    asked = b'{"data": {"event": "url_verification", "verification_code": "abc123"}}'
    assert handshake_answer(asked) == b'{"verification_code":"abc123"}'


def test_a_code_with_quotation_marks_and_markup_is_only_ever_json() -> None:
    code = '"><script>\n\u2028é'
    answer = handshake_answer(json.dumps({'data': {'event': 'url_verification', 'verification_code': code}}).encode())
    assert answer is not None
    assert json.loads(answer) == {'verification_code': code}


@pytest.mark.parametrize(
    'body',
    [
        b'',
        b'url_verification',
        b'"url_verification"',
        b'[{"eventName": "url_verification"}]',
        b'{"data": []}',
        b'{"data": "url_verification"}',
        b'{"data": {"event": "url_verification"}}',
        b'{"data": {"event": "url_verification", "verification_code": ""}}',
        b'{"data": {"event": "url_verification", "verification_code": {"a": 1}}}',
        b'{"data": {"event": "other", "verification_code": "url_verification"}}',
        b'{"data": {"event": "url_verification", "verification_code": "%s"}}' % (b'a' * 257),
        b'{"data": {"event": "url_verification", "verification_code": "a"}}' + b' ' * 4096,
        b'\xff url_verification',
        b'[' * 2000 + b'"url_verification"',
    ],
    ids=range(14),
)
def test_anything_else_is_no_handshake(body: bytes) -> None:
    assert handshake_answer(body) is None
