"""Several processes on one port."""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path

from statsig.sandbox.dice import dice
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.webhook_counts import expected_counts, without_estimates
from statsig.sandbox.webhook_sender import WebhookEvents, in_batches
from tests.relay.conftest import RunningRelay, StartRelay
from tests.relay.dogstatsd_receiver import DogStatsdReceiver, wait_until
from tests.relay.test_counts import happening


def workers(relay: RunningRelay) -> set[int]:
    """Process ids of those that serve."""
    children = Path(f'/proc/{relay.process.pid}/task/{relay.process.pid}/children').read_text().split()
    return {int(child) for child in children if b'spawn_main' in Path(f'/proc/{child}/cmdline').read_bytes()}


def test_their_counts_add_up(start_relay: StartRelay, unix_receiver: DogStatsdReceiver) -> None:
    relay = start_relay(unix_receiver, workers=3)
    senders = [relay.sender() for _ in range(8)]
    happenings = WebhookEvents(SandboxProject(seed=4)).take(6000)
    for number, batch in enumerate(in_batches(happenings, dice('workers'), 50)):
        assert senders[number % len(senders)].deliver(batch) == 200
    for sender in senders:
        sender.close()
    assert relay.stop() == 0
    unix_receiver.stop()

    sent = sum((sender.sent for sender in senders), senders[0].sent.__class__())
    assert without_estimates(unix_receiver.counts()) == expected_counts(sent)


def test_one_that_is_killed_is_replaced(start_relay: StartRelay, unix_receiver: DogStatsdReceiver) -> None:
    relay = start_relay(unix_receiver, workers=2)
    wait_until(lambda: len(workers(relay)) == 2)
    victim = min(workers(relay))
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(workers(relay) - {victim}) == 2)
    assert re.search(r'Worker \d ended \(exit code -9\): starting another', relay.log)
    with relay.sender() as statsig:
        assert statsig.deliver([happening('checkout')]) == 200
    assert relay.stop() == 0
    unix_receiver.stop()
    assert unix_receiver.events() == 1


def test_they_stop_when_their_supervisor_is_killed(start_relay: StartRelay, unix_receiver: DogStatsdReceiver) -> None:
    relay = start_relay(unix_receiver, workers=2, flush_interval=3600)
    with relay.sender() as statsig:
        assert statsig.deliver([happening('checkout')]) == 200
    wait_until(lambda: len(workers(relay)) == 2)
    left = workers(relay)
    relay.kill()
    wait_until(lambda: not any(Path(f'/proc/{pid}').exists() for pid in left))
    unix_receiver.stop()
    assert unix_receiver.events() == 1  # they flushed


def test_contexts_are_shared_out_among_them(start_relay: StartRelay, unix_receiver: DogStatsdReceiver) -> None:
    """Each connection sends names of its own: of names that all see, all together send no more than one of them."""
    relay = start_relay(unix_receiver, workers=2, webhook={'max_contexts': 300})
    delivered = 0

    def both_have_counted() -> bool:
        nonlocal delivered
        with relay.sender() as statsig:  # whoever is free takes the connection
            assert statsig.deliver([happening(f'gate_{delivered}_{number}') for number in range(500)]) == 200
        delivered += 1
        found = unix_receiver.gauges()
        return all(found.get(('statsig.relay.contexts', f'worker:{worker}'), 0) > 0 for worker in range(2))

    wait_until(both_have_counted)
    assert relay.stop() == 0
    unix_receiver.stop()
    assert unix_receiver.events() == 500 * delivered
    assert len(without_estimates(unix_receiver.counts())) <= 300


def test_while_they_stop_nobody_is_let_in_and_left_waiting(
    start_relay: StartRelay, unix_receiver: DogStatsdReceiver
) -> None:
    relay = start_relay(unix_receiver, workers=2)
    wait_until(lambda: len(workers(relay)) == 2)
    with relay.sender() as statsig, socket.create_connection(('127.0.0.1', relay.port)) as busy:
        assert statsig.deliver([happening('checkout')]) == 200
        busy.sendall(b'POST /webhooks/statsig HTTP/1.1\r\n')  # a request under way, so that stopping takes a while
        relay.process.terminate()
        wait_until(lambda: refused(relay.port))
        assert relay.process.poll() is None
    assert relay.process.wait(30) == 0


def refused(port: int) -> bool:
    try:
        socket.create_connection(('127.0.0.1', port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False
