"""Work on an entry is bounded, or grows no faster than the entry: counted in calls of functions, not in time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from bench.shapes import made
from statsig.console.records import AuditEntry
from statsig.datadog.change_event import change_event_of
from statsig.datadog.changes import describe
from statsig.datadog.event import event_of
from statsig.datadog.log import log_of
from statsig.datadog.notice import notice_of
from statsig.datadog.redaction import redaction_of
from statsig.datadog.values import MAX_SENT
from tests.datadog.entries import NOW, changed, rule


def calls(changes: Any) -> int:
    """Functions called, those written in C too, to make an event, a change event and a log of such changes."""
    entry = AuditEntry('1', 'checkout_v2', 'gate_update', NOW - 60, changes=changes, author='Jane Doe')
    number = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal number
        number += event in ('call', 'c_call')

    sys.setprofile(count)
    try:
        notice = notice_of(entry, project='acme', now=NOW, hide_author=True)
        event_of(notice), change_event_of(notice), log_of(notice)
    finally:
        sys.setprofile(None)
    return number


def conditions(number: int) -> Any:
    def answers(side: int) -> list[Any]:
        return [{'type': 'user_id', 'operator': 'any', 'targetValue': [f'{n}/{side}']} for n in range(number)]

    return {'rules': changed([rule(conditions=answers(0))], [rule(conditions=answers(1))])}


def overrides(number: int) -> Any:
    def items(side: int) -> Any:
        return {f'k{n}': [{'environment': f'e{each}', 'ids': [side]} for each in range(20)] for n in range(number)}

    return {'overrides': changed(items(0), items(1))}


def rules(number: int) -> Any:
    sides = (
        [rule(f'r{n}', f'r{n}', environments=[f'e{e}' for e in range(s, 50 + s)]) for n in range(number)]
        for s in (0, 1)
    )
    return {'rules': changed(*sides)}


def nameless(number: int) -> Any:
    return {'criteria': changed(*([{'values': [n, side]} for n in range(number)] for side in (0, 1)))}


def people(number: int) -> Any:
    texts = {f'text{n}': changed('', f'owner{n} ' * 200) for n in range(20)}
    return {'owners': changed([], [{'ownerName': f'Owner{n} Name'} for n in range(number)]), **texts}


def texts_of_json(number: int) -> Any:
    return {f'f{n}': changed('[' + '[],' * 2_000 + '0', '[' + '[],' * 2_000 + '1') for n in range(number)}


@pytest.mark.parametrize('changes', [conditions, overrides, rules, nameless, people, texts_of_json])
def test_twice_as_much_takes_at_most_twice_the_work(changes: Callable[[int], Any]) -> None:
    assert calls(changes(100)) <= 2.2 * calls(changes(50))


@pytest.mark.parametrize(
    ('shape', 'most'),
    [
        ('400 rules in 100 environments', 450_000),
        ('overrides of 500 keys of 40 items in another order', 310_000),
        ('overrides of 600 keys of 20 items', 310_000),
        ('overrides of 1,000 keys in one environment', 310_000),
        ('500 fields of 40 items in another order', 310_000),
        ('60 rules of 30 such conditions', 310_000),
        ('60 rules of 8 values that look like secrets', 90_000),
        ('60 values of 20 long texts', 100_000),
        ('60 rules of 8 values of 60 texts', 250_000),
        ('200 schedules', 250_000),
        ('owners in lists of lists', 50_000),
        ('such text within 60 rules', 200_000),
    ],
)
def test_a_megabyte_takes_a_bounded_number_of_calls(shape: str, most: int) -> None:
    changes, size = made(shape)

    assert size > 200_000
    assert calls(changes) < most


def test_what_neither_log_nor_event_has_room_for_is_counted_and_not_told() -> None:
    names = [f'{letter}{"x" * 60}' for letter in 'abcdefgh']
    rules = [rule(f'r{n}', f'r{n}', environments=[]) for n in range(60)]
    changes = {'rules': changed(rules, [{**each, 'environments': names} for each in rules])}

    description = describe(changes)

    texts = [change.text for change in description.changes]
    assert all(name in texts[-1] for name in names)
    assert sum(map(len, texts[:-1])) < MAX_SENT <= sum(map(len, texts))
    assert description.left_out.changes == 60 - len(texts) > 0


def test_of_what_is_sent_as_structure_each_part_that_is_seen_holds_what_differs_and_nothing_else() -> None:
    def answers(side: int) -> list[Any]:
        return [{'type': 'user_id', 'operator': 'any', 'targetValue': ['same', f'{n}/{side}']} for n in range(25)]

    (change,) = describe({'rules': changed([rule(conditions=answers(0))], [rule(conditions=answers(1))])}).changes

    *seen, rest = change.after['conditions']
    assert [each['targetValue'] for each in seen] == [[f'{n}/1'] for n in range(20)]
    assert rest == '… 5 more'


def test_of_an_object_too_each_key_that_is_seen_holds_what_differs_and_nothing_else() -> None:
    before, after = ({f'k{n:02}': ['same', f'{n}/{side}'] for n in range(25)} for side in (0, 1))

    (change,) = describe({'defaultValue': changed(before, after)}).changes

    *seen, (_, rest) = change.after.items()
    assert seen == [(f'k{n:02}', [f'{n}/1']) for n in range(20)]
    assert rest == '5 more'


def owner_and_rules(number: int) -> Any:
    return {'owner': changed(None, 'Jane Doe'), 'rules': changed([], [{'a': 1} for _ in range(number)])}


def test_people_are_looked_for_in_a_bounded_part_and_beyond_it_all_text_is_hidden() -> None:
    within, beyond = (redaction_of(owner_and_rules(number), people=True) for number in (20_000, 60_000))

    assert within.start_of('by jane doe, on Friday', 100) == 'by (hidden), on Friday'
    assert beyond.start_of('on Friday', 100) == '(hidden)'


@pytest.mark.parametrize(('number', 'shown'), [(500, 'on (hidden)'), (3_000, '(hidden)')])
def test_among_too_many_people_all_text_is_hidden(number: int, shown: str) -> None:
    words = [''.join(letters) for letters in product('bcdfghjk', repeat=4)]
    people = [f'{word}son {word}berg' for word in words[:number]]

    assert redaction_of({'reviewers': people}, people=True).start_of('on bbbcson bbbcberg', 100) == shown


@pytest.mark.parametrize(('number', 'hidden'), [(12, 12), (13, 1)])
def test_a_text_with_very_many_known_names_is_hidden_whole(number: int, hidden: int) -> None:
    names = [f'{letter * 4}son {letter * 3}berg' for letter in 'bcdfghjklmnpq'[:number]]
    redaction = redaction_of({'reviewers': names}, people=True)

    assert redaction.start_of(', '.join(names), 1000) == ', '.join(['(hidden)'] * hidden)


def test_text_of_json_that_is_too_much_to_be_read_is_hidden_where_people_are() -> None:
    text = '{"ownerName": "Joe Roe", "a": [' + '[],' * 100_000 + '0]}'
    entry = AuditEntry('1', 'x', 'gate_update', NOW - 60, changes={'config': changed('', text)})

    shown, hidden = (event_of(notice_of(entry, project='acme', now=NOW, hide_author=hide)) for hide in (False, True))

    assert 'Joe Roe' in shown.text
    assert 'Joe Roe' not in repr(hidden)
    assert 'config: "" → "(hidden)"' in hidden.text
