from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.webhook.encoding import (
    InflatedTooLargeError,
    MalformedEncodingError,
    UnknownEncodingError,
    decoded,
)

MIB = 1024 * 1024


@given(st.binary(max_size=2000))
def test_what_was_compressed_comes_back(body: bytes) -> None:
    assert decoded(body, b'', 2000) == body
    assert decoded(body, b'Identity', 2000) == body
    assert decoded(gzip.compress(body), b'gzip', 2000) == body
    assert decoded(gzip.compress(body), b' X-GZIP', 2000) == body
    assert decoded(zlib.compress(body), b'deflate', 2000) == body


def test_several_gzip_members_are_one_body() -> None:
    assert decoded(gzip.compress(b'[1,') + gzip.compress(b'2]'), b'gzip', 100) == b'[1,2]'


def test_more_members_than_anybody_writes_are_refused() -> None:
    assert decoded(gzip.compress(b'1') * 100, b'gzip', 1000) == b'1' * 100
    with pytest.raises(MalformedEncodingError):
        decoded(gzip.compress(b'1') * 101, b'gzip', 1000)


@pytest.mark.parametrize('encoding', [b'br', b'zstd', b'gzip, gzip', b'gzip;q=1', b'\xff'])
def test_another_encoding_is_unknown(encoding: bytes) -> None:
    with pytest.raises(UnknownEncodingError):
        decoded(b'[]', encoding, 100)


@pytest.mark.parametrize(
    'body',
    [b'', b'[]', gzip.compress(b'[]')[:-1], gzip.compress(b'[]') + b'x', gzip.compress(b'[]')[:-8] + b'\0' * 8],
    ids=['empty', 'plain', 'cut off', 'something behind it', 'wrong checksum'],
)
def test_a_body_that_is_not_what_it_says_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedEncodingError):
        decoded(body, b'gzip', 100)


def test_a_bomb_is_inflated_no_further_than_the_limit() -> None:
    bomb = gzip.compress(b'\0' * (100 * MIB), 9)
    tracemalloc.start()
    try:
        with pytest.raises(InflatedTooLargeError):
            decoded(bomb, b'gzip', MIB)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(bomb) < MIB
    assert peak < 4 * MIB


def test_the_limit_holds_for_all_members_together() -> None:
    with pytest.raises(InflatedTooLargeError):
        decoded(gzip.compress(b'\0' * 600) * 2, b'gzip', 1000)
