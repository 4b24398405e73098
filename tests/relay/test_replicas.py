"""Three relays behind nginx give the sums of one; what is lost, and what is counted twice, when one of them fails."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from statsig.sandbox.webhook_sender import WebhookSender
from statsig.webhook.signature import SIGNATURE_HEADER
from tests.relay.conftest import SECRET, RunningRelay, StartRelay
from tests.relay.dogstatsd_receiver import DogStatsdReceiver, wait_until
from tests.relay.nginx import EXAMPLE, nginx_in_front_of, nginx_program, requests, with_main_context
from tests.relay.summary import REPLICAS
from tests.relay.test_counts import happening

EVENTS = 10  # of a delivery; all of one gate, which is called as the delivery is
VICTIM = 1
COUNTED = re.compile(r'environment:production,name:(?P<delivery>\w+),replica:(?P<replica>\d),value:true')


@dataclass(frozen=True, slots=True)
class Delivery:
    """One that was answered 200 in the end. seen: flushes of the victim that had arrived by then."""

    name: str
    signature: str
    statuses: tuple[int, ...]
    seen: int


class Load:
    """Senders that make deliveries one after the other, and make one again until it is answered 200."""

    def __init__(self, url: str, receiver: DogStatsdReceiver, senders: int = 4) -> None:
        self._url = url
        self._receiver = receiver
        self._enough = threading.Event()
        self.deliveries: list[Delivery] = []
        self.given_up: list[str] = []
        self._threads = [threading.Thread(target=self._send, args=(number,), daemon=True) for number in range(senders)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join(timeout=60)
            assert not thread.is_alive()

    def _send(self, sender: int) -> None:
        number = 0
        with WebhookSender(self._url, SECRET) as statsig:
            while not self._enough.is_set():
                name = f'delivery_{sender}_{number}'
                number += 1
                body = json.dumps([happening(name).event for _ in range(EVENTS)]).encode()
                headers = statsig.signed(body)
                statuses = _made_until_it_is_answered_200(statsig, body, headers)
                if statuses[-1] != 200:
                    self.given_up.append(name)
                    continue
                seen = self._receiver.flushes(f'replica:{VICTIM}')
                self.deliveries.append(Delivery(name, headers[SIGNATURE_HEADER], statuses, seen))


def _made_until_it_is_answered_200(statsig: WebhookSender, body: bytes, headers: dict[str, str]) -> tuple[int, ...]:
    statuses: list[int] = []
    for _ in range(50):
        statuses.append(statsig.post(body, headers)[0])
        if statuses[-1] == 200:
            break
        time.sleep(0.05)
    return tuple(statuses)


class Outcome:
    """What became of the deliveries, when everything has ended."""

    def __init__(self, deliveries: Iterable[Delivery], receiver: DogStatsdReceiver, directory: Path) -> None:
        self.deliveries = list(deliveries)
        self.counted: dict[str, Counter[int]] = {each.name: Counter() for each in self.deliveries}  # by replica
        for (metric, tags), value in receiver.counts().items():
            found = COUNTED.fullmatch(tags)
            if found and metric == 'statsig.check_gate.count':
                self.counted[found['delivery']][int(found['replica'])] += value
        self.asked = requests(directory)

    @property
    def lost(self) -> list[Delivery]:
        return [each for each in self.deliveries if not self.counted[each.name]]

    @property
    def twice(self) -> list[Delivery]:
        return [each for each in self.deliveries if sum(self.counted[each.name].values()) > EVENTS]

    def in_parts(self) -> list[str]:
        """Deliveries of which a replica counted some events and not others."""
        return [name for name, by_replica in self.counted.items() if set(by_replica.values()) - {EVENTS}]

    def last_answered_by(self, delivery: Delivery) -> int:
        """The port."""
        return next(each.ports[-1] for each in reversed(self.asked) if each.signature == delivery.signature)

    def unanswered_by(self, port: int, delivery: Delivery) -> bool:
        """Whether nginx had no answer from that relay, and told the sender so."""
        return any(
            each.signature == delivery.signature and each.ports[-1] == port and each.status in (502, 504)
            for each in self.asked
        )


@pytest.fixture
def replicas(start_relay: StartRelay, unix_receiver: DogStatsdReceiver) -> list[RunningRelay]:
    """The tag is there to see who counted what; replicas of a deployment have none."""
    return [
        start_relay(unix_receiver, tags=[f'replica:{number}'], flush_interval=0.5, webhook={'max_contexts': 50_000})
        for number in range(3)
    ]


def all_have_counted(receiver: DogStatsdReceiver, events: int) -> bool:
    by_replica: Counter[str] = Counter()
    for (_, tags), value in receiver.counts('statsig.check_gate.count').items():
        by_replica[tags.partition('replica:')[2][:1]] += value
    return len(by_replica) == 3 and min(by_replica.values()) >= events


def test_one_that_is_killed_loses_what_it_had_not_flushed_and_nothing_else_is_lost_or_counted_twice(
    replicas: list[RunningRelay],
    unix_receiver: DogStatsdReceiver,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    victim = replicas[VICTIM]
    with nginx_in_front_of(replicas, tmp_path) as url:
        load = Load(url, unix_receiver)
        wait_until(lambda: all_have_counted(unix_receiver, 50 * EVENTS) and unix_receiver.flushes('replica:1') >= 3)
        victim.kill()
        until_then = len(load.deliveries)
        wait_until(lambda: len(load.deliveries) >= until_then + 300)
        load.stop()
    assert [replica.stop() for replica in replicas if replica is not victim] == [0, 0]
    unix_receiver.stop()

    outcome = Outcome(load.deliveries, unix_receiver, tmp_path)
    assert load.given_up == []
    assert outcome.in_parts() == []
    for delivery in outcome.lost:
        assert outcome.last_answered_by(delivery) == victim.port
        # What had been answered before the last but one of its flushes had arrived was in the last one at the latest.
        assert delivery.seen >= unix_receiver.flushes('replica:1') - 1
    for delivery in outcome.twice:
        assert outcome.unanswered_by(victim.port, delivery)
    record_property(
        REPLICAS,
        [
            'one of three killed (SIGKILL)',
            *(EVENTS * len(each) for each in (outcome.deliveries, outcome.lost, outcome.twice)),
        ],
    )


def test_one_that_is_stopped_loses_nothing(
    replicas: list[RunningRelay],
    unix_receiver: DogStatsdReceiver,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    with nginx_in_front_of(replicas, tmp_path) as url:
        load = Load(url, unix_receiver)
        wait_until(lambda: all_have_counted(unix_receiver, 50 * EVENTS))
        assert replicas[VICTIM].stop() == 0
        until_then = len(load.deliveries)
        wait_until(lambda: len(load.deliveries) >= until_then + 300)
        load.stop()
    assert [replicas[number].stop() for number in (0, 2)] == [0, 0]
    unix_receiver.stop()

    outcome = Outcome(load.deliveries, unix_receiver, tmp_path)
    assert load.given_up == []
    assert {sum(by_replica.values()) for by_replica in outcome.counted.values()} == {EVENTS}
    record_property(REPLICAS, ['one of three stopped (SIGTERM)', EVENTS * len(outcome.deliveries), 0, 0])


def test_a_delivery_whose_answer_is_lost_counts_once_in_each_replica_that_gets_it(
    replicas: list[RunningRelay], unix_receiver: DogStatsdReceiver, tmp_path: Path
) -> None:
    body = json.dumps([happening('delivery_0_0').event for _ in range(EVENTS)]).encode()
    with nginx_in_front_of(replicas, tmp_path, read_timeout='1s') as url, WebhookSender(url, SECRET) as statsig:
        for replica in replicas:
            replica.process.send_signal(signal.SIGSTOP)
        headers = statsig.signed(body)
        assert statsig.post(body, headers)[0] == 504, 'nginx leaves it to the sender to make the delivery again'
        for replica in replicas:
            replica.process.send_signal(signal.SIGCONT)
        wait_until(lambda: unix_receiver.events() == EVENTS)
        again = [statsig.post(body, headers)[0] for _ in range(12)]
    assert [replica.stop() for replica in replicas] == [0, 0, 0]
    unix_receiver.stop()

    assert again == [200] * 12
    counted = {tags: value for (_, tags), value in unix_receiver.counts('statsig.check_gate.count').items()}
    tags = 'environment:production,name:delivery_0_0,replica:{},value:true'
    assert counted == {tags.format(number): EVENTS for number in range(3)}, 'once per replica, and not more'
    assert len(requests(tmp_path)[0].ports) == 1


def test_the_example_is_a_whole_configuration_of_nginx(tmp_path: Path) -> None:
    program = nginx_program()
    if not shutil.which('openssl'):
        pytest.skip('openssl is not installed: no certificate can be made')
    make = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-days', '1']
    key, certificate = tmp_path / 'statsig-relay.key', tmp_path / 'statsig-relay.crt'
    subprocess.run(['openssl', *make, '-keyout', key, '-out', certificate], check=True, capture_output=True)
    site = EXAMPLE.read_text(encoding='utf-8').replace('/etc/nginx/tls', str(tmp_path))
    # Names of upstreams are looked up when nginx starts.
    site = re.sub(r'relay-(\d)\.example\.com', r'127.0.0.\1', site)
    (tmp_path / 'nginx.conf').write_text(with_main_context(site, tmp_path), encoding='utf-8')

    checked = subprocess.run(
        [program, '-t', '-p', tmp_path, '-c', tmp_path / 'nginx.conf', '-e', tmp_path / 'error.log'],
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert checked.returncode == 0, checked.stderr
    assert 'warn' not in checked.stderr
