"""Entries of a megabyte, each of a shape that is hard on something: `changes`, as they come out of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

Changes = dict[str, Any]
AUTHOR = 'Jane Doe'


def made(shape: str) -> tuple[Changes, int]:
    """The changes, and how many bytes they are as JSON. Read from JSON, as the check does: no two values are the same
    object, which would make comparing them cheap."""
    text = json.dumps(SHAPES[shape]())
    return json.loads(text), len(text)


def _field(name: str, value: Callable[[int], Any]) -> Changes:
    """One field; `value` makes what it held before (0) and what it holds now (1)."""
    return {name: {'old': value(0), 'new': value(1)}}


def _fields(number: int, name: str, value: Callable[[int, int], Any]) -> Changes:
    """`number` fields; `value` makes one from its number and the side."""
    return {f'{name}{each}': {'old': value(each, 0), 'new': value(each, 1)} for each in range(number)}


def _rules(number: int, rule: Callable[[int, int], Mapping[str, Any]]) -> Changes:
    """A list of `number` rules, each with an id and a name."""

    def rules(side: int) -> list[Any]:
        return [{'id': f'rule{each}', 'name': f'rule {each}', **rule(each, side)} for each in range(number)]

    return _field('rules', rules)


def _rule(share: int) -> Mapping[str, Any]:
    return {
        'passPercentage': share,
        'conditions': [{'type': 'country', 'operator': 'any', 'targetValue': ['DE', 'FR']}],
        'environments': ['production'],
    }


def _reordered_rules() -> Changes:
    (change,) = _rules(2600, lambda each, side: _rule(10)).values()
    return {'rules': {'old': change['old'], 'new': change['new'][::-1]}}


def _as_json(keys: int, side: int) -> str:
    return json.dumps({f'k{key}': key + side for key in range(keys)})


def _deep(levels: int, side: int) -> Any:
    value: Any = side
    for _ in range(levels):
        value = {'a': [value], 'b': 'x' * 920}
    return value


def _tree(breadth: int, levels: int, leaf: Any) -> Any:
    return {f'k{key}': _tree(breadth, levels - 1, leaf) for key in range(breadth)} if levels else leaf


def _condition(number: int, side: int, length: int, **more: Any) -> Mapping[str, Any]:
    """One that asks what all ask, with an answer that differs in the last of its values only."""
    return {'type': 'user_id', 'operator': 'any', 'targetValue': [*map(str, range(length)), f'{number}/{side}'], **more}


def _addresses(characters: int, side: int) -> str:
    return ('someone.else@example.com, ' * characters)[: characters - 1] + str(side)


def _people(number: int, name: Callable[[int], str]) -> Changes:
    return {'owners': {'old': [], 'new': [{'ownerName': name(each)} for each in range(number)]}}


def _alike_texts(number: int, characters: int) -> Changes:
    return _fields(
        number, 'text', lambda each, side: f'{each} {side} ' + 'Lorem ipsum dolor sit amet ' * (characters // 27)
    )


SHAPES: Mapping[str, Callable[[], Changes]] = {
    # Large in one thing.
    'one text of 500,000 characters': lambda: _field('defaultValue', lambda side: 'x' * 500_000 + str(side)),
    'a value 530 levels deep': lambda: _field('defaultValue', lambda side: _deep(530, side)),
    'a value of 40,000 numbers': lambda: _field('defaultValue', lambda side: _tree(200, 2, side)),
    '30,000 user IDs, one other': lambda: _field(
        'ids', lambda side: [f'user-{each + side:07}' for each in range(30_000)]
    ),
    '150,000 empty objects, one other': lambda: _field('items', lambda side: [{}] * 150_000 + [{'a': side}] + [{}] * 9),
    '150,000 numbers, one other': lambda: _field('defaultValue', lambda side: {'a': [1] * 150_000 + [side] + [1] * 9}),
    '100,000 empty lists in a value': lambda: _field('defaultValue', lambda side: {'a': [[]] * 100_000 + [[side]]}),
    # Many fields.
    '20,000 fields': lambda: _fields(20_000, 'defaultValue', lambda each, side: side),
    '1,000 fields of 200 items': lambda: _fields(1000, 'rules', lambda each, side: [{}] * 60 + [{'version': side}]),
    '500 fields of 15 items known by their names': lambda: _fields(
        500, 'k', lambda each, side: [{'title': f'{item}', 'v': side} for item in range(15)]
    ),
    '45,000 keys of a value, one other': lambda: _field(
        'defaultValue', lambda side: {f'{key}': side * (key == 40_000) for key in range(45_000)}
    ),
    '35,000 keys of a value, all others': lambda: _field(
        'defaultValue', lambda side: {f'{key}{side}': 0.5 for key in range(35_000)}
    ),
    # Rules.
    '2,600 rules, all changed': lambda: _rules(2600, lambda each, side: _rule(10 + side)),
    '2,600 rules, one changed': lambda: _rules(2600, lambda each, side: _rule(10 + side * (each == 1300))),
    '2,600 rules, in another order': _reordered_rules,
    '400 rules in 100 environments': lambda: _rules(
        400, lambda each, side: {'environments': [f'environment-{name}' for name in range(side, 100 + side)]}
    ),
    '400 rules in the same 50 environments': lambda: _rules(
        400, lambda each, side: {'environments': [f'{name:018}' for name in range(50)], 'passPercentage': side}
    ),
    '400 rules in which nothing is told': lambda: _rules(
        400, lambda each, side: {'version': side, **{f'k{key}': key for key in range(100)}}
    ),
    '60 rules of 8 values of 340 numbers': lambda: _rules(
        60, lambda each, side: {f'k{key}': {str(side): [1] * 340} for key in range(8)}
    ),
    '60 rules of 8 values of 60 texts': lambda: _rules(
        60, lambda each, side: {f'k{key}': {str(side): ['x y z w'] * 90} for key in range(8)}
    ),
    '60 rules of 500 parts': lambda: _rules(60, lambda each, side: _tree(20, 2, 1) | {'z': side}),
    # Conditions.
    '200 conditions, alike but for the last value': lambda: _rules(
        1, lambda _, side: {'conditions': [_condition(each, side, 300) for each in range(200)]}
    ),
    '60 rules of 30 such conditions': lambda: _rules(
        60, lambda _, side: {'conditions': [_condition(each, side, 20) for each in range(30)]}
    ),
    '200 conditions with a long operator': lambda: _rules(
        1,
        lambda _, side: {
            'conditions': [
                {'type': 'x', 'operator': 'y' * 2000 + f'{each}', 'targetValue': side} for each in range(200)
            ]
        },
    ),
    '200 conditions with an operator of many parts': lambda: _rules(
        1,
        lambda _, side: {
            'conditions': [{'type': 'x', 'operator': [[1] * 700, each], 'targetValue': side} for each in range(200)]
        },
    ),
    'conditions in text of JSON': lambda: _rules(
        1, lambda _, side: {'conditionJSON': json.dumps([_condition(each, side, 20) for each in range(200)])}
    ),
    # Items without an id.
    '100 items without a name, alike but for the last': lambda: _field(
        'criteria', lambda side: [{'values': [*range(1000), f'{each}/{side}']} for each in range(100)]
    ),
    '400 items that share a name': lambda: _field(
        'rules', lambda side: [{'name': 'x', 'values': [*range(250), f'{each}/{side}']} for each in range(400)]
    ),
    # Overrides.
    'overrides of 600 keys of 20 items': lambda: _field(
        'overrides',
        lambda side: {
            f'k{key}': [{'environment': f'e{each}', 'ids': [side]} for each in range(20)] for key in range(600)
        },
    ),
    'overrides of 1,000 keys in one environment': lambda: _field(
        'overrides',
        lambda side: {f'k{key}': [{'environment': 'qa', 'ids': [side]}] * 12 for key in range(1000)},
    ),
    # Text of JSON.
    '500,000 characters of JSON as text': lambda: _field('defaultValue', lambda side: _as_json(33_000, side)),
    'the same in 3 fields': lambda: _fields(3, 'defaultValue', lambda each, side: _as_json(11_000, side)),
    'the same in 100 fields': lambda: _fields(100, 'defaultValue', lambda each, side: _as_json(360, side)),
    'text that is JSON but for its end': lambda: _fields(
        2, 'defaultValue', lambda each, side: '[' + '[],' * 80_000 + f'{side}'
    ),
    'such text within 60 rules': lambda: _rules(
        60, lambda each, side: {f'k{key}': '[' + '[],' * 300 + f'{side}' for key in range(9)}
    ),
    'such text within text within text': lambda: _field(
        'defaultValue', lambda side: {'a': json.dumps({'b': json.dumps({'c': '[' + '[],' * 60_000 + f'{side}'})})}
    ),
    'lists as text of JSON': lambda: _fields(4, 'defaultValue', lambda each, side: '[' + '[],' * 40_000 + f'{side}]'),
    # People to be hidden.
    '60 texts of 8,000 characters': lambda: _alike_texts(60, 8000),
    '60 texts of 8,000 characters, full of addresses': lambda: _fields(
        60, 'text', lambda each, side: _addresses(8000, side)
    ),
    '60 such texts, and 60 owners': lambda: _people(60, lambda each: f'Owner{each} Name') | _alike_texts(60, 8000),
    '60 texts of one-letter words, and owners of such names': lambda: (
        _people(40, lambda each: 'a ' * (20 + each) + 'b')
        | _fields(60, 'text', lambda each, side: 'a ' * 4000 + str(side))
    ),
    '60 texts full of owners': lambda: (
        _people(40, lambda each: f'Owner{each} Name')
        | _fields(60, 'text', lambda each, side: ' '.join(f'owner{word % 40} name' for word in range(600)) + f' {side}')
    ),
    '200 owners with names of 320 characters': lambda: (
        _people(200, lambda each: f'{each} ' * 100) | _alike_texts(60, 7000)
    ),
    '2,600 rules with owners': lambda: _rules(
        2600, lambda each, side: {**_rule(10 + side), 'owner': {'ownerName': f'Owner{each % 90} Name'}}
    ),
    '60 rules of 8 values that look like secrets': lambda: _rules(
        60, lambda each, side: {f'k{key}': f'key token pass {side} ' * 50 for key in range(8)}
    ),
    '200 secrets and 60 texts': lambda: (
        _fields(200, 'apiKey', lambda each, side: f'{each}{side}Zx9' * 8) | _alike_texts(60, 7000)
    ),
    '20,000 owners': lambda: _people(20_000, lambda each: f'Owner{each} Name'),
    '60 values of 500 texts': lambda: _fields(60, 'defaultValue', lambda each, side: [[f'a text of {side}'] * 20] * 20),
    '60 values of 20 long texts': lambda: _fields(60, 'k', lambda each, side: [[f'{side}', 'x y ' * 100]] * 20),
    # Signs that take work to make safe.
    '60 texts of signs that nobody can print': lambda: _fields(
        60, 'text', lambda each, side: '\u202e ' * 1000 + f'{side}'
    ),
    '60 texts of Markdown': lambda: _fields(60, 'text', lambda each, side: '*_`%%%@[<' * 900 + f'{side}'),
    '1,000 keys of 500 characters': lambda: _field(
        'defaultValue', lambda side: {f'{key} ' * 250: side for key in range(400)}
    ),
    '60 rules of 8 values of Markdown': lambda: _rules(
        60, lambda each, side: {f'k{key}': f'{side}*_`%%%@[<' * 90 for key in range(8)}
    ),
    '60 texts that are not ASCII': lambda: (
        _people(20, lambda each: f'Ünal{each} Ğüç') | _fields(60, 'text', lambda each, side: 'ßİ語 é' * 350 + f'{side}')
    ),
    '400 rules of keys that no other has': lambda: _rules(
        400, lambda each, side: {f'someField{each}_{key}': side for key in range(40)}
    ),
    '60 added rules of 100 fields': lambda: {
        'rules': {'old': [], 'new': [{f'someField{each}_{key}': [1] * 50 for key in range(100)} for each in range(60)]}
    },
    'overrides of 500 keys of 40 items in another order': lambda: _field(
        'overrides',
        lambda side: {f'k{key}': [{'name': f'{each}'} for each in range(40)][:: 1 - 2 * side] for key in range(500)},
    ),
    '500 fields of 40 items in another order': lambda: _fields(
        500, 'k', lambda each, side: [{'name': f'{item}'} for item in range(40)][:: 1 - 2 * side]
    ),
    '500 fields of 60 items without a name': lambda: _fields(500, 'k', lambda each, side: [{'a': side}] * 60),
    'owners in lists of lists': lambda: _field('owners', lambda side: _lists(8, 6, side)),
    'an owner 900 lists deep': lambda: _field('owners', lambda side: _nested(900, side)),
    'JSON in 60 rules': lambda: _rules(60, lambda each, side: {'returnValueJSON': _as_json(500, side)}),
    'JSON of lists in lists': lambda: _fields(
        2, 'defaultValue', lambda each, side: '[' + '[[[[[[[[]]]]]]]],' * 6000 + f'{side}]'
    ),
    '200 schedules': lambda: _rules(
        200, lambda each, side: {'rollouts': [{'time': 1.7e9 + step, 'passPercent': side} for step in range(50)]}
    ),
    'one other value 5 levels down': lambda: _field(
        'defaultValue', lambda side: {'a': {'a': {'a': {'a': [[1.5] * 100_000, side]}}}}
    ),
}


def _lists(breadth: int, levels: int, leaf: Any) -> Any:
    return [_lists(breadth, levels - 1, leaf) for _ in range(breadth)] if levels else leaf


def _nested(levels: int, leaf: Any) -> Any:
    value = leaf
    for _ in range(levels):
        value = [value]
    return value
