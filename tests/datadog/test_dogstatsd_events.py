"""Events as DogStatsD carries them: in one datagram the Agent takes, whatever is in them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.console.records import AuditEntry
from statsig.datadog.dogstatsd import DogStatsdAddress, TagsTooLongError
from statsig.datadog.dogstatsd_events import LARGEST_EVENT, DogStatsdEvents
from statsig.datadog.event import DatadogEvent, event_of
from statsig.datadog.notice import Notice, notice_of
from statsig.datadog.tags import normalise
from statsig.sandbox.dogstatsd_listener import ReceivedEvent, parsed_event
from tests.datadog.entries import CASES, NOW
from tests.datadog.notices import notice_of_case
from tests.datadog.strategies import ENTRIES

UNIX = DogStatsdAddress(path='/run/dsd.socket')
GATE = AuditEntry(id='entry1', name='checkout_v2', action='gate_update', timestamp=NOW - 60, author='Jane Doe')
LINE_OF_TEXT = 'エンターテインメント性の高い変更'


def sent(notice: Notice | DatadogEvent, **options: Any) -> ReceivedEvent:
    event = notice if isinstance(notice, DatadogEvent) else event_of(notice, for_dogstatsd=True)
    datagram = DogStatsdEvents(UNIX, **options).datagram(event)
    assert len(datagram) <= LARGEST_EVENT
    return parsed_event(datagram)


def notice(entry: AuditEntry, **options: Any) -> Notice:
    return notice_of(entry, project='acme', now=NOW, **options)


def rendered(text: str) -> str:
    """What Markdown makes of escaped characters."""
    return re.sub(r'\\(.)|&#92;', lambda found: found[1] or '\\', text)


def test_an_event_has_everything_that_the_check_submits() -> None:
    found = sent(notice(GATE, tags=['Env:Prod']))
    assert found == ReceivedEvent(
        title='Gate checkout_v2 updated by Jane Doe',
        text='%%% \nGate **checkout_v2** updated by Jane Doe\n\n'
        '[Open in Statsig](https://console.statsig.com/acme/gates/checkout_v2)\n %%%',
        fields={
            'd': str(NOW - 60),
            'k': 'entry1',
            's': 'statsig',
            't': 'info',
            '#': 'statsig_action:gate_update,statsig_group:rollouts,statsig_kind:gate,name:checkout_v2,environment:all,'
            'environment:production,statsig_project:acme,env:prod',
        },
    )


def test_without_a_host_it_says_so_in_the_tag_that_the_agent_reads() -> None:
    assert sent(notice(GATE), hostless=True).tags[0] == 'host:'
    assert 'host:' not in sent(notice(GATE)).tags


@pytest.mark.parametrize(('case', 'raw', 'options'), CASES, ids=[case for case, _, _ in CASES])
def test_what_has_room_reads_as_in_the_check(case: str, raw: dict[str, Any], options: dict[str, Any]) -> None:
    shown = notice_of_case(raw, options)
    usual, found = event_of(shown), sent(shown)
    assert found.title == usual.title
    assert sorted(found.tags) == sorted(map(normalise, usual.tags))
    if len(usual.text.encode()) < 3500:
        assert rendered(found.text) == rendered(usual.text)
    else:
        assert 'left out for length' in found.text


@given(ENTRIES, st.booleans())
def test_whatever_an_entry_holds_the_agent_takes_its_event(entry: AuditEntry, hide_author: bool) -> None:
    shown = notice(entry, hide_author=hide_author)
    found = sent(shown)
    assert len(found.text.encode()) <= 4000
    assert found.text.startswith('%%% \n')
    assert found.text.endswith('\n %%%')
    assert found.fields['#'].startswith('statsig_action:')
    assert found.text == event_of(shown, for_dogstatsd=True).text, 'no line end that was not there'


def test_a_long_text_loses_whole_lines_and_says_how_many() -> None:
    """The same entry has more lines in the check's event: there the limit is in characters."""
    entry = replace(GATE, change_log='\n'.join(f'{number} {LINE_OF_TEXT}' for number in range(150)))
    lines = sent(notice(entry)).text.splitlines()
    body = [line for line in lines if LINE_OF_TEXT in line]
    assert [line.split()[1] for line in body] == [str(number) for number in range(len(body))]
    assert 20 < len(body) < 150
    assert lines[lines.index(body[-1]) + 1] == f'- … {150 - len(body)} more lines left out for length'
    assert lines[-2] == '[Open in Statsig](https://console.statsig.com/acme/gates/checkout_v2)'
    usual = event_of(notice(entry)).text
    assert usual.count(LINE_OF_TEXT) > len(body)


def test_a_single_line_that_is_too_long_is_cut_rather_than_left_out() -> None:
    found = sent(notice(replace(GATE, change_log=LINE_OF_TEXT * 100)))
    assert found.text.splitlines()[3].endswith('…')
    assert found.text.splitlines()[3].startswith(LINE_OF_TEXT * 10)


def test_statsigs_tags_give_way_to_those_that_tell_more() -> None:
    many = tuple(f'{number:02}{"漢" * 90}' for number in range(50))
    found = sent(notice(replace(GATE, tags=many, target_apps=many), tags=['service:checkout', 'team:payments']))
    kept = [tag for tag in found.tags if tag.startswith(('statsig_tag:', 'target_app:'))]
    assert 0 < len(kept) < 50
    others = [tag for tag in found.tags if tag not in kept]
    assert others[-2:] == ['service:checkout', 'team:payments']
    assert others[0] == 'statsig_action:gate_update'


@pytest.mark.parametrize('name', [r'C:\new\night', '\\', r'a\\n', r'\n\n\n', r'ends in \n'])
def test_a_backslash_before_an_n_is_no_line_end(name: str) -> None:
    found = sent(notice(replace(GATE, name=name, change_log=f'Renamed to {name}, then {name}')))
    assert '\n' not in found.title
    assert found.title.replace('⧵', '\\').startswith(f'Gate {name} ')
    assert f'**{name}**' in rendered(found.text)
    assert f'Renamed to {name}, then {name}' in rendered(found.text)


@pytest.mark.parametrize('key', ['a|t:error', 'a\n_e{1,1}:x|y', 'a|#env:other', 'k\r\nk'])
def test_no_key_adds_a_field_or_an_event(key: str) -> None:
    event = replace(event_of(notice(GATE), for_dogstatsd=True), aggregation_key=key)
    found = sent(event)
    assert found.fields['t'] == 'info'
    assert len(found.fields) == 5
    assert '|' not in found.fields['k']


@pytest.mark.parametrize('tag', ['a,b:c', 'a|t:error', 'a\nb', 'x:y|#z'])
def test_no_tag_of_the_configuration_adds_a_field_or_a_tag(tag: str) -> None:
    before = len(sent(notice(GATE)).tags)
    found = sent(notice(GATE, tags=[tag]))
    assert len(found.tags) == before + 1
    assert found.fields['t'] == 'info'


def test_an_unknown_alert_type_is_info() -> None:
    assert sent(replace(event_of(notice(GATE)), alert_type='panic|x')).fields['t'] == 'info'


def test_the_environments_tags_are_on_events_too_and_may_be_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('DD_ENV', 'prod')
    assert sent(notice(GATE)).tags[-1] == 'env:prod'
    monkeypatch.setenv('DATADOG_TAGS', 'a:' + 'b' * 3000)
    with pytest.raises(TagsTooLongError, match='those of the environment take 30'):
        DogStatsdEvents(UNIX)
