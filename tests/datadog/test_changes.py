from __future__ import annotations

import json
from typing import Any

import pytest

from statsig.datadog.changes import Change, LeftOut, Limits, describe, environments_touched
from statsig.datadog.fields import opened
from statsig.datadog.redaction import hide_people
from statsig.datadog.values import MAX_READ
from tests.datadog.entries import changed, rule


def told(field: str, old: Any, new: Any) -> list[str]:
    return [change.text for change in described({field: changed(old, new)})]


def described(changes: Any, **options: Any) -> tuple[Change, ...]:
    return describe(changes, **options).changes


@pytest.mark.parametrize(
    ('field', 'old', 'new', 'text'),
    [
        ('isEnabled', True, False, 'enabled → disabled'),
        ('status', 'In Progress', 'Launched', 'status: In Progress → Launched'),
        ('allocation', 10, 12.5, 'allocation: 10 % → 12.5 %'),
        ('percentagePass', 0, 100, 'pass percentage: 0 % → 100 %'),
        ('tags', ['a', 'b'], ['b', 'c'], 'tags: + c; − a'),
        ('tags', None, ['a'], 'tags: + a'),
        ('tags', ['a', 'b'], ['b', 'a'], 'tags: reordered: b, a'),
        ('owner', {'ownerName': 'Jane'}, {'ownerEmail': 'joe@x.com'}, 'owner: Jane → joe@x.com'),
        ('team', None, 'Growth', 'team: none → Growth'),
        ('defaultValue', {'a': 1, 'b': {'c': 2}}, {'a': 1, 'b': {'c': 3}}, 'default value: b.c 2 → 3'),
        ('defaultValue', {'a': True}, {'a': 'true'}, 'default value: a true → "true"'),
        ('someSwitch', 1, True, 'some switch: 1 → true'),
        ('defaultValueJSON', 'true', 'false', 'default value: true → false'),
        ('defaultValue', None, {'a': [1, 2]}, 'default value: none → {"a": [1, 2]}'),
        ('launchTime', None, 1_795_014_240_000, 'launch time: none → 2026-11-18 15:04 UTC'),
        ('monitoringMetrics', [{'name': 'm1'}], [{'name': 'm1'}, {'name': 'm2'}], 'monitoring metric "m2" added'),
        ('somethingNew', {'x': 1}, [True, 'b'], 'something new: {"x": 1} → true, "b"'),
        ('holdoutIDs', ['h1'], [], 'holdout IDs: − "h1"'),
        ('environments', ['staging'], None, 'environments: staging → all environments'),
        ('description', '', 'New', 'description: none → "New"'),
        ('idType', None, 'userID', 'ID type: none → userID'),
        ('status', 'active', 'decision_made', 'status: active → decision made'),
        ('disabled', False, True, 'enabled → disabled'),
        ('windowMs', 5_400_000, 90_000, 'window: 90 min → 90 s'),
        ('windowMs', None, 86_400_001, 'window: none → 86400001 ms'),
        ('longtermExplorationAllocation', 5, 10, 'longterm exploration allocation: 5 % → 10 %'),
        (
            'schema',
            '{"properties": {"maxSize": 1}}',
            '{"properties": {"maxSize": 2}}',
            'schema: properties.maxSize 1 → 2',
        ),
        ('criteria', [{'op': '='}], [{'op': 'in'}], 'criterion: op "=" → "in"'),
        ('criteria', [{'op': '='}], [{'op': '='}, {'op': 'in'}], 'criterion added: op "in"'),
        ('pendingAutomatedRollouts', [{'time': 1_795_014_240, 'passPercent': 1}], [], 'schedule: left: none'),
    ],
)
def test_a_field_in_words(field: str, old: Any, new: Any, text: str) -> None:
    assert told(field, old, new) == [text]


@pytest.mark.parametrize(
    ('after', 'text'),
    [
        (rule(passPercentage=50), 'rule "beta users": pass 10 % → 50 %'),
        (rule(environments=['development', 'staging', 'production']), 'rule "beta users": + production'),
        (rule(environments=['development']), 'rule "beta users": − staging'),
        (rule(environments=None), 'rule "beta users": development, staging → all environments'),
        (rule('alpha users'), 'rule "alpha users": name "beta users" → "alpha users"'),
        (rule(conditions=[]), 'rule "beta users": − condition everyone'),
        (
            rule(conditions=[{'type': 'public'}, {'type': 'fails_segment', 'targetValue': 'vip'}]),
            'rule "beta users": + condition user is not in the segment vip',
        ),
        (rule(returnValue={'a': 1}), 'rule "beta users": value none → {"a": 1}'),
        (
            rule(pendingAutomatedRollouts=[{'time': 1_795_014_240_000, 'passPercent': 25}]),
            'rule "beta users": schedule none → 25 % at 2026-11-18 15:04 UTC',
        ),
        (rule(salt='b'), 'rule "beta users": salt changed: users are assigned anew'),
        (rule(newThing=1), 'rule "beta users": new thing none → 1'),
        (
            rule(returnValue={'a': 1}, returnValueJson5='{a: 1}', teamID='t', team='Growth'),
            'rule "beta users": value none → {"a": 1}; team none → Growth',
        ),
    ],
)
def test_a_rule_in_words(after: Any, text: str) -> None:
    assert told('rules', [rule()], [after]) == [text]


