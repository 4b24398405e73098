"""Differences in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain, islice

from statsig.datadog.conditions import (
    compare_conditions,
    describe_condition,
    describe_difference,
    named_condition,
)
from statsig.datadog.contrast import contrast_order, start_of_difference
from statsig.datadog.differences import ORDER, Piece, field_label, folded, style_of
from statsig.datadog.matching import name_of, not_in
from statsig.datadog.redaction import HIDDEN, SECRET
from statsig.datadog.values import JSON, Words, are_scalars, is_scalar, parsed_pair, parsed_value, same

_SUMMARISED = ('switch', 'off switch', 'percent', 'environments', 'conditions', 'value', 'schedule')
_PLAIN = ('plain', 'status', 'quoted', 'prose', 'duration')
_MAX_COUNTED = 20
_MAX_CONDITIONS = 200
# Of an item that came or went: fields looked at, and told of one that is no rule or group.
_MAX_FIELDS, _MAX_PLAIN = 60, 4
_SHOWN = 80  # of each of two long texts


def tell_all(pieces: Iterable[Piece], words: Words) -> str:
    """`pass 10 % → 50 %; + production; …`: as many pieces as the limits allow, and how many more there are."""
    pieces = iter(pieces)
    told: list[str] = []
    for piece in islice(pieces, words.limits.items):
        if text := tell(piece, words):
            told.append(text)
        if sum(map(len, told)) > words.limits.text:
            break  # the rest would be cut off
    more = sum(1 for _ in islice(pieces, _MAX_COUNTED))
    return '; '.join(told + ([f'{more}{"+" if more == _MAX_COUNTED else ""} more'] if more else []))


def tell(piece: Piece, words: Words) -> str:
    """One difference: `allocation 10 % → 50 %`. The label comes first where there is one."""
    label = words.name(piece.label)
    if mask := words.redaction.mask(piece.field, piece.before, piece.after):
        return f'{label} {mask}'.strip()
    return f'{label} {_body(piece, words)}'.strip()


def summary(item: Mapping[str, JSON], words: Words) -> str:
    """What a rule or group holds, for one that came or went: `pass 50 %; production; email is any of …`."""
    parts = []
    for field in sorted(islice(item, _MAX_FIELDS), key=lambda key: ORDER.get(folded(key), len(ORDER))):
        if (style := style_of(field)) not in _SUMMARISED or words.redaction.mask(field, item[field]):
            continue
        label, _ = field_label(field)
        value = parsed_value(item[field], words.work.read) if style in ('value', 'conditions') else item[field]
        if not _is_understood(style, value):
            text = _values(value, words) if style == 'value' and not label else _one(style, value, words)
            parts.append(f'{label} {text}'.strip() if style in ('percent', 'value', 'schedule') else text)
        if sum(map(len, parts)) > words.limits.text:
            break  # the rest would be cut off
    return '; '.join(part for part in parts if part) or _plain_summary(item, words)


def _is_understood(style: str, value: JSON) -> bool:
    """A rule without a schedule, and one that returns true: that is what rules are."""
    if style == 'off switch':
        return value is False
    return (style == 'schedule' and not value) or (style == 'value' and value in (True, None, {}))


def _values(value: JSON, words: Words) -> str:
    """`cta_text "Buy", rows 4`"""
    if not isinstance(value, dict):
        return words.quoted(value)
    shown = [f'{words.name(key)} {words.held(key, item)}' for key, item in islice(value.items(), words.limits.items)]
    more = len(value) - len(shown)
    return ', '.join(shown) + (f' and {more} more' if more > 0 else '')


def _plain_summary(item: Mapping[str, JSON], words: Words) -> str:
    """`type gate; group ID "g2"`, for things of which no field is a rule's or a group's."""
    name = name_of(item)
    parts = []
    for field in islice(item, _MAX_FIELDS):
        value = item[field]
        if not is_scalar(value) or value in (None, '', name) or folded(field) == 'id':
            continue
        if words.redaction.mask(field, value):
            continue
        label, style = field_label(field)
        if style in _PLAIN:
            parts.append(f'{words.name(label)} {_one(style, value, words)}')
        if len(parts) == _MAX_PLAIN:
            break
    return '; '.join(parts)


def order(before: JSON, after: JSON, words: Words) -> str:
    """`"b", "a" instead of "a", "b"`, from the first item on that moved."""
    then, now = contrast_order(before, after, words.work)
    if not all(now):
        return 'reordered'
    return f'reordered: {words.listed(then, quoted=True)} → {words.listed(now, quoted=True)}'


def _body(piece: Piece, words: Words) -> str:
    before, after = piece.before, piece.after
    if piece.how in ('added', 'removed'):
        item = after if piece.how == 'added' else before
        text = (summary(item, words) if piece.style == 'item' else '') or words.quoted(item)
        return f'{piece.how}: {text}' if piece.how == 'added' else f'removed (was: {text})'
    if piece.how == 'moved':
        return order(before, after, words)
    if piece.how == 'unseen':
        return f'{after:,} more not compared'
    if piece.style == 'salt':
        return 'salt changed: users are assigned anew'
    if piece.style == 'environments':
        return _environments(before, after, words)
    if piece.style == 'conditions':
        return _conditions(*parsed_pair(before, after, words.work.read), words)
    if piece.style == 'members':
        return _members(before, after, words)
    if _is_list(before) and _is_list(after) and (before or after) and piece.style not in ('value', 'member'):
        return _list(before or [], after or [], words, quoted=piece.style in ('quoted', 'nested'))
    if piece.style == 'schedule' and _is_rest(after, before):
        return f'left: {_schedule(after, words)}'
    if isinstance(before, str) and isinstance(after, str) and min(len(before), len(after)) > _SHOWN:
        return _long_text(before, after, words)
    then, now = _one(piece.style, before, words), _one(piece.style, after, words)
    is_told = then != now or HIDDEN in now or SECRET in now
    return f'{then} → {now}' if is_told else f'changed in a part too deep or too long to show: {now}'


def _one(style: str, value: JSON, words: Words) -> str:
    if style == 'conditions':
        items = value if isinstance(value, list) else []
        more = f' and {len(items) - 3} more conditions' if len(items) > 3 else ''
        return ' and '.join(describe_condition(item, words) for item in items[:3]) + more
    if style == 'switch' and isinstance(value, bool):
        return 'enabled' if value else 'disabled'
    if style == 'off switch' and isinstance(value, bool):
        return 'disabled' if value else 'enabled'
    if style == 'status' and isinstance(value, str):
        return words.plain(value.replace('_', ' ') if len(value) < words.limits.value else value)
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
        return words.quoted(value)
    if style == 'duration':
        return words.duration(value)
    if style == 'prose':
        return words.quoted(value or None)
    if isinstance(value, list) and value and are_scalars(value[: words.limits.items]):
        return words.listed(value, quoted=style != 'plain')
    return words.plain(value) if style == 'plain' else words.quoted(value)


def _environments(before: JSON, after: JSON, words: Words) -> str:
    # No list at all stands for all environments, so it is not the same as an empty one.
    if before is None or after is None or not _is_list(before) or not _is_list(after):
        return f'{_one("environments", before, words)} → {_one("environments", after, words)}'
    return _list(before, after, words, quoted=False)


def _list(before: list[JSON], after: list[JSON], words: Words, quoted: bool) -> str:
    """`+ a, b; − c`, as sets; the order is told where nothing else differs."""
    added, removed = not_in(before, after), not_in(after, before)
    signed = [f'{sign} {words.listed(items, quoted)}' for sign, items in (('+', added), ('−', removed)) if items]
    return '; '.join(signed) or f'reordered: {words.listed(after, quoted)}'


def _members(before: list[JSON], after: list[JSON], words: Words) -> str:
    """A list of the user's own: what came and went where that tells all, else the list before and after."""
    if before and after and len(not_in([], before)) == len(before) and len(not_in([], after)) == len(after):
        return _list(before, after, words, quoted=True)
    return f'{words.quoted(before)} → {words.quoted(after)}'


