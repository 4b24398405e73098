"""Content-Encoding: a body as it was before it was compressed, and never more of it than allowed."""

from __future__ import annotations

import zlib

_GZIP_OR_ZLIB = 47  # zlib's `wbits`: look at the header, up to the largest window
_MOST_MEMBERS = 100  # of one gzip body: each costs a copy of what is behind it
_PLAIN = (b'', b'identity')
_COMPRESSED = (b'gzip', b'x-gzip', b'deflate')


class UnknownEncodingError(ValueError):
    """A Content-Encoding that is none of gzip, deflate and identity."""


class MalformedEncodingError(ValueError):
    """The body is not what its Content-Encoding says."""


class InflatedTooLargeError(ValueError):
    """Inflated, the body has more bytes than allowed."""


def decoded(body: bytes, content_encoding: bytes, limit: int) -> bytes:
    """The body without its Content-Encoding. Inflates no more than `limit` bytes and a little.

    Raises UnknownEncodingError, MalformedEncodingError, InflatedTooLargeError.
    """
    encoding = content_encoding.strip().lower()
    if encoding in _PLAIN:
        return body
    if encoding not in _COMPRESSED:
        raise UnknownEncodingError
    return _inflated(body, limit)


def _inflated(body: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while body:  # gzip allows several members, one after the other
        if len(parts) == _MOST_MEMBERS:
            raise MalformedEncodingError
        member = zlib.decompressobj(_GZIP_OR_ZLIB)
        try:
            part = member.decompress(body, limit - size + 1)
        except zlib.error:
            raise MalformedEncodingError from None
        size += len(part)
        if size > limit:
            raise InflatedTooLargeError
        if not member.eof:
            raise MalformedEncodingError
        parts.append(part)
        body = member.unused_data
    if not parts:
        raise MalformedEncodingError
    return b''.join(parts)
