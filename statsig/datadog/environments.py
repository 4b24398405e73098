"""Which environments a change touches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from statsig.datadog.allowance import Allowance
from statsig.datadog.fields import differing_fields, opened
from statsig.datadog.markdown import clean
from statsig.datadog.matching import Pair, are_items, differing_keys, match_items
from statsig.datadog.values import JSON, MAX_EXAMINED, MAX_MATCHED, label_of, same

ALL = 'all'
PRODUCTION = 'production'
EVERYWHERE = (ALL, PRODUCTION)
_MAX_NAMED = 20
_MAX_LOOKED_AT = 1_000  # names, met again and again: those of so many rules

_OF_A_RULE = ('environments', 'enabledEnvironments', 'environment')
# What is in force in every environment at once, since no rule confines it to some.
_EVERYWHERE = frozenset(
    {
        'isenabled',
        'enabled',
        'status',
        'state',
        'defaultvalue',
        'defaultvaluejson',
        'defaultvaluejson5',
        'returnvalue',
        'overrides',
        'useroverrides',
        'rules',
        'groups',
        'variants',
        'allocation',
        'salt',
        'idtype',
        'passpercentage',
        'percentagepass',
        'targetinggateid',
        'targetinggate',
        'parameters',
        'parametervalues',
        'layerparameters',
        'holdoutids',
        'gateids',
        'experimentids',
        'layerids',
        'launchedgroupid',
        'conditions',
        'isarchived',
        'archived',
        'targetapps',
        'targetappids',
        'count',  # of the IDs in a segment
        'inlinetargetingrulesjson',
        'layerid',
        'parametervaluesjson',
        'disabled',
        'isdisabled',
        'isstarted',
        'secondaryidtype',
    }
)


def environments_touched(changes: Mapping[str, JSON] | None, everywhere: bool = True) -> tuple[str, ...]:
    """Each environment in which this change makes a difference, in the order they are met; at most 20.

    Where a rule gains or loses an environment and nothing else, that one is touched, not those it keeps. What holds in
    every environment (a switch, a default value, a rule for all) gives `all` and `production`: Statsig counts
    traffic without an environment as production. Descriptions, owners, tags and the like touch none.
    Where there is too much to look at all of it, `all` and `production` stand for the rest: better one too many.
    With `everywhere` False only environments named in the change count: a switch that is not of something that users
    get (an integration's, say) touches none.
    """
    found: dict[str, None] = {}
    for name in _named(opened(changes)):
        if name == ALL and not everywhere:
            continue
        found |= dict.fromkeys(EVERYWHERE if name == ALL else filter(None, [clean(name[:200])]))
        if len(found) >= _MAX_NAMED:
            break
    return tuple(found)[:_MAX_NAMED]


def _named(changes: Mapping[str, JSON]) -> Iterator[str]:
    """Each environment touched, as often as it is met; what is too much to be looked at touches all."""
    items = Allowance(MAX_MATCHED)
    touched = (
        name
        for field, before, after in differing_fields(changes)
        for name in _touched(field.replace('_', '').lower(), before, after, items)
    )
    yield from islice(touched, _MAX_LOOKED_AT)
    if len(changes) > MAX_EXAMINED or any(True for _ in touched):
        yield ALL


def _touched(field: str, before: JSON, after: JSON, items: Allowance) -> Iterator[str]:
    if are_items(before, after):
        yield from _touched_by_items(field, before, after, items)
    elif 'environment' in field:
        yield from _only_on_one_side(_names(before), _names(after))
    elif field.endswith('overrides') and isinstance(before, dict | None) and isinstance(after, dict | None):
        old, new = before or {}, after or {}
        for key in differing_keys(old, new):
            yield from _touched_by_part(old.get(key), new.get(key), items)
    elif field in _EVERYWHERE:
        yield ALL


def _touched_by_part(before: JSON, after: JSON, items: Allowance) -> Iterator[str]:
    if are_items(before, after):
        yield from _touched_by_items('overrides', before, after, items)
    elif (before or None) != (after or None):
        yield ALL


def _touched_by_items(field: str, before: JSON, after: JSON, items: Allowance) -> Iterator[str]:
    confined = 'environment' in field and 'override' not in field
    if not confined and field not in _EVERYWHERE and 'override' not in field:
        return
    matching = match_items(before, after, items)
    if matching.unseen and not confined:
        yield ALL
    for pair in matching.differing():
        if confined:
            yield from (_name(item) for item in (pair.after or pair.before,) if item is not None)
        else:
            yield from _touched_by_rule(pair)
    if matching.moved and field == 'rules':
        for pair in matching.pairs:
            yield from _of(pair.after)


def _touched_by_rule(pair: Pair) -> Iterator[str]:
    if pair.before is None or pair.after is None:
        yield from _of(pair.after or pair.before)
        return
    rest_before, rest_after = (
        {k: v for k, v in item.items() if k not in _OF_A_RULE} for item in (pair.before, pair.after)
    )
    if same(rest_before, rest_after) and {ALL}.isdisjoint((*_of(pair.before), *_of(pair.after))):
        yield from _only_on_one_side(_of(pair.before), _of(pair.after))
    else:
        yield from (*_of(pair.before), *_of(pair.after))


def _of(item: Mapping[str, JSON] | None) -> tuple[str, ...]:
    """The environments of a rule or an override; without a list it is for all of them."""
    for key in _OF_A_RULE:
        if item is not None and item.get(key) is not None:
            return _names(item[key])
    return (ALL,)


def _only_on_one_side(before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[str]:
    in_one = set(before).symmetric_difference(after)
    yield from (name for name in (*before, *after) if name in in_one)


def _names(value: JSON) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part.strip() for part in value[:2000].split(',') if part.strip())
    if isinstance(value, dict):
        return tuple(str(key) for key in islice(value, 50) if value[key] is not False)
    items = value[:50] if isinstance(value, list) else []
    return tuple(filter(None, (_name(item) for item in items)))


def _name(item: JSON) -> str:
    name = item.get('name', item.get('environment')) if isinstance(item, dict) else item
    return name if isinstance(name, str) else ''


_UPKEEP_WORDS = frozenset(
    {'description', 'tag', 'tags', 'owner', 'owners', 'team', 'review', 'reviewer', 'reviewers', 'links', 'hypothesis'}
    | {'modified', 'modifier', 'monitoring'}
)
_UPKEEP_FIELDS = frozenset(
    {'name', 'displayname', 'version', 'type', 'typereason', 'ispermanent', 'checksperhour', 'measuremetriclifts'}
)


def is_only_upkeep(changes: Mapping[str, JSON] | None) -> bool:
    """Whether all that differs is descriptions, owners, tags and the like; False where nothing differs."""
    fields = [field for field, _, _ in differing_fields(changes)]
    return bool(fields) and all(map(_is_upkeep, fields))


def _is_upkeep(field: str) -> bool:
    return field.replace('_', '').lower() in _UPKEEP_FIELDS or not _UPKEEP_WORDS.isdisjoint(
        label_of(field).lower().split()
    )
