"""Datagrams on their way: whether the Agent is there, busy, or somewhere else by now."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from statsig.datadog.dogstatsd import DogStatsdAddress
from statsig.datadog.dogstatsd_socket import DogStatsdSocket, LookedUpAside
from tests.clock import Clock
from tests.relay.dogstatsd_receiver import wait_until


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
