"""Conditions of a rule in words: `email contains any of @example.com`.

Two forms exist. The public one has names: {type, operator, targetValue, field, customID}. The audit log's own has
numbers, {conditionType, operator, value, field, extraConfig}, whose meaning Statsig has not published: those are shown
as the numbers they are rather than guessed.
"""

from __future__ import annotations

from collections.abc import Mapping

from statsig.datadog.values import JSON, Words, is_scalar

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
    'passes_gate': 'passes the gate',
    'fails_gate': 'fails the gate',
    'passes_segment': 'is in the segment',
    'fails_segment': 'is not in the segment',
}
_NO_VALUE = frozenset({'is_null', 'non_null', 'is_not_null', 'is_true', 'is_false'})


def describe_condition(condition: JSON, words: Words) -> str:
    """One condition in words, whichever form it has; anything else as the JSON it is."""
    if not isinstance(condition, dict):
        return words.quoted(condition)
    kind = condition.get('type', condition.get('conditionType'))
    if not isinstance(kind, str):
        return _numbered(condition, kind, words)
    if kind in ('public', 'everyone'):
        return 'everyone'
    target = _target(condition, words, kind)
    if kind in _WHOLE:
        return f'{_WHOLE[kind]} {target}'
    operator = condition.get('operator')
    subject = _subject(condition, kind, words)
    if isinstance(operator, str) and operator in _NO_VALUE:
        return f'{subject} {OPERATORS[operator]}'
    return f'{subject} {_operator(operator, words)} {target}'


def _subject(condition: Mapping[str, JSON], kind: str, words: Words) -> str:
    own = condition.get('customID') if kind == 'unit_id' else condition.get('field')
    if kind in ('custom_field', 'unit_id') and isinstance(own, str) and own:
        return words.name(own)
    return SUBJECTS.get(kind) or words.name(kind.replace('_', ' '))


def _operator(operator: JSON, words: Words) -> str:
    if operator is None:
        return 'is'
    if isinstance(operator, str):
        return OPERATORS.get(operator) or words.name(operator.replace('_', ' '))
    return f'operator {words.quoted(operator)}'


def _target(condition: Mapping[str, JSON], words: Words, kind: str) -> str:
    value = condition.get('targetValue', condition.get('value'))
    if isinstance(value, list) and all(map(is_scalar, value[: words.limits.items])):
        return words.listed(value) if value else 'nothing'
    return words.time(value) if kind == 'time' else words.plain(value)


def _numbered(condition: Mapping[str, JSON], kind: JSON, words: Words) -> str:
    if kind is None:
        return words.quoted(condition)
    field = condition.get('field')
    subject = f'condition type {words.quoted(kind)}'
    if isinstance(field, str) and field:
        subject = f'{words.name(field)} ({subject})'
    operator = condition.get('operator')
    named = '' if operator is None else f' {_operator(operator, words)}'
    return f'{subject}{named}: {_target(condition, words, "")}'
