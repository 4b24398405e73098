"""Secrets appear nowhere, whatever is configured: not in events, change events or logs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.console.records import AuditEntry
from statsig.datadog.change_event import change_event_of
from statsig.datadog.event import event_of
from statsig.datadog.log import log_of
from statsig.datadog.notice import notice_of
from statsig.datadog.redaction import NOTHING_HIDDEN
from tests.datadog.entries import NOW, changed, rule

GATE = AuditEntry(id='1', name='checkout_v2', action='gate_update', timestamp=NOW - 60, author='Jane Doe')
KEYS = ('console', 'secret', 'client')
RANDOM = 'q7Xw2LmN9vB4kZ8tR1yHc5'
KEY = f'secret-{RANDOM}'
PEM = f'-----BEGIN PRIVATE KEY-----\n{RANDOM}\n' + f'{RANDOM}\n' * 70 + '-----END PRIVATE KEY-----'


def sent(entry: AuditEntry, hide: bool = False) -> str:
    notice = notice_of(entry, project='acme', now=NOW, hide_author=hide)
    return json.dumps((event_of(notice).as_agent_event(), change_event_of(notice), log_of(notice)), ensure_ascii=False)


def of(field: str, old: Any, new: Any) -> AuditEntry:
    return replace(GATE, changes={field: changed(old, new)})


HEADERS = [{'name': 'Authorization', 'value': f'Bearer {RANDOM}'}]


@pytest.mark.parametrize(
    'entry',
    [
        *(
            of(field, '', f'pw {RANDOM}')
            for field in (
                *('privateKey', 'accessToken', 'serviceUserPassword', 'keyPassPhrase', 'webhookSecret', 'secret'),
                *('apiKey', 'password', 'deltaSharingCredentials'),
            )
        ),
        of('token', None, RANDOM),
        of('key', RANDOM[::-1], RANDOM),
        of('workflow_headers', [], HEADERS),
        of('workflow_headers', [], {'X-Custom': RANDOM}),
        of('config', None, {'auth_workflow_headers': HEADERS, 'url': 'https://x.io'}),
        of('connection', {'databricks': {'accessToken': RANDOM[::-1]}}, {'databricks': {'accessToken': RANDOM}}),
        of('connection', None, {'snowflake': {'privateKey': PEM, 'keyPassPhrase': RANDOM}}),
        of('description', '', PEM),
        of('description', '', f'the key is {KEY}.'),
        of('description', f'{"x " * 300}{KEY}1', f'{"x " * 300}{KEY}2'),
        of('description', f'{"x " * 300}"password": "{RANDOM}1"', f'{"x " * 300}"password": "{RANDOM}2"'),
        of('description', f'{"x " * 300}{PEM}1', f'{"x " * 300}{PEM[:500]}2'),
        of('description', '', f'{" " * 550}{KEY}'),
        of('defaultValue', {}, {'clientKey': KEY, 'apiKey': f'my {RANDOM}'}),
        of('rules', [], [rule(returnValue={'apiKey': f'my {RANDOM}'})]),
        of('rules', [], [rule(returnValue={'token': RANDOM})]),
        of('groups', [], [{'name': 'a', 'parameterValues': {'apiKey': f'my {RANDOM}'}}]),
        of('items', None, [{'token': f'{number}x{RANDOM}'} for number in range(250)]),
        of('description', '', ' ' * 775 + KEY + ' x' * 300),
        of('rules', [], [rule(name=KEY, key=KEY)]),
        of('rules', [], [{'key': RANDOM, 'passPercentage': 1}]),
        of('params', [{'key': RANDOM, 'value': 1}], [{'key': RANDOM, 'value': 2}]),
        of('rules', [], [rule(returnValueJSON=json.dumps({'apiKey': f'my {RANDOM}'}))]),
        of('rules', [], [rule(returnValueJson5=f"{{apiKey: '{RANDOM}'}}")]),
        of('text', '', json.dumps(json.dumps({'privateKey': RANDOM}))),
        of('url', '', f'postgres://statsig:{RANDOM}@db.internal/x'),
        of('note', '', f'curl -H "Authorization: Bearer {RANDOM}"'),
        of(KEY, 1, 2),
        of('keys', {KEY: 1}, {KEY: 2}),
        replace(GATE, action='sdk_key_create', name=KEY),
        replace(GATE, change_log=f'Created {KEY}\npassword={RANDOM}'),
        replace(GATE, tags=(KEY,), target_apps=(KEY,), author=KEY, author_email=KEY),
        replace(of('token', '', RANDOM), change_log=f'Now it is {RANDOM}', name=RANDOM, tags=(RANDOM,)),
    ],
    ids=lambda entry: str(entry.changes or entry.name)[:60],
)
@pytest.mark.parametrize('hide', [False, True])
def test_a_secret_is_sent_nowhere(entry: AuditEntry, hide: bool) -> None:
    text = sent(entry, hide).lower().replace(' ', '')

    assert RANDOM[:12].lower() not in text
    assert RANDOM[-12:].lower() not in text
    assert 'secret' in text


def test_that_a_secret_changed_is_told() -> None:
    assert '- private key: (secret)' in sent(of('privateKey', 'a', 'b'))
    assert 'client-(' not in sent(of('description', '', KEY))


def test_a_page_named_after_a_secret_is_not_linked_to() -> None:
    assert f'/acme){chr(92)}n %%%' in sent(replace(GATE, name=KEY))


@pytest.mark.parametrize(
    ('field', 'old', 'new', 'told'),
    [
        ('defaultValue', {'token_limit': '1024'}, {'token_limit': '4096'}, '1024" → "4096"'),
        ('defaultValue', {'show_password': False}, {'show_password': True}, 'show_password false → true'),
        ('defaultValue', {'key': 'blue'}, {'key': 'red'}, '"blue" → "red"'),
        ('defaultValue', {'token': 'color.primary'}, {'token': 'color.accent'}, '"color.primary" → "color.accent"'),
        ('rules', [{'key': 'a', 'x': 1}], [{'key': 'a', 'x': 2}], 'rule "a": x 1 → 2'),
        ('salt', '5f2b8c1e-9a7d-4e3f-8b6a-0c1d2e3f4a5b', 'x', 'salt changed'),
        ('id', 'BfGswoMDcsZ4y9Le1d9O', 'AfGswoMDcsZ4y9Le1d9O', 'BfGswoMDcsZ4y9Le1d9O'),
        ('name', 'client-checkout-redesign', 'secret-santa-2026', '"client-checkout-redesign" → "secret-santa-2026"'),
        ('description', 'the token', 'the key: none, and see https://x.io:8080/a@b', 'https://x.io:8080/a@b'),
    ],
)
def test_what_only_sounds_like_a_secret_is_told(field: str, old: Any, new: Any, told: str) -> None:
    text = sent(of(field, old, new)).replace('\\', '')

    assert told in text
    assert '(secret)' not in text


@given(
    st.text(' ,;"()\n', max_size=200),
    st.sampled_from(KEYS),
    st.text('abXYZ0123456789', min_size=20, max_size=80),
    st.text(' ,;"()\n', max_size=50),
    st.sampled_from(['description', 'owner', 'defaultValue', 'rules', 'name', 'tags']),
    st.booleans(),
)
def test_a_key_of_statsigs_is_found_wherever_it_stands(
    before: str, kind: str, random: str, after: str, field: str, hide: bool
) -> None:
    told = f'{before}{kind}-{random}{after}'
    for value in (told, [told], {told: told}, [{'name': told, 'x': told}], json.dumps({'a': told})):
        text = sent(replace(of(field, None, value), change_log=told, name=told, tags=(told,)), hide)
        assert random not in text
        assert random.lower() not in text


@given(st.text(max_size=500))
def test_texts_without_secrets_stay_as_they_are(text: str) -> None:
    hidden = NOTHING_HIDDEN.text(text)

    assert hidden == text or '(secret)' in hidden
