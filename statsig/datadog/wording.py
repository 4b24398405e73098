"""Differences in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

from statsig.datadog.conditions import describe_condition
from statsig.datadog.differences import ORDER, Piece, field_label, folded
from statsig.datadog.matching import match_items, name_of
from statsig.datadog.redaction import HIDDEN
from statsig.datadog.values import JSON, Words, is_scalar, parsed, parsed_value, same

_SUMMARISED = ('switch', 'percent', 'environments', 'conditions', 'value', 'schedule')
_MAX_COUNTED = 1_000


def tell_all(pieces: Iterable[Piece], words: Words) -> str:
    """`pass 10 % → 50 %; + production; …`: as many pieces as the limits allow, and how many more there are."""
    pieces = iter(pieces)
    told = [text for piece in islice(pieces, words.limits.items) if (text := tell(piece, words))]
    more = sum(1 for _ in islice(pieces, _MAX_COUNTED))
    return '; '.join(told + ([f'{more}{"+" if more == _MAX_COUNTED else ""} more'] if more else []))


def tell(piece: Piece, words: Words) -> str:
    """One difference: `allocation 10 % → 50 %`. The label comes first where there is one."""
    label = words.name(piece.label)
    if words.redaction.hides(piece.field) and not _tells_nobody(piece):
        return f'{label} {HIDDEN}'.strip()
    return f'{label} {_body(piece, words)}'.strip()


def summary(item: Mapping[str, JSON], words: Words) -> str:
    """What a rule or group holds, for one that came or went: `pass 50 %; production; email is any of …`."""
    parts = []
    for field in sorted(islice(item, 100), key=lambda key: ORDER.get(folded(str(key)), len(ORDER))):
        label, style = field_label(str(field))
        if style == 'schedule' and not item[field]:
            continue
        if style in _SUMMARISED and not words.redaction.hides(str(field)):
            text = _one(style, item[field], words)
            parts.append(f'{label} {text}'.strip() if style in ('percent', 'value', 'schedule') else text)
    return '; '.join(part for part in parts if part)


def order(before: JSON, after: JSON, words: Words) -> str:
    """`"b", "a" instead of "a", "b"`, from the first item on that moved."""
    pairs = [pair for pair in match_items(before, after).pairs if pair.before is not None and pair.after is not None]
    new = [pair.before for pair in pairs if pair.before is not None]
    kept = {id(item) for item in new}
    old = [item for item in before or [] if id(item) in kept]
    first = next((index for index, (a, b) in enumerate(zip(old, new, strict=False)) if a is not b), 0)
    then, now = (words.listed([name_of(item) for item in side[first:]], quoted=True) for side in (old, new))
    return f'reordered: {then} → {now}'


def _body(piece: Piece, words: Words) -> str:
    before, after = piece.before, piece.after
    if piece.how in ('added', 'removed'):
        item = after if piece.how == 'added' else before
        text = summary(item, words) or words.quoted(item)
        return f'{piece.how}: {text}' if piece.how == 'added' else f'removed (was: {text})'
    if piece.how == 'moved':
        return order(before, after, words)
    if piece.style == 'salt':
        return 'salt changed: users are assigned anew'
    if piece.style == 'environments':
        return _environments(before, after, words)
    if piece.style == 'conditions':
        return _conditions(parsed(before), parsed(after), words)
    if _is_list(before) and _is_list(after) and (before or after) and piece.style not in ('value', 'member'):
        return _list(before or [], after or [], words, quoted=piece.style in ('quoted', 'nested'))
    if isinstance(before, str) and isinstance(after, str) and min(len(before), len(after)) > words.limits.value:
        return _long_text(before, after, words)
    return f'{_one(piece.style, before, words)} → {_one(piece.style, after, words)}'


def _one(style: str, value: JSON, words: Words) -> str:
    if style == 'conditions':
        found = parsed(value)
        items = found if isinstance(found, list) else []
        return ' and '.join(describe_condition(item, words) for item in items[:3]) + (
            f' and {len(items) - 3} more conditions' if len(items) > 3 else ''
        )
    if style == 'switch' and isinstance(value, bool):
        return 'enabled' if value else 'disabled'
    if style == 'environments':
        return words.listed(value) if isinstance(value, list) else words.plain(value or 'all environments')
    if style == 'schedule':
        return _schedule(value, words)
    if style == 'person':
        return _person(value, words)
    if style == 'percent':
        return words.percent(value)
    if style == 'time':
        return words.time(value)
    if style == 'value':
        return words.quoted(parsed_value(value))
    if isinstance(value, list) and value and all(map(is_scalar, value[: words.limits.items])):
        return words.listed(value, quoted=style != 'plain')
    return words.plain(value) if style == 'plain' else words.quoted(value)


def _environments(before: JSON, after: JSON, words: Words) -> str:
    # No list at all stands for all environments, so it is not the same as an empty one.
    if before is None or after is None or not _is_list(before) or not _is_list(after):
        return f'{_one("environments", before, words)} → {_one("environments", after, words)}'
    return _list(before, after, words, quoted=False)


def _list(before: list[JSON], after: list[JSON], words: Words, quoted: bool) -> str:
    """`+ a, b; − c`, as sets; the order is told where nothing else differs."""
    if any(isinstance(item, bool) for side in (before, after) for item in side):
        before, after = ([words.quoted(item) for item in side] for side in (before, after))  # True equals 1
        quoted = False
    old, new = set(before), set(after)
    added = [item for item in dict.fromkeys(after) if item not in old]
    removed = [item for item in dict.fromkeys(before) if item not in new]
    if not added and not removed:
        return f'reordered: {words.listed(after, quoted)}'
    signed = [f'{sign} {words.listed(items, quoted)}' for sign, items in (('+', added), ('−', removed)) if items]
    return '; '.join(signed)


def _conditions(before: JSON, after: JSON, words: Words) -> str:
    if not isinstance(before, list | None) or not isinstance(after, list | None):
        return f'{words.quoted(before)} → {words.quoted(after)}'
    old, new = list(before or [])[:200], list(after or [])[:200]
    removed = [item for item in old if not any(same(item, other) for other in new)]
    added = [item for item in new if not any(same(item, other) for other in old)]
    if len(removed) == 1 and len(added) == 1:
        text = f'{describe_condition(removed[0], words)} → {describe_condition(added[0], words)}'
        return text if text.startswith('condition') else f'condition {text}'
    told = [f'+ {describe_condition(item, words)}' for item in added]
    told += [f'− {describe_condition(item, words)}' for item in removed]
    if not told:
        return 'reordered'
    more = len(told) - words.limits.items
    return '; '.join(told[: words.limits.items]) + (f'; {more} more' if more > 0 else '')


def _schedule(value: JSON, words: Words) -> str:
    if not isinstance(value, list) or not value:
        return 'none' if value == [] else words.quoted(value)
    steps = []
    for step in value[: words.limits.items]:
        share = step.get('passPercent', step.get('percentagePass')) if isinstance(step, dict) else None
        time = step.get('time') if isinstance(step, dict) else None
        steps.append(words.quoted(step) if share is None else f'{words.percent(share)} at {words.time(time)}')
    more = len(value) - len(steps)
    return ', '.join(steps) + (f' and {more} more' if more > 0 else '')


def _person(value: JSON, words: Words) -> str:
    if isinstance(value, dict):
        for key in ('ownerName', 'name', 'ownerEmail', 'email'):
            if isinstance(value.get(key), str) and value[key]:
                return words.name(value[key])
    if isinstance(value, list):
        return ', '.join(_person(item, words) for item in value[: words.limits.items]) or 'none'
    return words.plain(value)


def _long_text(before: str, after: str, words: Words) -> str:
    """Two long texts, from shortly before the place where they begin to differ."""
    start = 0 if words.redaction.active else max(0, _common_prefix(before, after) - 20)
    shown = [words.name(side[start : start + 80]) for side in (before, after)]
    if shown[0] == shown[1]:
        return f'text changed ({len(before):,} → {len(after):,} characters)'
    lead = '…' if start else ''
    return f'"{lead}{shown[0]}…" → "{lead}{shown[1]}…" (cut, {len(before):,} → {len(after):,} characters)'


def _common_prefix(a: str, b: str) -> int:
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if a[low:middle] == b[low:middle] else (low, middle - 1)
    return low


def _is_list(value: JSON) -> bool:
    """A list of plain values; a missing one counts as empty."""
    return value is None or (isinstance(value, list) and all(map(is_scalar, value)))


def _tells_nobody(piece: Piece) -> bool:
    return all(side is None or isinstance(side, (bool, int, float)) for side in (piece.before, piece.after))