def test_rules_are_matched_by_id_before_name_and_never_by_place() -> None:
    before = [rule('a', 'r1'), rule('b', 'r2')]
    after = [rule('new', 'r3'), rule('b', 'r1'), rule('a', 'r2')]

    assert told('rules', before, after) == [
        'rule "new" added: pass 10 %; development, staging; everyone',
        'rule "b": name "a" → "b"',
        'rule "a": name "b" → "a"',
    ]


def test_a_rule_whose_id_changed_is_known_by_its_base_id_or_its_name() -> None:
    by_base = (
        {'id': '1:old', 'baseID': '1', 'name': 'x', 'passPercentage': 1},
        {'id': '1:new', 'baseID': '1', 'name': 'y'},
    )
    by_name = ({'id': '2', 'name': 'z', 'passPercentage': 1}, {'id': '3', 'name': 'z', 'passPercentage': 2})

    assert told('rules', [by_base[0], by_name[0]], [by_base[1], by_name[1]]) == [
        'rule "y": pass 1 % → none; name "x" → "y"',
        'rule "z": pass 1 % → 2 %',
    ]


def test_what_did_not_change_is_left_out() -> None:
    assert described({'rules': changed([rule()], [rule()]), 'a': changed(None, None), 'b': changed(1, 1)}) == ()
    assert described({'lastModifiedTime': changed(1, 2), 'version': changed(1, 2)}) == ()
    assert described({}) == described(None) == ()


def test_a_change_keeps_the_values_beside_the_words() -> None:
    (change,) = described({'rules': changed([rule()], [rule(passPercentage=50)])})

    assert (change.field, change.subject) == ('rules', 'rule "beta users"')
    assert (change.before['passPercentage'], change.after['passPercentage']) == (10, 50)


def test_a_long_value_is_cut_and_the_text_says_so() -> None:
    (short,) = told('someText', None, 'x' * 120)
    (long,) = told('someText', None, 'x' * 121)

    assert short == f'some text: none → "{"x" * 120}"'
    assert long == f'some text: none → "{"x" * 119}…" (cut, 121 characters)'


def test_two_long_texts_are_shown_where_they_differ() -> None:
    (text,) = told('someText', 'a' * 1000 + 'old' + 'z' * 500, 'a' * 1000 + 'new' + 'z' * 500)

    assert f'"…{"a" * 20}oldzzz' in text
    assert f'"…{"a" * 20}newzzz' in text
    assert text.endswith('(cut, 1,503 → 1,503 characters)')


def test_more_changes_than_the_limit_are_counted() -> None:
    changes = {f'field{number}': changed(0, 1) for number in range(63)}

    first = dict(list(changes.items())[:60])
    assert describe(first).left_out == LeftOut()
    description = describe(changes)
    assert [change.text for change in description.changes[59:]] == ['field59: 0 → 1']
    assert (description.left_out, str(description.left_out)) == (LeftOut(changes=3), '3 more changes')


def test_more_differences_within_a_rule_than_the_limit_are_counted() -> None:
    old, new = ({f'k{number}': side for number in range(11)} for side in (0, 1))

    (text,) = told('rules', [rule(returnValue=old)], [rule(returnValue=new)])
    assert text.endswith('value k7 0 → 1; 3 more')


def test_a_megabyte_of_rules_is_told_within_the_limits() -> None:
    before = [rule(f'rule {number}', f'r{number}', note='x' * 100) for number in range(4000)]
    after = [each | {'passPercentage': 20} for each in reversed(before)]
    assert len(json.dumps(before)) > 1_000_000

    description = describe({'rules': changed(before, after)})

    assert len(description.changes) == 60
    assert all(len(change.text) <= 600 for change in description.changes)
    assert description.left_out == LeftOut(changes=740, items=3600)


