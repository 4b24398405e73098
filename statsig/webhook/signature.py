"""How Statsig signs a delivery, and how old one may be.

`X-Statsig-Signature: v0=<hex of HMAC-SHA256(secret, "v0:" + timestamp + ":" + body)>`, with the body as it is on the
wire, and `X-Statsig-Request-Timestamp: <epoch milliseconds>`.
"""

from __future__ import annotations

import hmac

TIMESTAMP_HEADER = 'X-Statsig-Request-Timestamp'
SIGNATURE_HEADER = 'X-Statsig-Signature'
_LONGEST_TIMESTAMP = 16  # digits: epoch milliseconds have 13 until the year 2286


def sign(secret: bytes, timestamp: bytes, body: bytes) -> bytes:
    """The value of the signature header."""
    return b'v0=' + hmac.digest(secret, b'v0:%b:%b' % (timestamp, body), 'sha256').hex().encode()


def is_genuine(secret: bytes, timestamp: bytes, signature: bytes, body: bytes) -> bool:
    """Whether the signature is that of this body and timestamp; compared in constant time."""
    return hmac.compare_digest(sign(secret, timestamp, body), signature)


def age(timestamp: bytes, now: float) -> float | None:
    """Seconds since the time in the header, negative for the future; None where it is no time at all.

    now: epoch seconds.
    """
    if len(timestamp) > _LONGEST_TIMESTAMP or not timestamp.isdigit():
        return None
    return now - int(timestamp) / 1000
