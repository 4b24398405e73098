"""A stop loses nothing that was answered 200; a kill loses at most what one flush interval holds."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from statsig.sandbox.webhook_sender import DeliveryFailedError
from tests.relay.conftest import RunningRelay, StartRelay
from tests.relay.dogstatsd_receiver import DogStatsdReceiver, wait_until
from tests.relay.test_counts import happening


class Load:
    """Senders that post as fast as they can, each over a connection of its own, until there is nobody to post to."""

    BATCH = 20

    def __init__(self, relay: RunningRelay, senders: int = 4) -> None:
        self._relay = relay
        self._lock = threading.Lock()
        self.answered = 0  # events of deliveries that were answered 200
        self.statuses: set[int] = set()
        self._threads = [threading.Thread(target=self._send, args=(number,), daemon=True) for number in range(senders)]
        for thread in self._threads:
            thread.start()

    def _send(self, number: int) -> None:
        with self._relay.sender() as statsig:
            while True:
                batch = [happening(f'gate_{number}_{each}') for each in range(self.BATCH)]
                try:
                    status = statsig.deliver(batch)
                except DeliveryFailedError:
                    if self._relay.process.poll() is not None:
                        return
                    time.sleep(0.01)
                    continue
                with self._lock:
                    self.statuses.add(status)
                    self.answered += self.BATCH if status == 200 else 0

    def wait(self) -> None:
        for thread in self._threads:
            thread.join(timeout=30)
            assert not thread.is_alive()


@pytest.mark.parametrize('workers', [1, 2])
def test_a_stop_under_load_loses_no_event_that_was_answered(
    start_relay: StartRelay, receiver: DogStatsdReceiver, workers: int
) -> None:
    relay = start_relay(receiver, workers=workers, flush_interval=3600)
    load = Load(relay)
    wait_until(lambda: load.answered > 2000)
    assert relay.stop() == 0
    load.wait()
    receiver.stop()

    # An answer can be lost on its way when its connection closes; a count cannot.
    assert load.answered <= receiver.events() <= load.answered + 4 * Load.BATCH
    assert load.statuses == {200}


@pytest.mark.parametrize('workers', [1, 2])
@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_either_signal_is_a_stop_with_exit_code_0(
    start_relay: StartRelay, unix_receiver: DogStatsdReceiver, workers: int, number: signal.Signals
) -> None:
    relay = start_relay(unix_receiver, workers=workers, flush_interval=3600)
    with relay.sender() as statsig:
        assert statsig.deliver([happening('checkout')]) == 200
    relay.process.send_signal(number)
    assert relay.process.wait(timeout=40) == 0
    unix_receiver.stop()

    assert unix_receiver.events() == 1


def test_a_kill_loses_what_was_not_flushed_and_nothing_else(
    start_relay: StartRelay, unix_receiver: DogStatsdReceiver
) -> None:
    relay = start_relay(unix_receiver, flush_interval=1)
    with relay.sender() as statsig:
        for _ in range(10):
            assert statsig.deliver([happening('before')] + [happening('before') for _ in range(9)]) == 200
        wait_until(lambda: unix_receiver.events() == 100)
        # A flush has just been: the next one is a second away.
        assert statsig.deliver([happening('after') for _ in range(10)]) == 200
    relay.kill()
    assert 100 <= unix_receiver.events() <= 110

    again = start_relay(unix_receiver)
    with again.sender() as statsig:
        statsig.deliver([happening('again')])
    again.stop()
    unix_receiver.stop()
    named_before = 'environment:production,name:before,value:true'
    named_again = 'environment:production,name:again,value:true'
    assert unix_receiver.counts()['statsig.check_gate.count', named_before] == 100
    assert unix_receiver.counts()['statsig.check_gate.count', named_again] == 1


def test_a_stop_hands_over_as_many_counts_as_there_may_be(start_relay: StartRelay, receiver: DogStatsdReceiver) -> None:
    relay = start_relay(receiver, {'max_contexts': 50_000}, flush_interval=3600)
    with relay.sender() as statsig:
        for number in range(49):
            assert statsig.deliver([happening(f'gate_{number}_{each}') for each in range(1000)]) == 200
    assert relay.stop() == 0
    receiver.stop()
    assert receiver.events() == 49_000
