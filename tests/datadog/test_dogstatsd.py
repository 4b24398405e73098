"""Samples on their way to a socket: lines, datagrams, and what happens when nobody takes them."""

from __future__ import annotations

import logging
import os
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
from statsig.datadog.dogstatsd_socket import DogStatsdSocket, LookedUpAside
from statsig.datadog.metrics import Sample
from statsig.datadog.relay_metrics import CHECK_GATE, CONTEXTS, RELAY_METRICS, samples
from statsig.webhook.counting import Context, Count, Counts, Kind
from tests.clock import Clock
from tests.relay.dogstatsd_receiver import wait_until

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


class Agent:
    """A Unix datagram socket like an Agent's, with a queue as short as the kernel's."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket: socket.socket | None = None

    def listen(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(str(self.path))

    def read(self) -> list[bytes]:
        assert self._socket is not None
        found = []
        while True:
            try:
                found.append(self._socket.recv(65536))
            except BlockingIOError:
                return found

    def stop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            os.unlink(self.path)
            self._socket = None


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    running = Agent(tmp_path / 'dsd.socket')
    yield running
    running.stop()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outgoing(agent: Agent, clock: Clock) -> Iterator[DogStatsdSocket]:
    created = DogStatsdSocket(DogStatsdAddress(path=str(agent.path)), clock)
    yield created
    created.close()


def test_datagrams_wait_for_a_socket_that_is_not_there(agent: Agent, outgoing: DogStatsdSocket, clock: Clock) -> None:
    outgoing.add([b'one', b'two'])
    assert not outgoing.send_some()
    clock.now += 50
    assert (outgoing.waiting, outgoing.blocked_for) == (2, 50)

    agent.listen()
    assert outgoing.send_some()
    assert agent.read() == [b'one', b'two']
    assert (outgoing.waiting, outgoing.blocked_for) == (0, 0)


def test_datagrams_wait_while_the_socket_is_full_and_none_is_sent_twice(
    agent: Agent, outgoing: DogStatsdSocket
) -> None:
    agent.listen()
    sent = [b'%d' % number for number in range(2000)]
    outgoing.add(sent)
    while outgoing.send_some():
        assert outgoing.waiting, 'the socket took everything: it was never full'

    received = agent.read()
    while outgoing.waiting:
        outgoing.send_some()
        received += agent.read()
    assert received == sent
    taken = outgoing.take_counts()
    assert (taken.sent, taken.dropped) == (2000, 0)
    assert taken.retried > 0


def test_an_agent_that_is_restarted_gets_what_the_old_one_did_not(agent: Agent, outgoing: DogStatsdSocket) -> None:
    agent.listen()
    outgoing.add([b'one'])
    outgoing.send_some()
    assert agent.read() == [b'one']
    agent.stop()

    outgoing.add([b'two'])
    outgoing.send_some()
    agent.listen()
    outgoing.send_some()
    assert agent.read() == [b'two']


def test_a_missing_socket_is_complained_about_once_a_minute(
    outgoing: DogStatsdSocket, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    outgoing.add([b'one'])
    for _ in range(100):
        outgoing.send_some()
        clock.now += 1
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.WARNING]
    assert 'takes no datagrams at unix://' in caplog.records[0].message
    assert 'No such file or directory' in caplog.records[0].message


def test_a_datagram_that_no_socket_takes_is_dropped_and_counted(agent: Agent, outgoing: DogStatsdSocket) -> None:
    agent.listen()
    outgoing.add([b'x' * 10_000_000, b'two'])
    while outgoing.waiting:
        outgoing.send_some()
    assert agent.read() == [b'two']
    assert outgoing.take_counts().dropped == 1


def test_udp_reaches_a_port() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(('127.0.0.1', 0))
        receiver.settimeout(5)
        outgoing = DogStatsdSocket(DogStatsdAddress(host='127.0.0.1', port=receiver.getsockname()[1]), Clock())
        outgoing.add([b'one'])
        assert outgoing.send_some()
        assert receiver.recv(100) == b'one'
        outgoing.close()


def test_a_closed_port_on_this_host_is_noticed_for_every_datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(('127.0.0.1', 0))
        port = receiver.getsockname()[1]
    outgoing = DogStatsdSocket(DogStatsdAddress(host='127.0.0.1', port=port), Clock())
    sent = [b'%d' % number for number in range(10)]
    outgoing.add(sent)
    assert [outgoing.send_some() for _ in range(5)] == [False] * 5
    assert outgoing.waiting == 10

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(('127.0.0.1', port))
        receiver.settimeout(5)
        assert outgoing.send_some()
        assert [receiver.recv(100) for _ in sent] == sent
    outgoing.close()


def test_what_must_go_at_once_goes_before_what_waits_or_not_at_all(agent: Agent, outgoing: DogStatsdSocket) -> None:
    outgoing.add([b'waiting'])
    assert not outgoing.hand_over(b'urgent')
    assert (outgoing.waiting, outgoing.is_full, outgoing.why) == (1, False, 'No such file or directory')

    agent.listen()
    assert outgoing.hand_over(b'urgent again')
    assert outgoing.send_some()
    assert agent.read() == [b'urgent again', b'waiting']


def test_a_full_socket_is_told_from_a_missing_one(agent: Agent, outgoing: DogStatsdSocket) -> None:
    agent.listen()
    while outgoing.hand_over(b'one'):
        assert not outgoing.is_full
    assert outgoing.is_full


def test_a_host_without_an_address_is_no_end(caplog: pytest.LogCaptureFixture) -> None:
    outgoing = DogStatsdSocket(DogStatsdAddress(host='no-such-host.invalid', port=8125), Clock())
    outgoing.add([b'one'])
    assert not outgoing.send_some()
    assert outgoing.waiting == 1
    assert 'udp://no-such-host.invalid:8125' in caplog.text


class Names:
    """A name server: what `getaddrinfo` answers, and whether it answers at all."""

    def __init__(self) -> None:
        self.addresses: list[tuple[str, int]] = []
        self.answers = threading.Event()
        self.answers.set()

    def __call__(self, host: str, port: int, **_: Any) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        self.answers.wait(20)
        if not self.addresses:
            raise socket.gaierror(socket.EAI_NONAME, 'Name or service not known')
        return [(socket.AF_INET, socket.SOCK_DGRAM, 17, '', address) for address in self.addresses]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    served = Names()
    monkeypatch.setattr(socket, 'getaddrinfo', served)
    return served


NAMED = DogStatsdAddress(host='agent.example', port=8125)


def test_of_the_addresses_of_a_name_the_one_that_listens_is_found(names: Names) -> None:
    with udp_receiver() as closed, udp_receiver() as listens:
        names.addresses = [closed.getsockname(), listens.getsockname()]
        closed.close()
        outgoing = DogStatsdSocket(NAMED, Clock())
        outgoing.add([b'one'])
        assert [outgoing.send_some() for _ in range(2)] == [False, True]
        assert listens.recv(100) == b'one'
        outgoing.close()


def test_an_agent_that_moves_is_found_under_its_name(names: Names) -> None:
    clock = Clock()
    with udp_receiver() as before, udp_receiver() as after:
        names.addresses = [before.getsockname()]
        outgoing = DogStatsdSocket(NAMED, clock)
        outgoing.add([b'one'])
        assert outgoing.send_some()
        names.addresses = [after.getsockname()]
        clock.now += 61
        outgoing.add([b'two'])
        assert outgoing.send_some()
        assert (before.recv(100), after.recv(100)) == (b'one', b'two')
        outgoing.close()


def test_looking_a_name_up_keeps_nobody_waiting(names: Names) -> None:
    names.answers.clear()
    with udp_receiver() as agent:
        names.addresses = [agent.getsockname()]
        outgoing = DogStatsdSocket(NAMED, Clock(), LookedUpAside(NAMED))
        outgoing.add([b'one'])
        assert not outgoing.send_some()
        assert outgoing.why == 'the name is being looked up'
        names.answers.set()
        wait_until(outgoing.send_some)
        assert agent.recv(100) == b'one'
        outgoing.close()


def test_a_name_that_is_not_known_is_looked_up_again(names: Names) -> None:
    targets = LookedUpAside(NAMED)
    with udp_receiver() as agent:
        wait_until(lambda: raises(targets, 'Name or service not known'))
        names.addresses = [agent.getsockname()]
        wait_until(lambda: not raises(targets))
        assert targets() == [(socket.AF_INET, agent.getsockname())]


def raises(targets: LookedUpAside, said: str = '') -> bool:
    try:
        targets()
    except OSError as error:
        return said in str(error)
    return False


def udp_receiver() -> socket.socket:
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(('127.0.0.1', 0))
    receiver.settimeout(5)
    return receiver


def test_the_table_keeps_the_units_and_types_that_datadog_knows() -> None:
    assert CHECK_GATE.type == 'count'
    assert {metric.type for metric in RELAY_METRICS} == {'count', 'gauge'}
