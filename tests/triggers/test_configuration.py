"""The section `triggers`: what it takes, and what it says to the rest."""

from __future__ import annotations

from typing import Any

import pytest

from statsig.relay.configuration import parse
from statsig.relay.options import ConfigurationError
from statsig.relay.triggers.configuration import TriggersConfiguration
from statsig.relay.triggers.rules import Rule

ENVIRONMENT = {
    'TOKEN': 'token-0123456789',
    'OLD': 'previous-0123456789',
    'KEY': 'console-secret',
    'SHORT': 'short',
    'EMPTY': '',
}
RULE: dict[str, Any] = {'name': 'checkout errors', 'monitor_id': 123, 'gate': 'checkout_v2'}
LEAST: dict[str, Any] = {'token': '${TOKEN}', 'api_key': '${KEY}', 'rules': [RULE]}


def configured(**options: Any) -> TriggersConfiguration:
    found = parse({'metric_namespace': 'statsig', 'triggers': {**LEAST, **options}}, ENVIRONMENT).triggers
    assert found is not None
    return found


def test_little_is_required_and_a_rule_does_nothing_at_first() -> None:
    found = configured()
    assert found.rules == (Rule('checkout errors', '123', 'checkout_v2', frozenset(), 900, True, False, 600),)
    assert (found.limits.max_actions_per_hour, found.give_up_after) == (5, 900)
    assert found.api_url == 'https://statsigapi.net'
    assert found.respect_review_settings
    assert found.watch is None


def test_secrets_do_not_show() -> None:
    found = configured(previous_token='${OLD}')
    assert found.tokens == (b'token-0123456789', b'previous-0123456789')
    for secret in ENVIRONMENT.values():
        assert not secret or secret not in repr(found)


@pytest.mark.parametrize('variable', ['EMPTY', 'NOT_SET'])
def test_without_a_rotation_there_is_no_previous_token(variable: str) -> None:
    assert configured(previous_token=f'${{{variable}}}').tokens == (b'token-0123456789',)


def test_watching_needs_no_token() -> None:
    keys = {'datadog_api_key': '${KEY}', 'datadog_app_key': '${OLD}'}
    found = configured(mode={'watch': keys}, datadog_site='datadoghq.eu', token='')
    assert found.watch is not None
    assert (found.watch.api_url, found.watch.interval) == ('https://api.datadoghq.eu', 30)
    assert found.tokens == ()


def test_a_scope_is_a_set_of_tags() -> None:
    assert configured(rules=[{**RULE, 'scope': 'env:production, team:a'}]).rules[0].scope == {
        'env:production',
        'team:a',
    }


WRONG: list[tuple[dict[str, Any], str]] = [
    ({'token': 'literal-0123456789'}, 'triggers.token` must be a reference to a variable'),
    ({'token': '${SHORT}'}, 'triggers.token`: a token must have at least 16 characters'),
    ({'api_key': 'console-literal'}, 'triggers.api_key` must be a reference'),
    ({'api_url': 'http://statsigapi.net'}, 'triggers.api_url` must be an address that begins with https://'),
    ({'previous_token': '${SHORT}'}, 'triggers.previous_token`: a token must have at least 16 characters'),
    ({'api_url': 'https://user@statsigapi.net'}, 'triggers.api_url` must be'),
    ({'api_url': 'https://:literal@statsigapi.net'}, 'triggers.api_url` must be'),
    ({'api_url': 'https://statsigapi.net:port'}, 'triggers.api_url` must be'),
    ({'allowed_addresses': ['10.0.0.1/8']}, 'triggers.allowed_addresses` must be a list of addresses'),
    ({'max_actions_per_hour': -1}, 'triggers.max_actions_per_hour` must be a number from 0'),
    ({'datadog_site': 'app.datadoghq.eu'}, "triggers.datadog_site` must be a Datadog site's parameter"),
    ({'mode': 'poll'}, 'triggers.mode` must be `webhook`, or `watch:`'),
    ({'mode': {'watch': {}}}, 'triggers.mode.watch.datadog_api_key` is missing'),
    ({'rules': []}, 'triggers.rules` must be a list of 1 to 200 rules'),
    ({'rules': None}, 'triggers.rules` has no value'),
    ({'rules': [{}]}, 'triggers.rules[0].name` is missing'),
    ({'rules': [RULE, RULE]}, "triggers.rules` has two rules of the name 'checkout errors'."),
    ({'rules': [{**RULE, 'gate': 'checkout_*'}]}, 'triggers.rules[0].gate` must be the id of a gate, not a pattern'),
    (
        {'rules': [{**RULE, 'gates': ['a']}]},
        'triggers.rules[0].gates` is unknown: did you mean `triggers.rules[0].gate`?',
    ),
    ({'rules': [{**RULE, 'monitor_id': 'abc'}]}, "triggers.rules[0].monitor_id` must be a monitor's number"),
    ({'rules': [{**RULE, 'monitor_id': '0123'}]}, "triggers.rules[0].monitor_id` must be a monitor's number"),
    ({'rules': [{**RULE, 'monitor_id': True}]}, "triggers.rules[0].monitor_id` must be a monitor's number"),
    ({'rules': [{**RULE, 'action': 'launch'}]}, 'triggers.rules[0].action` must be disable, got "launch"'),
    ({'rules': [{**RULE, 'on_recovery': True}]}, 'triggers.rules[0].on_recovery` must be none or enable, got true'),
    ({'rules': [{**RULE, 'dry_run': 'no'}]}, 'triggers.rules[0].dry_run` must be true or false, got "no"'),
    ({'rules': [{**RULE, 'cooldown': -1}]}, 'triggers.rules[0].cooldown` must be a number of seconds'),
]


@pytest.mark.parametrize(('options', 'said'), WRONG)
def test_what_is_wrong_is_said(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        configured(**options)
    assert said in str(refused.value)
    assert '\n' not in str(refused.value)
    assert 'literal' not in str(refused.value)
