"""Bodies as no sender makes them."""

from __future__ import annotations

import random


def mutilated(rng: random.Random, sent: bytes) -> bytes:
    """Changed in up to three places: bytes exchanged, left out, put in, repeated."""
    changed = bytearray(sent)
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(changed) + 1)
        match rng.randrange(5):
            case 0:
                changed[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del changed[at : at + rng.randrange(20)]
            case 2:
                changed[at:at] = rng.choice(
                    [b'[', b'{', b'"', b'\\', b'null', b'1e999', b'NaN', b'\\ud800', b'\0', b',']
                )
            case 3:
                changed[at:at] = changed[at : at + rng.randrange(50)]
            case _:
                changed[at:at] = b'[' * rng.choice((1, 10, 100, 5000))
    return bytes(changed)
