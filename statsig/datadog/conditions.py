"""Conditions of a rule in words: `email contains any of @example.com`.

Two forms exist. The public one has names: {type, operator, targetValue, field, customID}. The audit log's own has
numbers, {conditionType, operator, value, field, extraConfig}, whose meaning Statsig has not published: those are shown
as the numbers they are rather than guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from statsig.datadog.matching import without_common
from statsig.datadog.values import JSON, Words, are_scalars, fingerprint

OPERATORS = {
    'any': 'is any of',
    'none': 'is none of',
    'any_case_sensitive': 'is exactly any of',
    'none_case_sensitive': 'is exactly none of',
    'str_contains_any': 'contains any of',
    'str_contains_none': 'contains none of',
    'str_starts_with_any': 'starts with any of',
    'str_ends_with_any': 'ends with any of',
    'str_matches': 'matches',
    'array_contains_any': 'has any of',
    'array_contains_none': 'has none of',
    'array_contains_all': 'has all of',
    'not_array_contains_all': 'has not all of',
    'in_segment_list': 'is in the segment',
    'not_in_segment_list': 'is not in the segment',
    'gt': '>',
    'gte': '≥',
    'lt': '<',
    'lte': '≤',
    'eq': 'is',
    'neq': 'is not',
    'version_gt': '>',
    'version_gte': '≥',
    'version_lt': '<',
    'version_lte': '≤',
    'version_eq': 'is',
    'version_neq': 'is not',
    'before': 'is before',
    'after': 'is after',
    'on': 'is on',
    'is_null': 'is not set',
    'non_null': 'is set',
    'is_not_null': 'is set',
    'is_true': 'is true',
    'is_false': 'is false',
}
SUBJECTS = {
    'user_id': 'user ID',
    'app_version': 'app version',
    'browser_name': 'browser',
    'browser_version': 'browser version',
    'os_name': 'OS',
    'os_version': 'OS version',
    'ip_address': 'IP address',
    'device_model': 'device model',
    'environment_tier': 'environment',
    'target_app': 'target app',
    'url': 'URL',
    'javascript': 'JavaScript',
}
_WHOLE = {
    'passes_gate': 'user passes the gate',
    'fails_gate': 'user fails the gate',
    'passes_segment': 'user is in the segment',
    'fails_segment': 'user is not in the segment',
}
_NEEDS_NO_VALUE = frozenset({'is_null', 'non_null', 'is_not_null', 'is_true', 'is_false'})


def describe_condition(condition: JSON, words: Words) -> str:
    """One condition in words, whichever form it has; anything else as the JSON it is."""
    if not isinstance(condition, dict):
        return words.quoted(condition)
    kind = _kind(condition)
    if kind is None:
        return words.quoted(condition)
    asked = _asked(condition, words)
    operator = condition.get('operator')
    if kind in ('public', 'everyone') or (isinstance(operator, str) and operator in _NEEDS_NO_VALUE):
        return asked
    return f'{asked}{"" if isinstance(kind, str) else ":"} {_target(condition, words)}'


def named_condition(condition: JSON, words: Words) -> str:
    """A condition in words that say that it is one: `condition country is any of DE`."""
    text = describe_condition(condition, words)
    return text if text.startswith('condition') else f'condition {text}'


def describe_difference(before: JSON, after: JSON, words: Words) -> str:
    """`condition country is any of: + AT, − FR` where the list alone is another, else the two in full."""
    old, new = _value(before), _value(after)
    if _question(before) != _question(after) or not _is_set(old) or not _is_set(new):
        return f'{named_condition(before, words)} → {describe_condition(after, words)}'
    came, gone = set(new).difference(old), set(old).difference(new)
    if not came and not gone:
        return f'{named_condition(after, words)} (reordered)'
    items = [*((item, '+') for item in new if item in came), *((item, '−') for item in old if item in gone)]
    shown = ', '.join(f'{sign} {words.plain(item)}' for item, sign in items[: words.limits.items])
    more = len(items) - words.limits.items
    asked = _asked(after, words)
    return f'{"" if asked.startswith("condition") else "condition "}{asked}: {shown}' + (
        f' and {more:,} more' if more > 0 else ''
    )


@dataclass(frozen=True, slots=True)
class Conditions:
    """What became of a rule's conditions: which turned into which, which came, which went."""

    changed: tuple[tuple[JSON, JSON], ...]
    added: tuple[JSON, ...]
    removed: tuple[JSON, ...]


