"""What differs between two values of a field, piece by piece, not yet in words.

Pieces come from a generator and are cheap: whoever puts them into words takes as many as will be shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from statsig.datadog.markdown import clean
from statsig.datadog.matching import Pair, are_items, differing, differing_keys, match_items, name_of, trimmed
from statsig.datadog.values import JSON, Words, are_scalars, label_of, parsed_pair, same, truth

# How the fields of Statsig are called and told, in the order in which they are told. Keys without `_`, in lower case.
_FIELDS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(('isenabled', 'enabled'), ('', 'switch')),
    **dict.fromkeys(('isarchived', 'archived'), ('archived', 'plain')),
    **dict.fromkeys(('isdisabled', 'disabled'), ('', 'off switch')),
    **dict.fromkeys(('status', 'state'), ('status', 'status')),
    **dict.fromkeys(('percentagepass', 'passpercentage', 'passpercent'), ('pass', 'percent')),
    'size': ('size', 'percent'),
    **dict.fromkeys(('enabledenvironments', 'environments'), ('', 'environments')),
    **dict.fromkeys(('environment', 'enabledenvironment'), ('environment', 'plain')),
    **dict.fromkeys(('conditions', 'conditionjson'), ('', 'conditions')),
    **dict.fromkeys(('returnvalue', 'returnvaluejson', 'returnvaluejson5', 'json'), ('value', 'value')),
    **dict.fromkeys(('schema', 'schemajson5'), ('schema', 'value')),
    'parametervalues': ('', 'value'),
    'warehousenative': ('definition', 'quoted'),
    **dict.fromkeys(('defaultvalue', 'defaultvaluejson', 'defaultvaluejson5'), ('default value', 'value')),
    **dict.fromkeys(('rollouts', 'pendingautomatedrollouts'), ('schedule', 'schedule')),
    'salt': ('', 'salt'),
    **dict.fromkeys(('owner', 'owners'), ('owner', 'person')),
    **dict.fromkeys(('tags', 'team', 'teamid', 'type', 'idtype'), ('', 'plain')),
    **dict.fromkeys(('description', 'hypothesis', 'decisionreason'), ('', 'prose')),
    **dict.fromkeys(('targetapps', 'targetappids'), ('target apps', 'plain')),
    **dict.fromkeys(('name', 'groupname', 'displayname'), ('name', 'quoted')),
}
ORDER = {key: rank for rank, key in enumerate(_FIELDS)}
# What Statsig writes with every change, what the pass percentage tells already, and what only tells the machine which
# item it is.
_UNTOLD = frozenset(
    {
        'lastmodifiedtime',
        'lastmodifierid',
        'lastmodifieremail',
        'lastmodifiername',
        'modifiedtime',
        'updatedtime',
        'updatedat',
        'version',
        'createdtime',
        'completedautomatedrollouts',
    }
)
_IDENTITY = frozenset({'id', 'baseid', 'ruleid'})
_WHOLE = frozenset({'percent', 'switch', 'off switch', 'conditions', 'schedule', 'salt', 'person', 'time'})
_TOLD_ALIKE = _WHOLE | {'environments'}  # also where they stand within something unknown
# The same thing under a second name, told where the first is missing.
_TWINS = {
    'environment': ('enabledenvironments', 'environments'),
    'returnvaluejson5': ('returnvalue', 'returnvaluejson'),
    'defaultvaluejson5': ('defaultvalue', 'defaultvaluejson'),
    'schemajson5': ('schema',),
    'teamid': ('team',),
    'targetappids': ('targetapps',),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """One difference. `how` is changed, added, removed, moved, or unseen: so many more were not compared (`after`).

    `style` says how its values are told.
    """

    field: str
    label: str
    style: str
    before: JSON
    after: JSON
    how: str = 'changed'


def folded(field: str) -> str:
    return _folded(field[:1000])


@lru_cache(maxsize=2_000)
def _folded(field: str) -> str:
    return field.replace('_', '').lower()


def style_of(field: str) -> str:
    """How the values of a field are told."""
    key = folded(field)
    if key in _FIELDS:
        return _FIELDS[key][1]
    if field.endswith('Ms') and len(field) > 2:
        return 'duration'
    if key.endswith(('allocation', 'percentage')):
        return 'percent'
    return 'time' if key.endswith(('time', 'date')) else 'quoted'


def field_label(field: str) -> tuple[str, str]:
    """(label, style) of one of Statsig's fields; an unknown one goes by its name in words."""
    style, label = style_of(field), _FIELDS.get(folded(field), ('', ''))[0]
    if folded(field) in _FIELDS:
        return (label or label_of(field) if style in ('plain', 'prose') else label), style
    return label_of(field[:-2] if style == 'duration' else field), style