def _conditions(before: JSON, after: JSON, words: Words) -> str:
    if not isinstance(before, list | None) or not isinstance(after, list | None):
        return f'{words.quoted(before)} → {words.quoted(after)}'
    found = compare_conditions((before or [])[:_MAX_CONDITIONS], (after or [])[:_MAX_CONDITIONS])
    telling = chain(
        (describe_difference(old, new, words) for old, new in found.changed),
        (f'+ {named_condition(item, words)}' for item in found.added),
        (f'− {named_condition(item, words)}' for item in found.removed),
    )
    told = list(islice(telling, words.limits.items))
    more = len(found.changed) + len(found.added) + len(found.removed) - len(told)
    return '; '.join(told) + (f'; {more} more' if more > 0 else '') or 'conditions reordered'


def _is_rest(after: JSON, before: JSON) -> bool:
    """Whether all that is other is that the first steps are taken, or that nothing is to come any more."""
    if not isinstance(before, list) or not isinstance(after, list) or not before:
        return False
    return not after or (len(after) < len(before) and same(before[-len(after) :], after))


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
        shown = value[: words.limits.items]
        return (
            ', '.join(words.plain(item) if isinstance(item, list) else _person(item, words) for item in shown) or 'none'
        )
    return words.plain(value)


def _long_text(before: str, after: str, words: Words) -> str:
    """Two long texts, from shortly before the place where they begin to differ."""
    start = start_of_difference(before, after, words.redaction, words.work.told)
    then, now = (words.name(side[start : start + _SHOWN]) for side in (before, after))
    if then == now:
        return f'text changed ({len(before):,} → {len(after):,} characters)'
    lead = '…' if start else ''
    ends = ['' if start + _SHOWN >= len(side) else '…' for side in (before, after)]
    cut_of = f'(cut, {len(before):,} → {len(after):,} characters)'
    return f'"{lead}{then}{ends[0]}" → "{lead}{now}{ends[1]}" {cut_of}'


def _is_list(value: JSON) -> bool:
    """A list of plain values; a missing one counts as empty."""
    return value is None or (isinstance(value, list) and are_scalars(value))