def test_one_rule_changed_amid_thousands_is_found() -> None:
    before = [rule(f'rule {number}', f'r{number}') for number in range(3000)]
    after = [rule('first', 'new'), *before[:2500], before[2500] | {'passPercentage': 20}, *before[2501:]]

    description = describe({'rules': changed(before, after)})
    assert description.changes[0].text.startswith('rule "first" added')
    assert str(description.left_out).endswith('2,102 items not compared')
    assert told('rules', before, after[1:]) == ['rule "rule 2500": pass 10 % → 20 %']


def test_nesting_of_any_depth_is_bounded() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = {'a': [deep]}

    (text,) = told('value', {'x': deep}, {'x': 1})
    assert len(text) < 600


def test_people_are_hidden_in_words_and_values() -> None:
    hide = hide_people(['Jane Doe'])
    changes = {
        'owner': changed({'ownerName': 'Jane Doe'}, {'ownerName': 'Roe'}),
        'reviewSettings': changed(None, {'allowedReviewers': [{'id': '1', 'name': 'Mary Major', 'email': 'm@x.com'}]}),
        'rules': changed(
            [rule()], [rule('JANE.DOE test', conditions=[{'type': 'email', 'targetValue': ['a@b.co', '@b.co']}])]
        ),
        'isEnabled': changed(True, False),
    }

    found = described(changes, redaction=hide)

    shown = repr(found)
    assert not any(secret in shown for secret in ('Jane', 'JANE', 'Roe', 'Mary', 'm@x.com', 'a@b.co'))
    assert found[0].text == 'owner: (hidden)'
    assert 'rule "(hidden) test"' in shown
    assert '@b.co' in shown
    assert found[-1].text == 'enabled → disabled'


def test_limits_can_be_set() -> None:
    (text,) = (change.text for change in described({'tags': changed([], list('abcdef'))}, limits=Limits(items=2)))
    assert text == 'tags: + a, b and 4 more'


ALL = ('all', 'production')


@pytest.mark.parametrize(
    ('field', 'old', 'new', 'touched'),
    [
        ('layerID', None, 'home', ALL),
        ('isDisabled', False, True, ALL),
        ('rules', [rule()], [rule(passPercentage=50)], ('development', 'staging')),
        ('rules', [rule()], [rule(environments=['development', 'staging', 'production'])], ('production',)),
        (
            'rules',
            [rule()],
            [rule(environments=['production'], passPercentage=1)],
            ('development', 'staging', 'production'),
        ),
        ('rules', [rule()], [rule(environments=None)], ('development', 'staging', *ALL)),
        ('rules', [], [rule(environments=['staging'])], ('staging',)),
        ('rules', [rule('a', 'a'), rule('b', 'b')], [rule('b', 'b'), rule('a', 'a')], ('development', 'staging')),
        ('rules', [rule()], [rule()], ()),
        ('isEnabled', True, False, ALL),
        ('defaultValue', {'a': 1}, {'a': 2}, ALL),
        ('allocation', 1, 2, ALL),
        (
            'overrides',
            {'environmentOverrides': []},
            {'environmentOverrides': [{'environment': 'qa', 'passingIDs': ['1']}]},
            ('qa',),
        ),
        ('overrides', {'passingUserIDs': []}, {'passingUserIDs': ['1']}, ALL),
        ('environments', ['development'], ['development', 'production'], ('production',)),
        ('environments', 'a,b', 'b,c', ('a', 'c')),
        ('environments', [{'name': 'qa', 'isProduction': False}], [{'name': 'qa', 'isProduction': True}], ('qa',)),
        ('description', 'a', 'b', ()),
        ('owner', {}, {'ownerName': 'x'}, ()),
        ('tags', [], ['production'], ()),
    ],
)
def test_environments_touched(field: str, old: Any, new: Any, touched: tuple[str, ...]) -> None:
    assert environments_touched({field: changed(old, new)}) == touched


def test_at_most_20_environments_are_named() -> None:
    names = [f'env{number}' for number in range(30)]

    assert environments_touched({'environments': changed([], names)}) == tuple(names[:20])


def test_a_switch_of_something_else_touches_no_environment() -> None:
    assert environments_touched({'enabled': changed(True, False)}, everywhere=False) == ()


def countries(*names: str, operator: str = 'any') -> dict[str, Any]:
    return {'type': 'country', 'operator': operator, 'targetValue': list(names)}


