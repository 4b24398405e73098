"""Events in, counts out: how often each kind of event happened, by environment, name and value or group."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from statsig.webhook.decoding import Decoded
from statsig.webhook.events import Event, Metadata

UNKNOWN = 'unknown'
OTHER = 'other'
CONFIG_CHANGE = 'statsig::config_change'  # is no exposure and no custom event, and is never counted as one

_HOUR = 3600
_NUMBER = re.compile(r'[0-9.]{1,20}')
_LONGEST_TEXT = 800  # characters: more of a name is not kept
_LARGEST_WEIGHT = 1_000_000
# How many different events, and bytes of bodies, are held before they are reduced to contexts.
_EVENTS_HELD = 8192
_BYTES_HELD = 32 * 1024 * 1024


class Kind(StrEnum):
    """What an event is about."""

    GATE = 'gate'
    CONFIG = 'config'
    EXPERIMENT = 'experiment'
    LAYER = 'layer'
    HOLDOUT = 'holdout'
    CUSTOM = 'custom'


_KINDS = {
    'statsig::gate_exposure': Kind.GATE,
    'statsig::config_exposure': Kind.CONFIG,
    'statsig::experiment_exposure': Kind.EXPERIMENT,
    'statsig::layer_exposure': Kind.LAYER,
    'statsig::holdout_exposure': Kind.HOLDOUT,
}
_USUAL_ENVIRONMENTS = ('production', 'staging', 'development')
# Beyond the limit, gates, holdouts and experiments have three variants each, the other three kinds have none.
_VARIANTS_KEPT = ('true', 'false')
_OTHERS_PER_ENVIRONMENT = 3 * (len(_VARIANTS_KEPT) + 1) + 3


class Context(NamedTuple):
    """What is counted apart. `variant` is the value of a gate or holdout, the group of an experiment, else empty."""

    kind: Kind
    environment: str
    name: str
    variant: str


class Count(NamedTuple):
    """`estimated` weighs each event with the number of exposures that it was sampled from."""

    events: int
    estimated: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What happened since the last time. Numbers are of events.

    filtered: of an environment that is not wanted. overflow: counted, under `other`, because there are too many
    contexts. contexts: how many there are in this hour so far.
    """

    by_context: Mapping[Context, Count]
    filtered: int
    malformed: int
    config_changes: int
    overflow: int
    contexts: int


@dataclass(frozen=True, slots=True)
class CountingRules:
    """environments: those that are counted, in lower case; empty means all.

    default_environment: of an event that has none. max_contexts: in an hour, those named `other` included.
    """

    environments: Set[str] = frozenset()
    default_environment: str = 'production'
    max_contexts: int = 2000

    @property
    def kept_environments(self) -> Set[str]:
        """Those that stay apart beyond the limit: they are few, whatever is sent."""
        return frozenset(self.environments or _USUAL_ENVIRONMENTS) | {self.default_environment}

    @property
    def reserved(self) -> int:
        """Contexts set aside for what is beyond the limit."""
        return _OTHERS_PER_ENVIRONMENT * (len(self.kept_environments) + 1)


