"""What is read of an event: the parts that are counted, and no others.

`gc=False`: they hold nothing but text and numbers, so the garbage collector need not look at them.
"""

from __future__ import annotations

from msgspec import Struct


class Environment(Struct, frozen=True, gc=False):
    """`user.statsigEnvironment`. The SDKs leave it out when no tier is set."""

    tier: str | None = None


class User(Struct, frozen=True, gc=False, rename='camel'):
    statsig_environment: Environment | None = None


class Metadata(Struct, frozen=True, gc=False, rename='camel'):
    """Of an exposure. `config` names a dynamic config, an experiment or a layer."""

    gate: str | None = None
    gate_value: str | bool | None = None
    config: str | None = None
    experiment_group_name: str | None = None


class Sampling(Struct, frozen=True, gc=False, rename='camel'):
    """`statsigMetadata`: with a rate of N the event stands for N exposures, unless the mode is `shadow`."""

    sampling_rate: int | float | str | None = None
    sampling_mode: str | None = None


class Event(Struct, frozen=True, gc=False, rename='camel'):
    """Equal events count as one thing, however many users and times they had."""

    event_name: str | None = None
    user: User | None = None
    metadata: Metadata | None = None
    statsig_metadata: Sampling | None = None