def heading_of(field: str) -> str:
    """The label where the field stands alone rather than within a rule or group."""
    label, style = field_label(field)
    if style == 'percent' and label == 'pass':
        return 'pass percentage'
    return label or {'environments': 'environments', 'value': label_of(field)}.get(style, '')


def title_of(field: str) -> str:
    """What the field is called where it is said to have been updated; '' where that would say nothing."""
    style = field_label(field)[1]
    return heading_of(field) or (style if style in ('conditions', 'salt') else '')


def noun_of(field: str) -> str:
    """`rules` is a list of `rule`s."""
    return _singular(label_of(field))


def _singular(label: str) -> str:
    if label.endswith('criteria'):
        return f'{label[:-1]}on'
    return label[:-3] + 'y' if label.endswith('ies') else label[:-1] if label.endswith('s') else label


def subject_of(noun: str, item: Mapping[str, JSON]) -> str:
    """`rule "beta users"`"""
    name = clean(name_of(item)[:1000])
    return f'{noun} "{name}"' if name else noun


def compare(field: str, before: JSON, after: JSON, words: Words) -> Iterator[Piece]:
    """The differences of one field of Statsig's. The field's own label is left for the caller to say."""
    yield from _compare(field, '', field_label(field)[1], before, after, words.limits.depth, words)


def compare_item(pair: Pair, words: Words) -> Iterator[Piece]:
    """The differences within one rule, group or other item; most telling first."""
    before, after = pair.before or {}, pair.after or {}
    for field in sorted(_differing(before, after), key=lambda key: ORDER.get(folded(key), len(ORDER))):
        label, style = field_label(field)
        yield from _compare(field, label, style, before.get(field), after.get(field), words.limits.depth, words)


def _differing(before: Mapping[str, JSON], after: Mapping[str, JSON]) -> list[str]:
    """The fields in which two items differ, but for those that tell nothing."""
    found = [name for name in differing_keys(before, after) if folded(name) not in _IDENTITY]
    found = [name for name in found if not is_untold(name, ())]
    if _TWINS.keys().isdisjoint(map(folded, found)):
        return found
    beside = set(map(folded, {**before, **after}))
    return [name for name in found if not is_untold(name, beside)]


def is_untold(field: str, beside: Collection[str]) -> bool:
    """Whether a field says nothing to a person, or nothing that the fields beside it (folded) do not say."""
    key = folded(field)
    return key in _UNTOLD or any(twin in beside for twin in _TWINS.get(key, ()))


def _compare(
    field: str, label: str, style: str, before: JSON, after: JSON, depth: int, words: Words
) -> Iterator[Piece]:
    has_parts = isinstance(before, (dict, list, str)) or isinstance(after, (dict, list, str))
    if not has_parts or style in _WHOLE or words.redaction.hides(field):
        yield Piece(field, label, style, before, after)
        return
    if style != 'member':
        before, after = parsed_pair(before, after, words.work.read)
        if style == 'value':
            before, after = truth(before), truth(after)
        if same(before, after):
            return
    if depth > 0 and isinstance(before, dict) and isinstance(after, dict):
        for key in differing_keys(before, after):
            path, inner = _below(label, style, key)
            yield from _compare(key, path, inner, before.get(key), after.get(key), depth - 1, words)
    elif depth > 0 and style in ('value', 'member') and _are_lists(before, after):
        path = label if style == 'member' else f'{label} '.lstrip()
        yield from _compare_members(field, path, before, after, depth - 1, words)
    elif depth > 0 and are_items(before, after) and style not in ('value', 'member'):
        yield from _compare_items(field, label, before, after, depth, words)
    else:
        yield Piece(field, label, style, before, after)


