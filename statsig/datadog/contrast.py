"""What differs between two values, and nothing else: fit to be sent as structure before and after.

Of a config of thirty keys the one that changed is kept, of forty addresses the one that came and the one that went. It
comes before values are cut to a bearable size: cut first, both sides would often look the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from statsig.datadog.allowance import Allowance
from statsig.datadog.matching import match_items, name_of, not_in, trimmed
from statsig.datadog.redaction import NOTHING_HIDDEN, Redaction
from statsig.datadog.values import JSON, MAX_EXAMINED, MAX_SENT_PARTS, Work, are_scalars, parsed_pair, same

# Kept of an item that changed, so that it is known which one.
_IDENTITY = ('name', 'groupName', 'key', 'id')
_CONTEXT = ('type', 'conditionType', 'field', 'operator')
_WINDOW_BEFORE, _LONG = 20, 200


def contrast(
    before: JSON, after: JSON, depth: int, work: Work, redaction: Redaction = NOTHING_HIDDEN
) -> tuple[JSON, JSON]:
    """(before, after) without what is the same on both sides; the order of a list counts where nothing else differs.

    Of an object and of a list, what comes after as many parts as are sent stays whole: it is counted there, not seen.

    depth: how many levels of objects and lists are looked into. work: what it may cost. redaction: what is still to be
    hidden in what comes back, so that long texts are not cut to begin in the middle of it.
    """
    if depth > 0 and isinstance(before, str) and isinstance(after, str):
        before, after = _texts(before, after, work, redaction)
    if depth > 0 and isinstance(before, dict) and isinstance(after, dict):
        return _objects(before, after, depth, work, redaction)
    if depth > 0 and isinstance(before, list) and isinstance(after, list):
        return _lists(before, after, depth, work, redaction)
    return before, after


def contrast_order(before: JSON, after: JSON, work: Work) -> tuple[list[str], list[str]]:
    """The names of items that are the same on both sides, from the first one on that is in another place."""
    pairs = [
        pair
        for pair in match_items(before, after, work.matched).pairs
        if pair.before is not None and pair.after is not None
    ]
    new = [pair.before for pair in pairs if pair.before is not None]
    kept = {id(item) for item in new}
    old = [item for item in before or [] if id(item) in kept]
    first = next((index for index, (a, b) in enumerate(zip(old, new, strict=False)) if a is not b), 0)
    return [name_of(item) for item in old[first:]], [name_of(item) for item in new[first:]]


def _objects(
    before: Mapping[str, JSON], after: Mapping[str, JSON], depth: int, work: Work, redaction: Redaction
) -> tuple[JSON, JSON]:
    old: dict[str, JSON] = {}
    new: dict[str, JSON] = {}
    for key in dict.fromkeys((*islice(before, MAX_EXAMINED), *islice(after, MAX_EXAMINED))):
        if key not in before:
            new[key] = after[key]
        elif key not in after:
            old[key] = before[key]
        elif not same(before[key], after[key]):
            is_seen = min(len(old), len(new)) < MAX_SENT_PARTS
            sides = before[key], after[key]
            old[key], new[key] = contrast(*sides, depth - 1, work, redaction) if is_seen else sides
    return old, new


def _lists(before: list[JSON], after: list[JSON], depth: int, work: Work, redaction: Redaction) -> tuple[JSON, JSON]:
    rest = trimmed(before, after)[1:]
    if all(map(are_scalars, rest)):
        old, new = rest
        gone, came = not_in(new, old), not_in(old, new)
        if gone or came:
            return gone, came
    elif all(isinstance(item, dict) for side in (before, after) for item in side):
        return _items(before, after, depth, work, redaction)
    return rest


def _items(
    before: list[Mapping[str, JSON]], after: list[Mapping[str, JSON]], depth: int, work: Work, redaction: Redaction
) -> tuple[JSON, JSON]:
    matching = match_items(before, after, work.matched)
    old: list[JSON] = []
    new: list[JSON] = []
    gone: list[Mapping[str, JSON]] = []
    came: list[Mapping[str, JSON]] = []
    for pair in matching.differing():
        if pair.before is None or pair.after is None:
            gone += [pair.before] if pair.before is not None else []
            came += [pair.after] if pair.after is not None else []
        else:
            _put(old, new, pair.before, pair.after, _IDENTITY, depth, work, redaction)
    # Conditions have neither id nor name: what went and what came in the same number became one another.
    alike = [(one, other) for one, other in zip(gone, came, strict=False) if len(gone) == len(came)]
    for one, other in alike:
        _put(old, new, one, other, _CONTEXT, depth, work, redaction)
    old += gone[len(alike) :]
    new += came[len(alike) :]
    return (old, new) if old or new else contrast_order(before, after, work)


def _put(
    old: list[JSON],
    new: list[JSON],
    before: Mapping[str, JSON],
    after: Mapping[str, JSON],
    known_by: Sequence[str],
    depth: int,
    work: Work,
    redaction: Redaction,
) -> None:
    kept = {key: after[key] for key in known_by if key in after and same(before.get(key), after[key])}
    is_seen = min(len(old), len(new)) < MAX_SENT_PARTS
    sides = _objects(before, after, depth - 1, work, redaction) if is_seen else (before, after)
    for side, differing in zip((old, new), sides, strict=True):
        side.append({**kept, **differing})


def _texts(before: str, after: str, work: Work, redaction: Redaction) -> tuple[JSON, JSON]:
    values = parsed_pair(before, after, work.contrasted)
    if not any(isinstance(value, str) for value in values):
        return values
    if min(len(before), len(after)) <= _LONG:
        return before, after
    start = start_of_difference(before, after, redaction, work.sent)
    lead = '…' if start else ''
    return lead + before[start:], lead + after[start:]


def start_of_difference(before: str, after: str, redaction: Redaction, allowance: Allowance) -> int:
    """From where two texts are to be shown: shortly before they differ, and not within what is to be hidden."""
    start = max(0, _common_prefix(before, after) - _WINDOW_BEFORE)
    start = redaction.may_start_at(after, start, allowance)
    return redaction.may_start_at(before, start, allowance)


def _common_prefix(a: str, b: str) -> int:
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if a[low:middle] == b[low:middle] else (low, middle - 1)
    return low
