"""The request that Statsig sends, unsigned, when a webhook is saved: whoever answers its code may have the events.

`{"data": {"event": "url_verification", "verification_code": "abc123"}}` wants `{"verification_code": "abc123"}`.
"""

from __future__ import annotations

import json

LARGEST_HANDSHAKE = 4096  # bytes
_EVENT = 'url_verification'
_LONGEST_CODE = 256


def handshake_answer(body: bytes) -> bytes | None:
    """The body of the answer; None where this is no handshake. Anyone can send one, so it is small and plain."""
    if len(body) > LARGEST_HANDSHAKE or _EVENT.encode() not in body:
        return None
    try:
        data = json.loads(body)['data']
        if data['event'] != _EVENT:
            return None
        code = data['verification_code']
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    if not isinstance(code, str) or not 0 < len(code) <= _LONGEST_CODE:
        return None
    return json.dumps({'verification_code': code}, separators=(',', ':')).encode()
