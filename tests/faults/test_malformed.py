"""Entries that cannot be read, and strange ones that can: neither costs the others anything."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from statsig.sandbox.audit_log import printed_time
from tests.faults.world import MINUTE, Scenario, World


def among_good_ones(insert: Callable[[World], int], world: World) -> None:
    """`insert` gives the number of entries that cannot be read."""
    world.insert(70, ago=5 * MINUTE)
    malformed = insert(world)
    world.insert(70)
    world.run()
    world.insert(3)
    world.run()
    world.restart()
    world.insert(3)
    world.run()
    assert world.skipped['reason:malformed'] == malformed, 'each is skipped once, and counted once'


def malformed_only(world: World) -> None:
    for number in range(150):
        world.insert_malformed({'id': f'malformed-{number}'})
    world.run(2)
    world.restart()
    world.insert(2)
    world.run()
    assert world.skipped['reason:malformed'] == 150


def without_a_field(world: World) -> int:
    whole = sample_entry()
    required = ('id', 'date', 'time', 'actionType', 'name')
    for number, field in enumerate(required):
        value = {**whole, 'id': f'without {field}', 'changeLog': str(number)}
        del value[field]
        world.insert_malformed(value, ago=MINUTE)
    return len(required)


def with_nulls(world: World) -> int:
    required = ('id', 'date', 'time', 'actionType', 'name')
    for field in required:
        world.insert_malformed({**sample_entry(), 'id': f'null {field}', field: None}, ago=MINUTE)
    world.insert_malformed(None, ago=MINUTE)
    return len(required) + 1


def with_wrong_types(world: World) -> int:
    wrong: list[dict[str, Any]] = [
        {'id': {}},
        {'id': ['a']},
        {'id': True},
        {'id': ''},
        {'id': ' '},
        {'date': 20260926},
        {'date': 'yesterday'},
        {'date': 'Mon Feb 31 2022'},
        {'date': 'Mon Sep 26 0000'},
        {'time': 7},
        {'time': '25:61:00 GMT+0000'},
        {'time': ['23:46:14']},
        {'actionType': []},
        {'actionType': ''},
        {'name': {'a': 1}},
    ]
    for number, fields in enumerate(wrong):
        world.insert_malformed({**sample_entry(), 'id': f'wrong {number}', **fields}, ago=MINUTE)
    others: tuple[Any, ...] = ('text', 7, 1.5, True, [], [None], {})
    for value in others:
        world.insert_malformed(value, ago=MINUTE)
    return len(wrong) + len(others)


def odd_but_readable(world: World) -> int:
    """Whatever the rest looks like: with a readable id, date, time, action and name, an entry is delivered."""
    rest = ('changeLog', 'updatedBy', 'updatedByUserID', 'modifierEmail', 'changes', 'tags', 'targetAppIDs')
    values: tuple[Any, ...] = (
        None,
        7,
        -1.5e308,
        True,
        [],
        {},
        [None, 7, {}, ['a']],
        {'a': None},
        {'': {'new': 7}},
        'text',
        '',
    )
    odd = [{field: value} for field in rest for value in values]
    odd_rules: tuple[Any, ...] = ({'old': 1, 'new': []}, {'old': [None], 'new': [[[]]]}, 'x', [])
    odd += [{'changes': {'rules': rules}} for rules in odd_rules]
    odd += [{'name': ''}, {'name': 7}, {'actionType': 'an_action_that_nobody_knows'}, {'actionType': 7}]
    for number, fields in enumerate(odd):
        world.insert_as_it_is({**sample_entry(), 'id': f'odd {number}', **fields}, ago=MINUTE)
    for field in rest:
        entry = {**sample_entry(), 'id': f'without {field}'}
        entry.pop(field, None)
        world.insert_as_it_is(entry, ago=MINUTE)
    for entry_id in ('7', 'an id with spaces', 'ïd–✓', '../../etc', 'x' * 100):
        world.insert_as_it_is({**sample_entry(), 'id': entry_id}, ago=MINUTE)
    return 0


def a_megabyte(world: World) -> int:
    big = 'x' * 1_000_000
    rules = [{'id': str(number), 'name': f'rule {number}', 'passPercentage': number} for number in range(10_000)]
    deep: Any = 'x'
    for _ in range(200):
        deep = {'inner': [deep]}
    world.insert(ago=MINUTE, changes={'value': {'old': 'small', 'new': big}})
    world.insert(ago=MINUTE, changes={'rules': {'old': rules, 'new': rules[::-1]}})
    world.insert(ago=MINUTE, changes={f'field {number}': {'old': 1, 'new': 2} for number in range(20_000)})
    world.insert(ago=MINUTE, changes={'value': {'old': None, 'new': deep}})
    world.insert(ago=MINUTE, change_log=big)
    world.insert(ago=MINUTE, change_log='a\n' * 500_000)
    world.insert(ago=MINUTE, name=big)
    world.insert(ago=MINUTE, action='a' * 10_000)
    world.insert(ago=MINUTE, tags=[f'tag {number}' for number in range(50_000)])
    return 0


ODD_TEXTS = (
    'line\nbreak',
    '\r\n\t\v\f  ',
    '\x00',
    'nul\x00 in it',
    '\x1b[31mred\x1b[0m',
    '🚦🧪' * 40,
    'ﷺ' * 200,
    'e\u0301' * 300,
    '\u202eright to left',
    '\ufeff\u200b\u200d\u2028\u2029\x85',
    '\ud83d',
    'half \ud83d of a pair',
    '\udea6\ud83d',
    '\U0010ffff\ufffe\uffff',
    '%%% **bold** [link](javascript:1) <script>alert(1)</script> @all {{#is_alert}}',
    '"\\"\'`$(true)${x}',
    'a,b|c:d#e;f=g',
)


def odd_text(world: World) -> int:
    for text in ODD_TEXTS:
        world.insert(ago=MINUTE, name=text or 'x')
        world.insert(ago=MINUTE, change_log=text)
        world.insert(ago=MINUTE, action=text if text.strip() else 'x')
        world.insert(ago=MINUTE, tags=[text], target_apps=[text])
        world.insert(ago=MINUTE, changes={text: {'old': text, 'new': [text, {text: text}]}})
        world.insert(ago=MINUTE, updatedBy=text, modifierEmail=text, updatedByUserID=text)
    return 0


def sample_entry() -> dict[str, Any]:
    at = printed_time(time.time() - MINUTE)
    return {'id': 'an-id', 'name': 'checkout_v2', 'actionType': 'gate_update', **at, 'changeLog': '', 'changes': {}}


SCENARIOS = [
    *(
        Scenario(f'among good entries: {name}', partial(among_good_ones, insert), says='could not be read')
        for name, insert in (
            ('without a field', without_a_field),
            ('nulls', with_nulls),
            ('wrong types', with_wrong_types),
        )
    ),
    *(
        Scenario(f'among good entries: {name}', partial(among_good_ones, insert))
        for name, insert in (
            ('odd but readable', odd_but_readable),
            ('a change of 1 MB', a_megabyte),
            ('odd Unicode, newlines', odd_text),
        )
    ),
    Scenario('nothing but malformed entries', malformed_only, says='could not be read'),
]


@pytest.mark.parametrize('scenario', SCENARIOS, ids=str)
def test_every_entry_is_delivered_once(scenario: Scenario, play: Callable[[Scenario], None]) -> None:
    play(scenario)