@pytest.mark.parametrize(
    ('before', 'after', 'text'),
    [
        ([countries('DE', 'GB')], [countries('DE', 'AT')], 'condition country is any of: + AT, − GB'),
        ([countries('DE', 'AT')], [countries('AT', 'DE')], 'condition country is any of AT, DE (reordered)'),
        (
            [countries(*map(str, range(500)))],
            [countries(*map(str, range(512)))],
            'condition country is any of: + 500, + 501, + 502, + 503, + 504, + 505, + 506, + 507 and 4 more',
        ),
        (
            [countries('DE')],
            [countries('DE', operator='none')],
            'condition country is any of DE → country is none of DE',
        ),
        (
            [countries('DE'), {'type': 'email', 'operator': 'any', 'targetValue': ['a']}],
            [{'type': 'public'}, countries('DE', 'AT')],
            'condition country is any of: + AT; + condition everyone; − condition email is any of a',
        ),
        (
            [{'conditionType': 7, 'operator': 2, 'value': ['x'], 'field': 'level'}],
            [{'conditionType': 7, 'operator': 2, 'value': ['y'], 'field': 'level'}],
            'condition level (condition type 7) operator 2: + y, − x',
        ),
        ([countries('DE'), {'type': 'public'}], [{'type': 'public'}, countries('DE')], 'conditions reordered'),
    ],
)
def test_conditions_are_told_where_they_differ(before: Any, after: Any, text: str) -> None:
    assert told('rules', [rule(conditions=before)], [rule(conditions=after)]) == [f'rule "beta users": {text}']


@pytest.mark.parametrize(
    ('before', 'after', 'text'),
    [
        ({'codes': [1, 2]}, {'codes': [2, 3]}, 'codes + 3; − 1'),
        ({'codes': [1, 1]}, {'codes': [1]}, 'codes [1, 1] → [1]'),
        ({'codes': []}, {'codes': [1]}, 'codes [] → [1]'),
        ({'codes': [1, True]}, {'codes': [1]}, 'codes − true'),
        (
            {'plans': [{'id': 'a', 'price': 1}, {'id': 'b', 'price': 2}]},
            {'plans': [{'id': 'c', 'price': 9}, {'id': 'a', 'price': 1}, {'id': 'b', 'price': 3}]},
            'plans["c"] added: {"id": "c", "price": 9}; plans["b"].price 2 → 3',
        ),
        (
            {'plans': [{'id': 1, 'price': 1}, {'id': 2}]},
            {'plans': [{'id': 2}, {'id': 1, 'price': 2}]},
            'plans[id 1].price 1 → 2; plans reordered',
        ),
        ({'rows': [{'w': 1}, {'w': 2}]}, {'rows': [{'w': 1}, {'w': 3}]}, 'rows[1].w 2 → 3'),
        ({'rows': [{'w': 1}, {'w': 2}]}, {'rows': [{'w': 2}]}, 'rows[0] removed (was: {"w": 1})'),
        ({'rows': [{'w': 1}]}, {'rows': [{'w': 2}, {'w': 3}]}, 'rows [{"w": 1}] → [{"w": 2}, {"w": 3}]'),
        ([[1], [2, 3]], [[1], [2, 4]], '[1] + 4; − 3'),
    ],
)
def test_a_change_deep_inside_a_value_is_told_where_it_is(before: Any, after: Any, text: str) -> None:
    assert told('defaultValue', before, after) == [f'default value: {text}']


def test_overrides_for_other_groups_and_environments_are_others() -> None:
    before = [
        {'groupID': 'g1', 'ids': ['u1'], 'environment': 'staging', 'unitType': 'userID'},
        {'groupID': 'g2', 'ids': ['u2'], 'environment': 'staging', 'unitType': 'userID'},
    ]
    after = [before[1] | {'ids': ['u2', 'u3']}, before[0]]

    assert told('userIDOverrides', before, after) == [
        'user ID override "g2, staging": IDs + "u3"',
        'user ID overrides reordered: "g1, staging", "g2, staging" → "g2, staging", "g1, staging"',
    ]


def test_what_differs_beyond_what_is_shown_is_not_told_as_the_same_twice() -> None:
    before: Any = {'a': {'b': {'c': {'d': {'e': {'f': {'g': {'h': {'i': 1}}}}}}}}}
    after: Any = {'a': {'b': {'c': {'d': {'e': {'f': {'g': {'h': {'i': 2}}}}}}}}}

    (text,) = told('defaultValue', before, after)
    assert 'changed in a part too deep or too long to show: ' in text