def compare_conditions(before: Sequence[JSON], after: Sequence[JSON]) -> Conditions:
    """One turned into another where it asks the same with another answer, or is the only one that went, and the other
    the only one that came. Order aside; each is looked at a fixed number of times."""
    removed, added = without_common(before, after)
    waiting: dict[bytes | int, list[JSON]] = {}
    for item in reversed(removed):
        waiting.setdefault(_question(item), []).append(item)
    changed = [(old.pop(), item) for item in added if (old := waiting.get(_question(item)))]
    if not changed and len(removed) == len(added) == 1:
        changed = [(removed[0], added[0])]
    old_ones, new_ones = ({id(item) for item in side} for side in (zip(*changed, strict=True) if changed else ((), ())))
    return Conditions(
        tuple(changed),
        tuple(item for item in added if id(item) not in new_ones),
        tuple(item for item in removed if id(item) not in old_ones),
    )


def _question(condition: JSON) -> bytes | int:
    """What a condition asks, the answer aside."""
    if not isinstance(condition, dict):
        return b''
    get = condition.get
    return fingerprint([_kind(condition), get('operator'), get('field'), get('customID')])


def _kind(condition: Mapping[str, JSON]) -> JSON:
    return condition.get('type', condition.get('conditionType'))


def _value(condition: JSON) -> JSON:
    return condition.get('targetValue', condition.get('value')) if isinstance(condition, dict) else None


def _is_set(value: JSON) -> bool:
    return isinstance(value, list) and len(value) > 0 and are_scalars(value) and len(set(value)) == len(value)


def _asked(condition: Mapping[str, JSON], words: Words) -> str:
    """A condition without the values that it is met by: `country is any of`."""
    kind, operator = _kind(condition), condition.get('operator')
    if not isinstance(kind, str):
        subject = _numbered_subject(condition, kind, words)
        return subject if operator is None else f'{subject} {_operator(operator, words)}'
    if kind in ('public', 'everyone'):
        return 'everyone'
    if kind in _WHOLE:
        return _WHOLE[kind]
    return f'{_subject(condition, kind, words)} {_operator(operator, words)}'


def _subject(condition: Mapping[str, JSON], kind: str, words: Words) -> str:
    own = condition.get('customID') if kind == 'unit_id' else condition.get('field')
    if kind in ('custom_field', 'unit_id') and isinstance(own, str) and own:
        return words.name(own)
    return SUBJECTS.get(kind) or words.name(kind.replace('_', ' '))


def _numbered_subject(condition: Mapping[str, JSON], kind: JSON, words: Words) -> str:
    subject, field = f'condition type {words.quoted(kind)}', condition.get('field')
    return f'{words.name(field)} ({subject})' if isinstance(field, str) and field else subject


def _operator(operator: JSON, words: Words) -> str:
    if operator is None:
        return 'is'
    if isinstance(operator, str):
        return OPERATORS.get(operator) or words.name(operator.replace('_', ' '))
    return f'operator {words.quoted(operator)}'


def _target(condition: Mapping[str, JSON], words: Words) -> str:
    value = _value(condition)
    if isinstance(value, list) and are_scalars(value[: words.limits.items]):
        return words.listed(value) if value else 'nothing'
    return words.time(value) if _kind(condition) == 'time' else words.plain(value)
