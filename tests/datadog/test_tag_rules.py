from __future__ import annotations

import pytest

from statsig.datadog.tag_rules import TagRules, parse_tag_rules

RULES = parse_tag_rules(
    [
        {'match': 'gate:checkout_*', 'tags': ['Service:Checkout', 'team:payments']},
        {'match': 'tag:payments', 'tags': ['team:payments', 'tier:1']},
        {'match': 'target_app:web', 'tags': ['service:web']},
        {'match': 'team:growth*', 'tags': ['team:growth']},
        {'match': 'segment:vip', 'tags': ['service:loyalty']},
    ]
)


def test_a_gate_gets_the_tags_of_the_rule_for_its_name() -> None:
    assert RULES.tags_for('gate', 'checkout_v2') == ('service:checkout', 'team:payments')


def test_a_rule_is_for_its_kind_and_letter_case_counts() -> None:
    assert RULES.tags_for('experiment', 'checkout_v2') == ()
    assert RULES.tags_for('gate', 'Checkout_v2') == ()


def test_every_rule_that_matches_gives_its_tags_each_once() -> None:
    found = RULES.tags_for('gate', 'checkout_v2', tags=['payments'], target_apps=['web'], team='growth-eu')

    assert found == ('service:checkout', 'team:payments', 'tier:1', 'service:web', 'team:growth')


def test_where_statsig_only_says_config_the_name_decides() -> None:
    assert RULES.tags_for('config', 'checkout_v2') == ('service:checkout', 'team:payments')
    assert RULES.tags_for('config', 'vip') == ('service:loyalty',)


def test_no_team_matches_no_team_rule() -> None:
    assert parse_tag_rules([{'match': 'team:*', 'tags': ['a:b']}]).tags_for('gate', 'x') == ()


def test_no_rules_give_no_tags() -> None:
    assert parse_tag_rules(None) == parse_tag_rules([]) == TagRules()
    assert TagRules().tags_for('gate', 'x') == ()


@pytest.mark.parametrize(
    ('raw', 'message'),
    [
        ('gate:a', "`tag_rules` is 'gate:a', expected a list of rules"),
        ({'match': 'gate:a'}, "`tag_rules` is {'match': 'gate:a'}, expected a list of rules"),
        (['gate:a'], "`tag_rules`, rule 1 is 'gate:a'; a rule is {match: "),
        (
            [{'match': 'gate:a', 'tags': ['b:c']}, {'match': 'gates:a', 'tags': ['b:c']}],
            "`tag_rules`, rule 2: `match` is 'gates:a'; a rule is {match: ",
        ),
        ([{'match': 'gate:', 'tags': ['b:c']}], "`tag_rules`, rule 1: `match` is 'gate:'; a rule is"),
        ([{'match': 'checkout', 'tags': ['b:c']}], "`tag_rules`, rule 1: `match` is 'checkout'; a rule is"),
        ([{'tags': ['b:c']}], '`tag_rules`, rule 1: `match` is None; a rule is'),
        ([{'match': 'gate:a', 'tag': ['b:c']}], "`tag_rules`, rule 1 has the key 'tag'; a rule is"),
        ([{'match': 'gate:a', 'tags': 'b:c'}], "`tag_rules`, rule 1: `tags` is 'b:c', expected a list such as"),
        ([{'match': 'gate:a', 'tags': []}], '`tag_rules`, rule 1: `tags` is [], expected a list such as'),
        ([{'match': 'gate:a', 'tags': ['b:c', 7]}], '`tag_rules`, rule 1: `tags` holds 7, expected text such as'),
        ([{'match': 'gate:a', 'tags': ['!!']}], "`tag_rules`, rule 1: `tags` holds '!!', expected text such as"),
    ],
)
def test_a_wrong_rule_is_named_with_what_it_got_and_what_it_takes(raw: object, message: str) -> None:
    with pytest.raises(ValueError, match='tag_rules') as error:
        parse_tag_rules(raw)

    assert str(error.value).startswith(message)
