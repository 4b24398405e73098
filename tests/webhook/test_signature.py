from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.webhook.signature import age, is_genuine, sign

SECRET, TIMESTAMP, BODY = b'secret', b'1795420800000', b'[{"eventName":"purchase"}]'


def test_it_is_what_statsig_documents() -> None:
    message = b'v0:1795420800000:[{"eventName":"purchase"}]'
    expected = 'v0=' + hmac.new(SECRET, message, hashlib.sha256).hexdigest()

    assert sign(SECRET, TIMESTAMP, BODY).decode() == expected
    assert is_genuine(SECRET, TIMESTAMP, expected.encode(), BODY)


@pytest.mark.parametrize(
    ('secret', 'timestamp', 'body'),
    [(b'other', TIMESTAMP, BODY), (SECRET, b'1795420800001', BODY), (SECRET, TIMESTAMP, BODY + b' ')],
    ids=['secret', 'timestamp', 'body'],
)
def test_it_fits_no_other(secret: bytes, timestamp: bytes, body: bytes) -> None:
    assert not is_genuine(SECRET, TIMESTAMP, sign(secret, timestamp, body), BODY)


@given(st.binary(max_size=100))
def test_no_other_header_value_fits(signature: bytes) -> None:
    assert not is_genuine(SECRET, TIMESTAMP, signature, BODY)


@pytest.mark.parametrize(
    ('timestamp', 'seconds'),
    [
        (b'1795420800000', 0.0),
        (b'1795420795500', 4.5),
        (b'1795420860000', -60.0),
        (b'', None),
        (b'soon', None),
        (b'-1795420800000', None),
        (b'1795420800000.0', None),
        (b' 1795420800000', None),
        ('١٧٩٥'.encode(), None),
        (b'9' * 5000, None),
    ],
)
def test_the_age_of_a_timestamp(timestamp: bytes, seconds: float | None) -> None:
    assert age(timestamp, 1_795_420_800.0) == seconds
