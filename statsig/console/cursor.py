"""Up to where the audit log has been delivered: a value, and the text it is stored as."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

DIGEST_CHARACTERS = 8  # 48 bits: with 5,000 entries remembered, one new entry in 10^10 would be taken for a known one
MOST_REMEMBERED = 20_000  # entries; 5,000 make about 50 KiB


@dataclass(frozen=True, slots=True)
class Cursor:
    """What has been delivered.

    floor: what happened before this instant (epoch seconds) is never delivered (again); what happened since is read
    again and known by its id. It follows the watermark, the newest delivered entry, at the distance of the overlap.
    delivered: digest of the id → time, of every delivered entry that may be met again.
    """

    floor: int
    delivered: Mapping[str, int] = field(default_factory=dict)

    def advanced(self, entries: Iterable[tuple[str, int]], horizon: int, overlap: int) -> Cursor:
        """The cursor after delivery of `entries` (digest, time).

        The watermark follows them up to `horizon`, and the floor never goes back: what is dated later than now, or than
        what has been read completely, is remembered by its id alone. An entry dated in the future once, delivered
        then, does not pull the watermark over older entries that are still to come.
        """
        new = dict(entries)
        delivered = {**self.delivered, **new}
        reached = min(horizon, max(new.values(), default=horizon))
        watermark = max((time for time in delivered.values() if time <= reached), default=self.floor)
        floor = max(self.floor, watermark - overlap)
        remembered = {digest: time for digest, time in delivered.items() if time >= floor}
        if len(remembered) > MOST_REMEMBERED:
            # Forgetting an id without raising the floor would deliver that entry again.
            newest = sorted(remembered.values())[-MOST_REMEMBERED:]
            floor = max(floor, min(newest[0], reached))
            remembered = {digest: time for digest, time in remembered.items() if time >= floor}
        return Cursor(floor, remembered)


def digest_of(entry_id: str) -> str:
    """A short digest of an entry's id, as the cursor keeps it."""
    digest = hashlib.sha256(entry_id.encode('utf-8', 'surrogatepass')).digest()
    return base64.urlsafe_b64encode(digest[: DIGEST_CHARACTERS * 6 // 8]).decode('ascii')


def encode(cursor: Cursor) -> str:
    """One line of JSON. Times are kept as differences, ids run together: 5,000 entries make about 50 KiB."""
    remembered = sorted(cursor.delivered.items(), key=lambda item: (item[1], item[0]))
    times = [cursor.floor, *(time for _, time in remembered)]
    content = {
        'version': 1,
        'floor': cursor.floor,
        'steps': [later - earlier for earlier, later in pairwise(times)],
        'ids': ''.join(digest for digest, _ in remembered),
    }
    return json.dumps(content, separators=(',', ':'))


def decode(text: str) -> Cursor:
    """The inverse of `encode`. Raises ValueError for anything that `encode` cannot have written."""
    content = json.loads(text)
    if not isinstance(content, dict) or content.get('version') != 1:
        raise ValueError('not a cursor of this version')
    floor = _integer(content.get('floor'))
    steps, ids = content.get('steps'), content.get('ids')
    if not isinstance(steps, list) or not isinstance(ids, str) or len(ids) != DIGEST_CHARACTERS * len(steps):
        raise ValueError('a cursor whose ids and times do not match')
    digests = (ids[start : start + DIGEST_CHARACTERS] for start in range(0, len(ids), DIGEST_CHARACTERS))
    times = list(accumulate((_integer(step) for step in steps), initial=floor))[1:]
    return Cursor(floor, dict(zip(digests, times, strict=True)))


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError('a cursor with a time that is not an integer')
    return value
