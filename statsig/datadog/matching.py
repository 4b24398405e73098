"""Which items of a list before are which items of the list after: by id, then by name, never by position."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from statsig.datadog.values import JSON, same

MAX_ITEMS = 400

# A rule's `id` can change while its `baseID` never does.
_IDS = ('id', 'ruleID', 'baseID')
NAMES = ('name', 'groupName', 'key', 'title', 'environment', 'groupID', 'id')


@dataclass(frozen=True, slots=True)
class Pair:
    """One item before and after; None where it was not there yet or is no more."""

    before: Mapping[str, JSON] | None
    after: Mapping[str, JSON] | None


@dataclass(frozen=True, slots=True)
class Matching:
    """`pairs` in the order after, then what was removed. `moved`: the items that stayed are in another order.

    `unseen` counts the items (of the longer side) that were too many to be compared.
    """

    pairs: tuple[Pair, ...]
    moved: bool
    unseen: int = 0

    def differing(self) -> Iterator[Pair]:
        return (pair for pair in self.pairs if not same(pair.before, pair.after))


def are_items(before: JSON, after: JSON) -> bool:
    """Whether this is a list of objects on both sides, one of which may be missing or empty."""
    lists = [side for side in (before, after) if side is not None]
    if not all(isinstance(side, list) for side in lists):
        return False
    return any(lists) and all(isinstance(item, dict) for side in lists for item in side)


def match_items(before: JSON, after: JSON) -> Matching:
    """Pairs up two lists of objects.

    What both begin and end with is left aside; of the rest, the first 400 items of each are compared.
    """
    old, new = _trimmed(before or [], after or [])
    unseen = max(len(old), len(new)) - MAX_ITEMS
    old, new = old[:MAX_ITEMS], new[:MAX_ITEMS]
    partner: dict[int, int] = {}
    for keys in (*((key,) for key in _IDS), NAMES):
        if len(partner) == min(len(old), len(new)):
            break
        _match_by(keys, old, new, partner)
    _match_equal(old, new, partner)
    kept = [partner[index] for index in range(len(new)) if index in partner]
    taken = set(kept)
    pairs = [Pair(old[partner[i]] if i in partner else None, item) for i, item in enumerate(new)]
    pairs += [Pair(item, None) for i, item in enumerate(old) if i not in taken]
    return Matching(tuple(pairs), kept != sorted(kept), max(0, unseen))


def name_of(item: Mapping[str, JSON]) -> str:
    """What an item is called; '' where it has no name."""
    return next((value for key in NAMES if isinstance(value := item.get(key), str) and value), '')


def _trimmed(
    old: list[Mapping[str, JSON]], new: list[Mapping[str, JSON]]
) -> tuple[list[Mapping[str, JSON]], list[Mapping[str, JSON]]]:
    shorter = min(len(old), len(new))
    start = next((at for at in range(shorter) if not same(old[at], new[at])), shorter)
    end = next((at for at in range(shorter - start) if not same(old[-1 - at], new[-1 - at])), shorter - start)
    return old[start : len(old) - end], new[start : len(new) - end]


def _match_by(
    keys: Sequence[str], old: Sequence[Mapping[str, JSON]], new: Sequence[Mapping[str, JSON]], partner: dict[int, int]
) -> None:
    taken = set(partner.values())
    waiting: dict[str | int, list[int]] = {}
    for index in reversed(range(len(old))):
        if index not in taken and (identity := _identity(old[index], keys)) is not None:
            waiting.setdefault(identity, []).append(index)
    for index, item in enumerate(new):
        if index not in partner and (identity := _identity(item, keys)) is not None and waiting.get(identity):
            partner[index] = waiting[identity].pop()


def _identity(item: Mapping[str, JSON], keys: Sequence[str]) -> str | int | None:
    return next((value for key in keys if isinstance(value := item.get(key), (str, int)) and value != ''), None)


def _match_equal(old: Sequence[Mapping[str, JSON]], new: Sequence[Mapping[str, JSON]], partner: dict[int, int]) -> None:
    """What has neither id nor name (conditions, scheduled steps) is the same item only where it is equal."""
    taken = set(partner.values())
    free = [index for index in range(len(old)) if index not in taken][:50]
    for index in [index for index in range(len(new)) if index not in partner][:50]:
        equal = next((each for each in free if same(old[each], new[index])), None)
        if equal is not None:
            partner[index] = equal
            free.remove(equal)
