"""Samples on their way to a socket: lines, datagrams, and what happens when nobody takes them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.datadog.dogstatsd import (
    DogStatsdAddress,
    DogStatsdLines,
    SwitchedOffError,
    TagsTooLongError,
    packed,
)
from statsig.datadog.metrics import Sample
from statsig.datadog.relay_metrics import CHECK_GATE, CONTEXTS, RELAY_METRICS, samples
from statsig.webhook.counting import Context, Count, Counts, Kind

UNIX, UDP = DogStatsdAddress(path='/run/dsd.socket'), DogStatsdAddress(host='127.0.0.1', port=8125)
# What the protocol gives a meaning: nothing of it may come out of a name.
LINE = re.compile(r'[a-z][a-z0-9_.]*:[0-9.]+\|[cg](\|#[^|,#@\s]+(,[^|,#@\s]+)*)?\n')


def counts(*contexts: Context) -> Counts:
    return Counts({context: Count(2, 20) for context in contexts}, 0, 0, 0, 0, len(contexts))


def gate(name: str, value: str = 'true', environment: str = 'production') -> Context:
    return Context(Kind.GATE, environment, name, value)


def lines(address: DogStatsdAddress, given: Counts, *tags: str) -> list[str]:
    writer = DogStatsdLines(address, 'statsig', tags)
    return [writer.line(sample).decode() for sample in samples(given, '0')]


def test_counts_become_the_metrics_that_statsigs_users_know() -> None:
    given = counts(
        gate('checkout'),
        Context(Kind.CONFIG, 'production', 'c', ''),
        Context(Kind.EXPERIMENT, 'staging', 'e', 'Group B'),
        Context(Kind.LAYER, 'production', 'l', ''),
        Context(Kind.HOLDOUT, 'production', 'h', 'false'),
        Context(Kind.CUSTOM, 'production', 'purchase', ''),
    )
    assert lines(UNIX, given, 'team:growth') == [
        'statsig.check_gate.count:2|c|#environment:production,name:checkout,value:true,team:growth\n',
        'statsig.check_gate.count.estimated:20|c|#environment:production,name:checkout,value:true,team:growth\n',
        'statsig.get_config.count:2|c|#environment:production,name:c,team:growth\n',
        'statsig.get_config.count.estimated:20|c|#environment:production,name:c,team:growth\n',
        'statsig.get_experiment.count:2|c|#environment:staging,name:e,group:group_b,team:growth\n',
        'statsig.get_experiment.count.estimated:20|c|#environment:staging,name:e,group:group_b,team:growth\n',
        'statsig.get_layer.count:2|c|#environment:production,name:l,team:growth\n',
        'statsig.get_layer.count.estimated:20|c|#environment:production,name:l,team:growth\n',
        'statsig.get_holdout.count:2|c|#environment:production,name:h,value:false,team:growth\n',
        'statsig.get_holdout.count.estimated:20|c|#environment:production,name:h,value:false,team:growth\n',
        'statsig.log_event.count:2|c|#environment:production,name:purchase,team:growth\n',
        'statsig.relay.events:12|c|#outcome:counted,team:growth\n',
        'statsig.relay.contexts:6|g|#worker:0,team:growth\n',
    ]


def test_what_was_left_out_is_counted() -> None:
    found = lines(UNIX, Counts({}, filtered=3, malformed=2, config_changes=1, overflow=7, contexts=0))
    assert found == [
        'statsig.relay.events:3|c|#outcome:filtered\n',
        'statsig.relay.events:2|c|#outcome:malformed\n',
        'statsig.relay.events:1|c|#outcome:config_change\n',
        'statsig.relay.overflow:7|c\n',
        'statsig.relay.contexts:0|g|#worker:0\n',
    ]


def test_names_that_datadog_does_not_tell_apart_are_one_series() -> None:
    found = lines(UNIX, counts(gate('Beta Users'), gate('beta_users')))
    assert found[0] == 'statsig.check_gate.count:4|c|#environment:production,name:beta_users,value:true\n'
    assert len([line for line in found if 'check_gate.count:' in line]) == 1


def test_no_metric_has_a_name_twice_and_every_tag_is_in_the_table() -> None:
    names = [metric.name for metric in RELAY_METRICS]
    assert len(names) == len(set(names))
    given = counts(*(Context(kind, 'production', 'n', 'v') for kind in Kind))
    for sample in samples(given, '0'):
        assert sorted(tag.partition(':')[0] for tag in sample.tags) == sorted(sample.metric.tags), sample.metric.name


NASTY = [
    'a\nb:1|c',
    'a|#x,y',
    'a,b',
    'a' * 10_000,
    '漢' * 10_000,
    '😀' * 500,
    '\ud800',
    '',
    ':',
    '\0',
    'é' * 300,
    'İ' * 200,
]


@pytest.mark.parametrize('address', [UNIX, UDP], ids=['unix', 'udp'])
@pytest.mark.parametrize('name', NASTY, ids=range(len(NASTY)))
def test_no_name_breaks_the_protocol(address: DogStatsdAddress, name: str) -> None:
    found = lines(address, counts(gate(name, name, name)), 'tag:of_ours')
    assert len(found) == 4
    for line in found:
        assert LINE.fullmatch(line), line
        assert len(line.encode()) <= address.largest_datagram
        assert line.endswith('tag:of_ours\n')


@given(st.lists(st.tuples(st.text(), st.text(), st.text()), max_size=20))
def test_no_names_break_the_protocol(names: list[tuple[str, str, str]]) -> None:
    given_counts = counts(*(gate(*each) for each in names))
    datagrams = packed((line.encode() for line in lines(UDP, given_counts)), 1432)

    received = b''.join(datagrams).decode().splitlines(keepends=True)
    assert all(LINE.fullmatch(line) for line in received)
    assert all(len(datagram) <= 1432 for datagram in datagrams)
    total = sum(
        int(line.split(':')[1].split('|')[0]) for line in received if line.startswith('statsig.check_gate.count:')
    )
    assert total == 2 * len(given_counts.by_context)


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=60), st.integers(60, 200))
def test_packing_keeps_every_line_whole_and_in_order(given_lines: list[bytes], limit: int) -> None:
    datagrams = packed(given_lines, limit)
    assert b''.join(datagrams) == b''.join(given_lines)
    assert all(0 < len(datagram) <= limit for datagram in datagrams)
    ends = {sum(map(len, given_lines[:n])) for n in range(len(given_lines) + 1)}
    assert {sum(map(len, datagrams[:n])) for n in range(len(datagrams) + 1)} <= ends
    # The next line would not have fitted.
    starts = [sum(map(len, datagrams[:n])) for n in range(1, len(datagrams))]
    following = [
        next(line for n, line in enumerate(given_lines) if sum(map(len, given_lines[:n])) == s) for s in starts
    ]
    assert all(len(datagram) + len(line) > limit for datagram, line in zip(datagrams, following, strict=False))


def test_tags_that_leave_no_room_are_refused() -> None:
    with pytest.raises(TagsTooLongError, match='of the 1432 bytes of a datagram'):
        DogStatsdLines(UDP, 'statsig', ['team:' + 'x' * 195] * 6)
    DogStatsdLines(UNIX, 'statsig', ['team:' + 'x' * 195] * 6)


def test_a_switched_off_client_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('DD_DOGSTATSD_DISABLE', 'true')
    with pytest.raises(SwitchedOffError, match='DD_DOGSTATSD_DISABLE is set'):
        DogStatsdLines(UNIX, 'statsig', [])


def test_the_environment_adds_unified_tags_and_moves_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('DD_ENV', 'prod')
    monkeypatch.setenv('DD_AGENT_HOST', 'elsewhere')
    monkeypatch.setenv('DD_DOGSTATSD_URL', 'udp://elsewhere:1')
    line = DogStatsdLines(UNIX, 'statsig', ['a:b']).line(Sample(CONTEXTS, 1, ('worker:0',)))
    assert line == b'statsig.relay.contexts:1|g|#worker:0,a:b,env:prod\n'


def test_the_table_keeps_the_units_and_types_that_datadog_knows() -> None:
    assert CHECK_GATE.type == 'count'
    assert {metric.type for metric in RELAY_METRICS} == {'count', 'gauge'}
