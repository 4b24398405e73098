"""Which items of a list before are which items of the list after: by id, then by name, never by position."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import filterfalse

from statsig.datadog.allowance import Allowance
from statsig.datadog.values import JSON, fingerprint, is_scalar, same

MAX_ITEMS = 400
_AT_ONCE = 16  # items compared at once, to see quickly that they do not differ

# A rule's `id` can change while its `baseID` never does.
_IDS = ('id', 'ruleID', 'baseID')
_NAMES = ('name', 'groupName', 'key', 'title', 'statsigUnitID', 'id')
# What has no name of its own, an override for instance, is known by what it is for.
_SCOPES = ('groupName', 'groupID', 'environment')
_UNITS = ('unitID', 'unitType', 'idType')
_SCOPED = frozenset((*_SCOPES, *_UNITS))


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
    if not any(lists) or not all(type(side[0]) is dict for side in lists if side):
        return False
    return all(set(map(type, side)) <= {dict} for side in lists)


def match_items(before: JSON, after: JSON, allowance: Allowance | None = None) -> Matching:
    """Pairs up two lists of objects.

    What both begin and end with is left aside; of the rest, the first 400 items of each are compared, or as many as the
    allowance has left.
    """
    _, old, new = trimmed(before or [], after or [])
    most = min(MAX_ITEMS, allowance.left if allowance else MAX_ITEMS)
    unseen = max(len(old), len(new)) - most
    old, new = old[:most], new[:most]
    if allowance:
        allowance.take(max(len(old), len(new)))
    partner: dict[int, int] = {}
    for identity in _identities({key for item in (*old, *new) for key in item}):
        if len(partner) == min(len(old), len(new)):
            break
        _match_by(identity, old, new, partner)
    _match_equal(old, new, partner)
    kept = [partner[index] for index in range(len(new)) if index in partner]
    taken = set(kept)
    pairs = [Pair(old[partner[i]] if i in partner else None, item) for i, item in enumerate(new)]
    pairs += [Pair(item, None) for i, item in enumerate(old) if i not in taken]
    return Matching(tuple(pairs), kept != sorted(kept), max(0, unseen))


def name_of(item: Mapping[str, JSON]) -> str:
    """What an item is called; '' where it has no name."""
    # An override has a list of IDs, and the name of the group into which it puts them is not the whole of its own.
    keys = ('name',) if 'ids' in item else _NAMES
    for key in keys:
        name = item.get(key)
        if name and isinstance(name, str):
            return name
    return ', '.join(value for key in _SCOPES if isinstance(value := item.get(key), str) and value)


def trimmed(old: list[JSON], new: list[JSON]) -> tuple[int, list[JSON], list[JSON]]:
    """(how many items both begin with, what of each is left without those and without what both end with)"""
    start = _alike(old, new)
    end = min(_alike(old[::-1], new[::-1]), len(old) - start, len(new) - start)
    return start, old[start : len(old) - end], new[start : len(new) - end]


def _alike(old: list[JSON], new: list[JSON]) -> int:
    """With how many equal items both begin."""
    return next(differing(old, new), min(len(old), len(new)))


def differing(old: Sequence[JSON], new: Sequence[JSON]) -> Iterator[int]:
    """Where two lists differ, as far as both go: `same` of each pair, much quicker."""
    for start in range(0, min(len(old), len(new)), _AT_ONCE):
        some, others = old[start : start + _AT_ONCE], new[start : start + _AT_ONCE]
        if not _equal(some, others):
            yield from (start + at for at, pair in enumerate(zip(some, others, strict=False)) if not same(*pair))


def _equal(some: Sequence[JSON], others: Sequence[JSON]) -> bool:
    """As JSON, at the least: to Python, 1 equals true. May be False for equal ones that hold NaN."""
    try:
        return some == others and (bool not in map(type, some) or [*map(type, some)] == [*map(type, others)])
    except RecursionError:
        return False


def differing_keys(before: Mapping[str, JSON], after: Mapping[str, JSON]) -> Iterator[str]:
    """The keys under which two objects hold different values; a missing one holds None."""
    keys = [*{**before, **after}]
    return (keys[at] for at in differing([*map(before.get, keys)], [*map(after.get, keys)]))


def without_common(before: Sequence[JSON], after: Sequence[JSON]) -> tuple[list[JSON], list[JSON]]:
    """What of each has no equal in the other. Three of the same and two of the same: none of them is left."""
    ours, theirs = ([fingerprint(item) for item in side] for side in (before, after))
    in_both = set(ours).intersection(theirs)
    return (
        [item for item, print_ in zip(before, ours, strict=True) if print_ not in in_both],
        [item for item, print_ in zip(after, theirs, strict=True) if print_ not in in_both],
    )


def not_in(others: Collection[JSON], items: Collection[JSON]) -> list[JSON]:
    """The scalars, each once, that are none of the others. 1 and true are two, though they equal in Python."""
    if not items:
        return []
    if bool not in {*map(type, others), *map(type, items)}:
        return [*filterfalse(set(others).__contains__, dict.fromkeys(items))]
    known = {(isinstance(item, bool), item) for item in others}
    return [
        item
        for truth, item in dict.fromkeys((isinstance(item, bool), item) for item in items)
        if (truth, item) not in known
    ]


def _match_by(
    identity_of: Callable[[Mapping[str, JSON]], Hashable],
    old: Sequence[Mapping[str, JSON]],
    new: Sequence[Mapping[str, JSON]],
    partner: dict[int, int],
) -> None:
    taken = set(partner.values())
    waiting: dict[Hashable, list[int]] = {}
    for index in reversed(range(len(old))):
        if index not in taken and (identity := identity_of(old[index])) is not None:
            waiting.setdefault(identity, []).append(index)
    if not waiting:
        return
    for index, item in enumerate(new):
        if index not in partner and (identity := identity_of(item)) is not None and waiting.get(identity):
            partner[index] = waiting[identity].pop()


def _identities(keys: Collection[str]) -> Iterator[Callable[[Mapping[str, JSON]], Hashable]]:
    """How items that have such keys can be known, surest first. Each gives None for an item that it does not tell."""
    for key in _IDS:
        if key in keys:
            yield partial(_id_under, key)
    if not _SCOPED.isdisjoint(keys):
        yield _name_and_scope
    yield _name_alone


def _id_under(key: str, item: Mapping[str, JSON]) -> str | int | None:
    value = item.get(key)
    return value if isinstance(value, (str, int)) and value != '' else None


def _name_and_scope(item: Mapping[str, JSON]) -> Hashable:
    name = name_of(item)
    return (name, *(value for key in _SCOPED if is_scalar(value := item.get(key)))) if name else None


def _name_alone(item: Mapping[str, JSON]) -> str | None:
    return name_of(item) or None


def _match_equal(old: Sequence[Mapping[str, JSON]], new: Sequence[Mapping[str, JSON]], partner: dict[int, int]) -> None:
    """What has neither id nor name (criteria, prompts) is the same item where it is equal, or the only one left."""
    taken = set(partner.values())
    free = [index for index in range(len(old)) if index not in taken]
    waiting: dict[bytes | int, list[int]] = {}
    for index in reversed(free):
        waiting.setdefault(fingerprint(old[index]), []).append(index)
    unmatched = []
    for index in range(len(new)):
        if index not in partner:
            equal = waiting.get(fingerprint(new[index]))
            if equal:
                partner[index] = equal.pop()
            else:
                unmatched.append(index)
    free = [index for indexes in waiting.values() for index in indexes]
    if len(free) == len(unmatched) == 1 and not name_of(old[free[0]]) and not name_of(new[unmatched[0]]):
        partner[unmatched[0]] = free[0]