def _below(label: str, style: str, key: str) -> tuple[str, str]:
    """(label, style) of a key of an object. The keys of values are the user's own names: they stay as written."""
    if style in ('value', 'member'):
        name = clean(key[:1000])
        return (f'{label}.{name}' if style == 'member' else f'{label} {name}'.strip()), 'member'
    known_label, known = _FIELDS.get(folded(key), ('', ''))
    inner = known if known in _TOLD_ALIKE else 'quoted'
    return f'{label} {known_label or label_of(key)}'.strip(), inner


def _compare_members(
    field: str, path: str, before: list[JSON], after: list[JSON], depth: int, words: Words
) -> Iterator[Piece]:
    """Two lists within a value of the user's own: `plans["pro"].price`, `rows[3].width`, counted from 0."""
    if are_scalars(before) and are_scalars(after):
        yield Piece(field, path.strip(), 'members', before, after)
    elif are_items(before, after) and all(map(_handle, before)) and all(map(_handle, after)):
        matching = match_items(before, after, words.work.matched)
        for pair in matching.differing():
            member = f'{path}[{_handle(pair.after or pair.before or {})}]'
            if pair.before is None or pair.after is None:
                how = 'added' if pair.before is None else 'removed'
                yield Piece(field, member, 'member', pair.before, pair.after, how)
            else:
                yield from _compare(field, member, 'member', pair.before, pair.after, depth, words)
        if matching.moved:
            yield Piece(field, path.strip(), 'order', before, after, 'moved')
        if matching.unseen:
            yield Piece(field, path.strip(), 'unseen', None, matching.unseen, 'unseen')
    elif len(before) == len(after):
        for index in differing(before, after):
            yield from _compare(field, f'{path}[{index}]', 'member', before[index], after[index], depth, words)
    else:
        start, old, new = trimmed(before, after)
        if old and new:
            yield Piece(field, path.strip(), 'member', before, after)
            return
        for index, item in enumerate(old or new, start):
            how = 'removed' if old else 'added'
            yield Piece(field, f'{path}[{index}]', 'member', item if old else None, item if new else None, how)


def _handle(item: Mapping[str, JSON]) -> str:
    """By what an item of the user's own lists is known: `"pro"`, `id 7`; '' where by nothing."""
    name = clean(name_of(item)[:1000])
    number = item.get('id')
    return f'"{name}"' if name else f'id {number}' if type(number) is int and abs(number) < 10**20 else ''


def _are_lists(before: JSON, after: JSON) -> bool:
    return isinstance(before, list) and isinstance(after, list)


def _compare_items(field: str, label: str, before: JSON, after: JSON, depth: int, words: Words) -> Iterator[Piece]:
    matching = match_items(before, after, words.work.matched)
    noun = _singular(label) or noun_of(field)
    for pair in matching.differing():
        subject = subject_of(noun, pair.after or pair.before or {})
        if pair.before is None or pair.after is None:
            how = 'added' if pair.before is None else 'removed'
            yield Piece(field, subject, 'item', pair.before, pair.after, how)
            continue
        for key in _differing(pair.before, pair.after):
            inner_label, style = field_label(key)
            path = f'{subject} {inner_label}'.strip()
            yield from _compare(key, path, style, pair.before.get(key), pair.after.get(key), depth - 1, words)
    if matching.moved:
        yield Piece(field, label, 'order', before, after, 'moved')
    if matching.unseen:
        yield Piece(field, label, 'unseen', None, matching.unseen, 'unseen')