class Tally:
    """Counts events until `take` is called. Memory is bounded by `max_contexts` and the constants above."""

    def __init__(self, rules: CountingRules) -> None:
        self._rules = rules
        self._kept_environments = rules.kept_environments
        self._limit = rules.max_contexts - rules.reserved
        self._hour = 0
        self._admitted: set[Context] = set()
        self._others: set[Context] = set()
        # Different events and how many of each. A list, so that counting once more needs a single look-up.
        self._held: dict[Event, list[int]] = {}
        self._held_bytes = 0
        self._counts: dict[Context, list[int]] = {}
        self._filtered = self._malformed = self._config_changes = self._overflow = 0

    def add(self, decoded: Decoded, size: int) -> None:
        """size: bytes of the body that held these events."""
        held = self._held
        for event in decoded.events:
            times = held.get(event)
            if times is None:
                held[event] = [1]
                if len(held) > _EVENTS_HELD:
                    self._reduce()
            else:
                times[0] += 1
        self._malformed += decoded.malformed
        self._held_bytes += size
        if self._held_bytes > _BYTES_HELD:
            self._reduce()

    def take(self, now: float) -> Counts:
        """All that was counted since the last time. now: epoch seconds; contexts are limited by the clock's hour."""
        self._reduce()
        counts = Counts(
            by_context={context: Count(*numbers) for context, numbers in self._counts.items()},
            filtered=self._filtered,
            malformed=self._malformed,
            config_changes=self._config_changes,
            overflow=self._overflow,
            contexts=len(self._admitted) + len(self._others),
        )
        if now // _HOUR != self._hour:
            # What is taken now belongs to the new hour already.
            self._hour = int(now // _HOUR)
            self._admitted.intersection_update(self._counts)
            self._others.intersection_update(self._counts)
        self._counts = {}
        self._filtered = self._malformed = self._config_changes = self._overflow = 0
        return counts

    def _reduce(self) -> None:
        for event, (times,) in self._held.items():
            self._count(event, times)
        self._held.clear()
        self._held_bytes = 0

    def _count(self, event: Event, times: int) -> None:
        if event.event_name == CONFIG_CHANGE:
            self._config_changes += times
            return
        context = context_of(event, self._rules.default_environment)
        if self._rules.environments and context.environment not in self._rules.environments:
            self._filtered += times
            return
        if context not in self._admitted:
            if len(self._admitted) < self._limit:
                self._admitted.add(context)
            else:
                context = self._other(context)
                self._others.add(context)
                self._overflow += times
        numbers = self._counts.setdefault(context, [0, 0])
        numbers[0] += times
        numbers[1] += times * weight(event)

    def _other(self, context: Context) -> Context:
        return Context(
            context.kind,
            context.environment if context.environment in self._kept_environments else OTHER,
            OTHER,
            context.variant if not context.variant or context.variant in _VARIANTS_KEPT else OTHER,
        )


def context_of(event: Event, default_environment: str) -> Context:
    """Where the event is counted. Unknown event names are custom events; what is missing is `unknown`."""
    environment = event.user.statsig_environment if event.user else None
    tier = _kept((environment.tier or '') if environment else '').lower() or default_environment
    metadata = event.metadata or Metadata()
    match _KINDS.get(event.event_name or ''):
        case Kind.GATE | Kind.HOLDOUT as kind:
            value = metadata.gate_value
            shown = str(value).lower() if isinstance(value, bool) else _kept(value or '')
            return Context(kind, tier, _kept(metadata.gate or '') or UNKNOWN, shown or UNKNOWN)
        case Kind.EXPERIMENT:
            name, group = _kept(metadata.config or ''), _kept(metadata.experiment_group_name or '')
            return Context(Kind.EXPERIMENT, tier, name or UNKNOWN, group or UNKNOWN)
        case Kind.CONFIG | Kind.LAYER as kind:
            return Context(kind, tier, _kept(metadata.config or '') or UNKNOWN, '')
        case _:
            return Context(Kind.CUSTOM, tier, _kept(event.event_name or '') or UNKNOWN, '')


def weight(event: Event) -> int:
    """How many exposures the event stands for: its sampling rate where that makes sense, else 1."""
    sampling = event.statsig_metadata
    if sampling is None or sampling.sampling_rate is None or sampling.sampling_mode == 'shadow':
        return 1
    if isinstance(sampling.sampling_rate, str) and not _NUMBER.fullmatch(sampling.sampling_rate):
        return 1  # Python would take more for a number than anybody else: underscores, digits of other scripts
    try:
        rate = float(sampling.sampling_rate)
    except (ValueError, OverflowError):
        return 1
    return int(rate) if 1 <= rate <= _LARGEST_WEIGHT and rate == int(rate) else 1


def _kept(text: str) -> str:
    return text[:_LONGEST_TEXT].strip()


def normalised_environments(names: Iterable[str]) -> frozenset[str]:
    """As `Tally` compares them."""
    return frozenset(_kept(name).lower() for name in names)
