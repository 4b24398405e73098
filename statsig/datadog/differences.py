"""What differs between two values of a field, piece by piece, not yet in words.

Pieces come from a generator and are cheap: whoever puts them into words takes as many as will be shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from statsig.datadog.markdown import clean
from statsig.datadog.matching import Pair, are_items, match_items, name_of
from statsig.datadog.redaction import Redaction
from statsig.datadog.values import JSON, MAX_EXAMINED, label_of, parsed, parsed_value, same

# How the fields of Statsig are called and told, in the order in which they are told. Keys without `_`, in lower case.
_FIELDS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(('isenabled', 'enabled'), ('', 'switch')),
    **dict.fromkeys(('isarchived', 'archived'), ('archived', 'plain')),
    **dict.fromkeys(('status', 'state'), ('status', 'plain')),
    **dict.fromkeys(('percentagepass', 'passpercentage', 'passpercent'), ('pass', 'percent')),
    'allocation': ('allocation', 'percent'),
    'size': ('size', 'percent'),
    **dict.fromkeys(('enabledenvironments', 'environments'), ('', 'environments')),
    **dict.fromkeys(('environment', 'enabledenvironment'), ('environment', 'plain')),
    **dict.fromkeys(('conditions', 'conditionjson'), ('', 'conditions')),
    **dict.fromkeys(('returnvalue', 'returnvaluejson', 'returnvaluejson5', 'json'), ('value', 'value')),
    'parametervalues': ('', 'value'),
    **dict.fromkeys(('defaultvalue', 'defaultvaluejson', 'defaultvaluejson5'), ('default value', 'value')),
    **dict.fromkeys(('rollouts', 'pendingautomatedrollouts'), ('schedule', 'schedule')),
    'completedautomatedrollouts': ('schedule done', 'schedule'),
    'salt': ('', 'salt'),
    **dict.fromkeys(('owner', 'owners'), ('owner', 'person')),
    **dict.fromkeys(('tags', 'team', 'teamid', 'type', 'idtype', 'hypothesis', 'description'), ('', 'plain')),
    **dict.fromkeys(('targetapps', 'targetappids'), ('target apps', 'plain')),
    **dict.fromkeys(('name', 'groupname', 'displayname'), ('name', 'quoted')),
}
ORDER = {key: rank for rank, key in enumerate(_FIELDS)}
# What Statsig writes with every change, and what only tells the machine which item it is.
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
    }
)
_IDENTITY = frozenset({'id', 'baseid', 'ruleid'})
_WHOLE = frozenset({'percent', 'switch', 'conditions', 'schedule', 'salt', 'person', 'time'})
_NOUNS = {'rules': 'rule', 'groups': 'group', 'variants': 'variant', 'parameters': 'parameter'}


@dataclass(frozen=True, slots=True)
class Piece:
    """One difference. `how` is changed, added, removed or moved; `style` says how its values are told."""

    field: str
    label: str
    style: str
    before: JSON
    after: JSON
    how: str = 'changed'


def folded(field: str) -> str:
    return field.replace('_', '').lower()


def field_label(field: str) -> tuple[str, str]:
    """(label, style) of one of Statsig's fields; an unknown one goes by its name in words."""
    key = folded(field)
    label, style = _FIELDS.get(key, (label_of(field), ''))
    if not style:
        style = 'time' if key.endswith(('time', 'date')) else 'quoted'
    return (label or label_of(field) if style == 'plain' else label), style


def noun_of(field: str) -> str:
    """`rules` is a list of `rule`s."""
    label = label_of(field)
    singular = label[:-3] + 'y' if label.endswith('ies') else label[:-1] if label.endswith('s') else label
    return _NOUNS.get(folded(field), singular)


def subject_of(noun: str, item: Mapping[str, JSON]) -> str:
    """`rule "beta users"`"""
    name = clean(name_of(item)[:1000])
    return f'{noun} "{name}"' if name else noun


def compare(field: str, before: JSON, after: JSON, depth: int, redaction: Redaction) -> Iterator[Piece]:
    """The differences of one field of Statsig's. The field's own label is left for the caller to say."""
    yield from _compare(field, '', field_label(field)[1], before, after, depth, redaction)


def compare_item(pair: Pair, depth: int, redaction: Redaction) -> Iterator[Piece]:
    """The differences within one rule, group or other item; most telling first."""
    before, after = pair.before or {}, pair.after or {}
    for field in sorted(_fields_of(before, after), key=lambda key: ORDER.get(folded(key), len(ORDER))):
        if not same(before.get(field), after.get(field)):
            label, style = field_label(field)
            yield from _compare(field, label, style, before.get(field), after.get(field), depth, redaction)


def _fields_of(before: Mapping[str, JSON], after: Mapping[str, JSON]) -> list[str]:
    names = dict.fromkeys(str(key) for key in (*islice(before, MAX_EXAMINED), *islice(after, MAX_EXAMINED)))
    listed = any('enabledEnvironments' in item or 'environments' in item for item in (before, after))
    # The audit log's `environment` is an older form of `enabledEnvironments`, kept beside it.
    untold = _UNTOLD | _IDENTITY | (frozenset({'environment'}) if listed else frozenset())
    return [name for name in names if folded(name) not in untold]


def is_untold(field: str) -> bool:
    return folded(field) in _UNTOLD


def _compare(
    field: str, label: str, style: str, before: JSON, after: JSON, depth: int, redaction: Redaction
) -> Iterator[Piece]:
    if redaction.hides(field) or style in _WHOLE:
        yield Piece(field, label, style, before, after)
        return
    if style != 'member':
        read = parsed_value if style == 'value' else parsed
        before, after = read(before), read(after)
        if same(before, after):
            return
    if depth > 0 and isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*islice(before, MAX_EXAMINED), *islice(after, MAX_EXAMINED))):
            if not same(before.get(key), after.get(key)):
                path, inner = _below(label, style, str(key))
                yield from _compare(str(key), path, inner, before.get(key), after.get(key), depth - 1, redaction)
    elif depth > 0 and are_items(before, after) and style not in ('value', 'member'):
        yield from _compare_items(field, label, before, after, depth, redaction)
    else:
        yield Piece(field, label, style, before, after)


def _below(label: str, style: str, key: str) -> tuple[str, str]:
    """(label, style) of a key of an object. The keys of values are the user's own names: they stay as written."""
    if style in ('value', 'member'):
        name = clean(key[:1000])
        return (f'{label}.{name}' if style == 'member' else f'{label} {name}'.strip()), 'member'
    known_label, known = _FIELDS.get(folded(key), ('', ''))
    inner = known if known in _WHOLE | {'environments'} else 'quoted'
    return f'{label} {known_label or label_of(key)}'.strip(), inner


def _compare_items(
    field: str, label: str, before: JSON, after: JSON, depth: int, redaction: Redaction
) -> Iterator[Piece]:
    matching = match_items(before, after)
    noun = label[:-1] if label.endswith('s') else label or noun_of(field)
    for pair in matching.differing():
        subject = subject_of(noun, pair.after or pair.before or {})
        if pair.before is None or pair.after is None:
            how = 'added' if pair.before is None else 'removed'
            yield Piece(field, subject, 'item', pair.before, pair.after, how)
            continue
        for key in _fields_of(pair.before, pair.after):
            if not same(pair.before.get(key), pair.after.get(key)):
                inner_label, style = field_label(key)
                path = f'{subject} {inner_label}'.strip()
                yield from _compare(key, path, style, pair.before.get(key), pair.after.get(key), depth - 1, redaction)
    if matching.moved:
        yield Piece(field, label, 'order', before, after, 'moved')
