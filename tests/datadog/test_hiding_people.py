"""`hide_author`: no names and no addresses of people leave, in events, change events and logs alike."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from statsig.console.records import AuditEntry
from statsig.datadog.change_event import change_event_of
from statsig.datadog.changes import describe
from statsig.datadog.event import event_of
from statsig.datadog.log import log_of
from statsig.datadog.notice import notice_of
from statsig.datadog.redaction import hide_people, people_in
from tests.datadog.entries import NOW, changed, rule

GATE = AuditEntry(id='1', name='checkout_v2', action='gate_update', timestamp=NOW - 60)


def sent(entry: AuditEntry) -> str:
    notice = notice_of(entry, project='acme', now=NOW, hide_author=True)
    parts = (event_of(notice).as_agent_event(), change_event_of(notice), log_of(notice))
    return json.dumps(parts, ensure_ascii=False)


def of(field: str, old: Any, new: Any, told: str = '') -> AuditEntry:
    """A change of a field, and of the description if something is told there."""
    return replace(GATE, changes={field: changed(old, new)} | ({'description': changed('', told)} if told else {}))


def test_the_person_an_entry_is_about_is_named_nowhere() -> None:
    entry = AuditEntry(
        id='1',
        name='John Roe',
        action='user_role_update',
        timestamp=NOW,
        change_log='John Roe is an admin',
        changes={'role': changed('John Roe: member', 'John Roe: admin'), 'name': changed('x', 'roe, john')},
        tags=('john-roe',),
        target_apps=('app of John',),
    )

    text = sent(entry)

    assert not [part for part in ('john', 'roe') if part in text.lower()]
    assert '(hidden): member' in text
    assert '(hidden): admin' in text


@pytest.mark.parametrize(
    ('action', 'name'),
    [
        ('batch_cancel_company_invites', 'john.roe@x.com, Kim Poe'),
        ('company_member_remove', 'Kim Poe'),
        ('project_owner_set', 'Kim Poe'),
        ('team_member_add', 'Kim Poe'),
        ('gate_update', 'john.roe@x.com'),
        ('gate_update', 'test of john.roe@x.com'),
    ],
)
def test_an_entry_named_after_people_hides_them(action: str, name: str) -> None:
    entry = replace(GATE, action=action, name=name, changes={'note': changed('', f'on behalf of {name}')})

    assert not [part for part in ('john', 'roe', 'Kim', 'Poe', 'x.com') if part in sent(entry)]


@pytest.mark.parametrize(
    'entry',
    [
        of('owners', {'John Roe': 1}, {}, 'ask John Roe'),
        of('owners', {}, {'John Roe': 1, 'Roe John': 2}),
        of('members', {'John Roe': 'admin'}, {'John Roe': 'viewer'}, 'ask JOHN ROE'),
        of('team', {'members': {'John Roe': 'admin'}}, {'members': {}}, 'ask John Roe'),
        of('reviewSettings', None, {'allowedReviewers': {'John Roe': {'since': 1}}}, 'ask John Roe'),
        of('activeReview', None, {'submitter': 'John Roe', 'reviewStatus': 'approved'}, 'ask John Roe'),
        *(
            of(field, '', 'John Roe', 'ask john.roe')
            for field in ('submitter', 'committer', 'actorName', 'approvedBy', 'requestedBy', 'watchers', 'assignedTo')
        ),
        *(
            of(field, [], ['John Roe'], 'roe_john')
            for field in ('collaborators', 'stakeholders', 'emails', 'createdBy')
        ),
        of('user', None, {'name': 'John Roe', 'email': 'j@x.com', 'id': 'u1'}, 'ask John Roe'),
        of('members', [], [{'firstName': 'John', 'lastName': 'Roe', 'role': 'Admin'}], 'ask roe_john or John'),
        of('rules', [], [rule(name='John Roe', createdBy={'name': 'John Roe'})]),
        of('rules', [], [rule(note='by John Roe', meta={'deep': [{'deeper': {'owner': 'John Roe'}}]})]),
        of('payload', None, '{"a": {"ownerName": "John Roe"}}', 'ask John Roe'),
        of('payload', {'text': '{"ownerName": "John Roe"}'}, {}, 'ask John Roe'),
        of('ownerEmail', '', 'john.roe@x.com', 'ask John Roe (john.roe)'),
        of('ownerEmail', '', 'John.Roe+statsig@x.com', 'ask john.roe, or John'),
        of('owner', None, 'John Roe <jr@x.com>', 'ask John Roe'),
        of('admins', None, 'Kim Poe, John Roe and Max Moe', 'ask John Roe'),
        replace(of('John', 1, 2), author='John Roe'),
        replace(of('limits', {"Roe's": 1}, {"Roe's": 2}), author='John Roe'),
        replace(of('note', '', 'john.roe did it'), author='john.roe@x.com'),
        replace(of('note', '', 'John did it'), author_email='john.roe@x.com'),
        replace(of('note', '', 'John Roe (u-47)'), author='Roe, John', author_id='u-47'),
    ],
    ids=repr,
)
def test_who_stands_in_a_field_about_people_is_named_nowhere(entry: AuditEntry) -> None:
    text = sent(entry)

    assert not [part for part in ('john', 'roe', 'x.com', 'u-47') if part in text.lower()]


def test_the_customers_own_users_and_what_only_sounds_like_people_are_told() -> None:
    changes = {
        'userIDs': changed(['u1'], ['u1', 'u2']),
        'overrides': changed({'passingUserIDs': []}, {'passingUserIDs': ['u3', 'user_id 4']}),
        'user': changed('u5', 'u6'),
        'ownerType': changed('USER', 'SDK_KEY'),
        'defaultValue': changed({'rememberMe': 'yes'}, {'rememberMe': 'no', 'authorizationMode': 'strict'}),
        'groupBy': changed('country', 'browser'),
    }

    text = sent(replace(GATE, changes=changes, author='Jane Doe'))

    told = ('u2', 'u3', 'u6', 'SDK_KEY', '"no', 'strict', 'browser', 'country')
    assert [word for word in told if word not in text.replace('\\', '')] == []
    assert '(hidden)' not in text


@pytest.mark.parametrize(
    'spelt',
    [
        'Jane Doe', 'jane doe', 'JANE DOE', 'jane.doe', 'jane_doe', 'jane-doe', 'janedoe', 'JaneDoe', 'Jane  Doe',
        'Doe, Jane', 'Doe Jane', 'doe.jane', 'Jane M. Doe', 'Jane M Doe', 'J. Doe', 'J Doe', 'J. M. Doe', 'jdoe',
        'j.doe', 'j_doe', 'Jane D.', 'jane.d', "Jane's", "Doe's", 'Jane', 'DOE', '@jane', '@Jane', 'Jane%20Doe',
        'jane%20doe', 'jane%2520doe', 'jane+doe', 'jane.doe2', 'Jane/Doe', 'Jane (Doe)', 'Jane&nbsp;Doe',
        'Ja\u00adne Doe', 'Jane\u200bDoe', 'Ｊａｎｅ　Ｄｏｅ', 'by\\nJane Doe', 'jane.doe@elsewhere.io',
        'Jane Doe@elsewhere.io', 'Jane_Doe_s gate', 'doe jane', 'Jane Mary Doe', 'JaneDoeTest', 'myJaneDoe',
        'Jane-Ann Doe', 'Jane\u2019s',
    ],
)  # fmt: skip
def test_a_known_person_is_found_however_spelt(spelt: str) -> None:
    text = hide_people(['Jane Doe']).text(f'ask {spelt}, or wait')

    assert '(hidden)' in text
    assert not [
        part
        for part in ('jane', 'doe', 'mary', 'ann', 'elsewhere', 'ｊａｎｅ')
        if part in text.lower().replace('\u00ad', '')
    ]
    assert text.startswith('ask')
    assert text.endswith('wait')


@pytest.mark.parametrize(
    ('known', 'text'),
    [
        ('José Nuñez', 'José Nuñez'),
        ('José Nuñez', unicodedata.normalize('NFD', 'José Nuñez')),
        (unicodedata.normalize('NFD', 'José Nuñez'), 'josé.nuñez'),
        ('José Nuñez', 'jose.nunez'),
        ('José Nuñez', 'Jos\\u00e9 Nu\\u00f1ez'),
        ('José Nuñez', 'Jos%C3%A9 Nu%C3%B1ez'),
        ('Jose Nunez', 'José'),
        ("Liam O'Brien", 'OBrien'),
        ("Liam O'Brien", 'liam.obrien'),
        ("Liam O'Brien", 'O’Brien'),
        ('Jean-Luc Picard', 'Picard, Jean-Luc'),
        ('Jan van der Berg', 'vanderberg, jan'),
        ('Bo', 'Bo'),
        ('Bo', 'BO'),
        ('Bo', "Bo's"),
        ('山田 太郎', '山田太郎'),
        ('山田太郎', '担当は山田太郎さんです'),
        ('山田 太郎', '山田さん'),
        ('李 明', '由李明修改'),
        ('Іван Петренко', 'іван.петренко'),
    ],
)
def test_names_of_all_the_world(known: str, text: str) -> None:
    hidden = hide_people([known]).text(text)

    assert hidden != text
    assert not any(part in hidden for part in ('os', 'u', 'rien', 'icard', 'erg', 'Bo', 'BO', '山', '李', 'етр'))


@pytest.mark.parametrize(
    ('author', 'text'),
    [
        ('Mark Page', 'landing page: mark all'),
        ('Mark Page', 'checkout_page_v2, pages, bookmark'),
        ('Will Price', 'the price: will it rise by 10 %?'),
        ('Max Power', 'MAX_RETRIES and max-width'),
        ('Test User', 'Test, Control, test users, User'),
        ('Jane Doe', 'Doet, Janet, doeskin, Janes'),
        ('Growth', 'growth team'),
        ('Bo', 'bo, Bob, Rainbow, robo'),
        ('An Li', 'an apple, list'),
        ('Statsig Admin', 'Admin of Statsig'),
        ('support@x.com', 'support page'),
        ('Jane Doe', '100 % of @2x, 50%off, a@, @example.com'.replace(' a@,', '')),
    ],
)
def test_words_that_are_names_too_stay(author: str, text: str) -> None:
    assert hide_people([author]).text(text) == text


@pytest.mark.parametrize(
    'address',
    [
        'zed@x.io', 'ZED@X.IO', 'zed＠x.io', 'zed%40x.io', 'zed%2540x.io', 'zed\\u0040x.io', 'zed\\\\u0040x.io',
        'zed&#64;x.io', 'zed&#x40;x.io', 'zed&commat;x.io', 'zed+tag@x.io', 'zed [at] x.io', 'zed(at)x.io',
        '"zed q"@x.io', 'mailto:zed@x.io', 'https://x.io/?u=zed@x.io', '<zed@x.io>',
    ],
)  # fmt: skip
def test_an_address_is_found_however_spelt(address: str) -> None:
    text = hide_people([]).text(f'ask {address}, or wait')

    assert 'zed' not in text.lower()
    assert text.startswith('ask')
    assert text.endswith(', or wait')


def test_the_last_name_of_a_long_list_is_hidden_like_the_first() -> None:
    names = [f'{_letters(number)}ina {_letters(number)}son' for number in range(600)]
    entry = of('members', [], names, f'ask {names[-1]}, {names[0]} or {names[77]}')

    text = sent(entry)

    assert not [name for name in names if name in text]
    assert text.count('ask (hidden), (hidden) or (hidden)') >= 2


def _letters(number: int) -> str:
    return f'{chr(65 + number // 26)}{chr(97 + number % 26)}k'


def test_where_there_are_more_people_than_can_be_looked_for_no_text_is_told() -> None:
    entry = of('members', [], [f'{_letters(n % 600)}a {_letters(n // 600)}o' for n in range(25_000)], 'ask Zed')

    assert 'ask' not in sent(entry)


def test_a_text_that_names_a_crowd_is_hidden_whole() -> None:
    names = [f'Al{_letters(number)} Poe' for number in range(60)]

    assert hide_people(names).text(f'ask {", ".join(names)}') == '(hidden)'


def test_in_an_entry_about_users_names_as_keys_are_found_under_any_field() -> None:
    roles = changed({'John Roe': 'member'}, {'John Roe': 'admin', 'kim@x.com': 'viewer'})
    entry = replace(GATE, action='batch_user_role_update', name='2 users', changes={'roles': roles})

    text = sent(entry)

    assert not [part for part in ('John', 'Roe', 'kim') if part in text]
    assert '"member" → "admin"' in text.replace('\\', '')


def test_names_as_keys_stay_apart_from_one_another() -> None:
    (change,) = describe({'owners': changed({'Al Poe': 1, 'Bo Poe': 2}, {})}, redaction=hide_people([])).changes

    assert change.text == 'owner: (hidden)'
    assert change.before == {'(hidden)': 1, '(hidden) (2)': 2}


def test_people_are_told_from_what_else_is_known_of_them() -> None:
    owner = {'ownerID': 'abc123', 'ownerType': 'USER', 'ownerName': 'John Roe', 'ownerEmail': 'jr77@x.com'}
    member = {'email': 'kim@x.com', 'firstName': 'Kim', 'lastName': 'Poe', 'role': 'Admin'}

    assert set(people_in({'owner': changed(None, owner), 'members': changed([], [member])})) == {
        *('John Roe', 'jr77', 'kim', 'Kim Poe'),
    }


NAMES = st.sampled_from(['Zaphod Quux', 'Quux, Zaphod', 'zaphod.quux@hitch.example', 'Zaphod T. Quux'])
SPELT = st.sampled_from(
    [
        'Zaphod Quux',
        'quux_zaphod',
        'Zaphod%20Quux',
        'Z. Quux',
        'zquux',
        'Zaphod',
        "Quux's",
        'zaphod.quux7',
        'Zaphod (Quux)',
    ]
)
FIELDS = st.sampled_from(
    ['owner', 'submitter', 'approvedBy', 'members', 'activeReview', 'rules', 'x', 'name', 'old', 'id']
)
AROUND = st.text(' ,;"()ab.\n', max_size=40)


def _nested(name: str) -> st.SearchStrategy[Any]:
    """Any shape about people in which the name stands, as value or key."""
    return st.recursive(
        st.just(name),
        lambda inner: (
            st.lists(inner, min_size=1, max_size=2)
            | st.dictionaries(FIELDS, inner, min_size=1, max_size=2)
            | st.dictionaries(st.just(name), inner, min_size=1)
            | st.dictionaries(FIELDS, inner, min_size=1, max_size=2).map(json.dumps)
        ),
        max_leaves=4,
    )


@given(
    NAMES.flatmap(_nested), AROUND, SPELT, AROUND, st.sampled_from(['owner', 'committer', 'ownerEmail', 'updatedBy'])
)
def test_whoever_stands_in_any_shape_under_a_field_about_people_is_hidden_everywhere(
    people: Any, before: str, spelt: str, after: str, field: str
) -> None:
    # A letter glued to a name makes it another word.
    assume(before[-1:] not in ('a', 'b') and after[:1] not in ('a', 'b'))
    told = f'{before}{spelt}{after}'
    known = replace(of(field, None, people, told), author='Zaphod Quux', change_log=told, name=told, tags=(told,))

    text = sent(known).lower()

    assert not [part for part in ('zaphod', 'quux', 'hitch') if part in text]


@given(st.text(max_size=400), st.lists(st.text(max_size=40), max_size=5))
def test_whatever_the_text_and_the_names_no_address_is_left_and_nothing_raises(text: str, names: list[str]) -> None:
    hidden = hide_people(names).text(f'{text} zed@hitch.example {text}')

    assert 'hitch' not in hidden