def test_text_of_json_is_read_up_to_a_length_and_told_as_text_beyond() -> None:
    def text(length: int, number: int) -> str:
        return f'{{"a": {number}, "b": "'.ljust(length - 2, 'x') + '"}'

    longest = MAX_READ // 2 - 12  # a brace and a comma count for seven characters
    fits, too_long = ([text(length, number) for number in (1, 2)] for length in (longest, longest + 1))
    assert len(fits[0]) == longest

    (read,), (unread,) = (described(opened({'defaultValueJson5': changed(*texts)})) for texts in (fits, too_long))
    assert read.text == 'default value: a 1 → 2'
    assert unread.text.endswith('(cut, 299,989 → 299,989 characters)')


def test_of_many_texts_of_json_the_first_are_read() -> None:
    def text(number: int) -> str:
        return json.dumps({'a': number, 'b': 'x' * 10_000})

    texts = [change.text for change in described(opened({f'f{n}': changed(text(1), text(2)) for n in range(40)}))]

    assert texts[:20] == [f'f{n}: a 1 → 2' for n in range(20)]
    assert all(text.endswith('characters)') for text in texts[35:])


@pytest.mark.parametrize(('more', 'said'), [(19, '19 more'), (20, '20+ more'), (900, '20+ more')])
def test_differences_are_counted_no_further_than_anybody_reads(more: int, said: str) -> None:
    old, new = ({f'k{number}': side for number in range(8 + more)} for side in (0, 1))

    (text,) = told('defaultValue', old, new)
    assert text.endswith(f'k7 0 → 1; {said}')


def test_a_value_sent_as_structure_has_a_bounded_number_of_parts() -> None:
    def wide(levels: int) -> Any:
        return {f'k{number}': wide(levels - 1) for number in range(10)} if levels else 1

    (change,) = described({'defaultValue': changed(None, wide(4))})

    assert json.dumps(wide(4)).count(':') > 10_000
    assert 400 < json.dumps(change.after).count(':') < 700


def test_a_group_overridden_in_two_environments_and_for_two_kinds_of_units_is_told_apart() -> None:
    def override(environment: str, unit: str, *ids: str) -> dict[str, Any]:
        return {'groupName': 'Test', 'environment': environment, 'idType': unit, 'ids': list(ids)}

    before = [override('staging', 'userID', 'u1'), override('qa', 'userID', 'u2'), override('qa', 'stableID', 's1')]
    after = [before[2], before[1], override('staging', 'userID', 'u1', 'u9')]

    assert told('idOverrides', before, after)[0] == 'ID override "Test, staging": IDs + "u9"'


def test_a_key_among_thousands_that_differs_is_found() -> None:
    old, new = ({f'k{key}': side * (key == 4_321) for key in range(5_000)} for side in (0, 1))

    assert told('defaultValue', old, new) == ['default value: k4321 0 → 1']
    assert environments_touched({'overrides': changed(old, new)}) == ALL


def test_an_owner_in_any_number_of_lists_is_told() -> None:
    owners: Any = 'Jane'
    for _ in range(5_000):
        owners = [owners]

    assert told('owners', None, owners) == ['owner: none → [[["…"]]]']


def test_conditions_that_ask_the_same_are_paired_in_their_order() -> None:
    before = [countries('DE', 'FR'), countries('AT'), countries('IT')]
    after = [countries('AT'), countries('DE', 'PL'), countries('IT', 'ES')]

    assert told('rules', [rule(conditions=before)], [rule(conditions=after)]) == [
        'rule "beta users": condition country is any of: + PL, − FR; condition country is any of: + ES'
    ]


def test_where_there_are_too_many_rules_to_look_at_production_counts_as_touched() -> None:
    before, after = ([rule(f'r{n}', f'r{n}', environments=['qa'], x=side) for n in range(900)] for side in (0, 1))

    assert environments_touched({'rules': changed(before[:400], after[:400])}) == ('qa',)
    assert environments_touched({'rules': changed(before, after)}) == ('all', 'production', 'qa')


def test_what_an_entry_may_not_cost_any_more_is_left_out_and_never_shown_as_it_is() -> None:
    changes = {f'f{n}': changed(f'{n} {"x" * 2000}', f'{n} Jane Doe {"y " * 1000}') for n in range(60)}

    texts = [change.text for change in described(changes, redaction=hide_people(['Jane Doe']))]
    changed_deep = {f'f{n}': changed(None, [[['Jane Doe', 'y ' * 500]] * 20] * 20) for n in range(60)}
    sent = [change.after for change in described(changed_deep, redaction=hide_people(['Jane Doe']))]

    assert '(hidden)' in texts[0]
    assert '(hidden)' in repr(sent[0])
    assert sent[-1] == ['… 20 more']
    assert not any('Jane' in repr(said) for said in (texts, sent))
