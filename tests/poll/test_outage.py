"""While DogStatsD takes nothing, no change is lost; and when it does again, none comes twice."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import SandboxServer
from tests.poll.conftest import Conf, StartPoll, entry_ids, ids, wait_for_run
from tests.relay.dogstatsd_receiver import DogStatsdReceiver, wait_until


def test_changes_during_an_outage_are_sent_after_it(
    conf: Conf, start_poll: StartPoll, receiver: DogStatsdReceiver, project: SandboxProject, server: SandboxServer
) -> None:
    poll = start_poll(conf(min_collection_interval=1), receiver)
    project.add_audit_entry()
    wait_until(lambda: len(ids(receiver)) == 1)

    receiver.stop()
    for _ in range(120):
        project.add_audit_entry()
    wait_until(lambda: 'did not take an event' in poll.log)
    wait_for_run(server)
    project.add_audit_entry()
    wait_for_run(server)
    receiver.start()
    wait_until(lambda: len(ids(receiver)) >= 122)
    wait_for_run(server)

    assert poll.stop() == 0
    receiver.stop()
    assert ids(receiver) == entry_ids(project)
    assert 'Nothing is lost: it and those after it are sent by a later run.' in poll.log
    counted = sum(value for (name, _), value in receiver.counts().items() if name == 'statsig.audit_log.entries')
    assert counted == 122, 'what was counted meanwhile comes too'


def test_a_restart_during_an_outage_loses_nothing_either(
    conf: Conf, start_poll: StartPoll, unix_receiver: DogStatsdReceiver, project: SandboxProject
) -> None:
    unix_receiver.stop()
    config = conf(min_collection_interval=1)
    project.add_audit_entry()
    for _ in range(2):
        poll = start_poll(config, unix_receiver)
        wait_until(lambda started=poll: 'did not take an event' in started.log)  # type: ignore[misc]
        assert poll.stop() == 0
    unix_receiver.start()

    assert start_poll(config, unix_receiver, '--once').wait() == 0
    unix_receiver.stop()
    assert ids(unix_receiver) == entry_ids(project)


def test_an_agent_that_goes_away_in_the_middle_of_a_batch_gets_each_event_once(
    conf: Conf, start_poll: StartPoll, project: SandboxProject, tmp_path: Path
) -> None:
    """It reads 20 events, is gone, and comes back: what it had not read is in its socket, and lost with that."""
    for _ in range(60):
        project.add_audit_entry(timestamp=time.time() - 60)
    receiver = DogStatsdReceiver(tmp_path / 'dsd.socket')
    config = conf(min_collection_interval=1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as first:
        first.bind(str(receiver.path))
        poll = start_poll(config, receiver)
        # The queue of a socket that nobody reads is short: it is full after some of them.
        wait_until(lambda: 'did not take an event' in poll.log)
        first.setblocking(False)
        taken = 0
        while True:
            try:
                taken += first.recv(65536).startswith(b'_e{')
            except BlockingIOError:
                break
        assert poll.stop() == 0
    (tmp_path / 'dsd.socket').unlink()
    assert 0 < taken < 60
    receiver.start()
    assert start_poll(config, receiver, '--once').wait() == 0
    receiver.stop()

    assert len(ids(receiver)) == 60 - taken
    assert set(ids(receiver)) <= set(entry_ids(project))


def test_once_fails_when_dogstatsd_takes_nothing(
    conf: Conf, start_poll: StartPoll, unix_receiver: DogStatsdReceiver
) -> None:
    unix_receiver.stop()
    poll = start_poll(conf(), unix_receiver, '--once')
    assert poll.wait() == 1
    assert 'Metrics are lost: DogStatsD at unix://' in poll.log
    unix_receiver.start()
