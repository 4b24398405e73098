"""Where the sandbox's randomness comes from: always a seed, so that every run can be had again."""

from __future__ import annotations

import random
import string

BASE62 = string.ascii_letters + string.digits


def dice(*seed: object) -> random.Random:
    """Random numbers that depend on nothing but the seed's parts."""
    return random.Random(':'.join(map(str, seed)))  # noqa: S311 - a made-up world, no secrets


def opaque_id(rng: random.Random, length: int = 22) -> str:
    """An id as Statsig makes them: letters and digits without meaning."""
    return ''.join(rng.choices(BASE62, k=length))
