"""A DogStatsD server that nobody here wrote gets the same sums: PyPI `datadog-serverless-compat`, Datadog's, in Rust.

It binds every address and wants to send what it gets to Datadog: so it runs in a network namespace with nothing but a
loopback, and so do the relay and the sender. `socat` stands between a Unix socket and its UDP port.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml

from statsig.sandbox.project import SandboxProject
from statsig.sandbox.webhook_counts import expected_counts, without_estimates
from statsig.sandbox.webhook_sender import WebhookEvents, in_batches
from tests.cli.conftest import environment
from tests.relay.conftest import SECRET
from tests.relay.dogstatsd_receiver import wait_until

EVENTS = 20_000
_SERIES = re.compile(
    r'metric: "(?P<name>[^"]+)", points: \[(?P<points>[^\]]*)\], resources: \[\], '
    r'kind: Count, tags: \[(?P<tags>[^\]]*)\]'
)


class Namespace:
    """A network of its own, as long as it is not stopped."""

    def __init__(self) -> None:
        self._holder = subprocess.Popen(['unshare', '--net', 'sleep', '600'])
        wait_until(lambda: self._is_apart() or self._holder.poll() is not None)
        if self._holder.poll() is not None or self._run('ip', 'link', 'set', 'lo', 'up') != 0:
            self.stop()
            pytest.skip('network namespaces cannot be made here (they need root)')

    def _is_apart(self) -> bool:
        return os.readlink(f'/proc/{self._holder.pid}/ns/net') != os.readlink('/proc/self/ns/net')

    def _run(self, *command: str) -> int:
        return subprocess.run(self.inside(*command), timeout=20).returncode

    def inside(self, *command: str) -> list[str]:
        return ['nsenter', '--target', str(self._holder.pid), '--net', *command]

    def stop(self) -> None:
        self._holder.kill()
        self._holder.wait()


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    for tool in ('unshare', 'nsenter', 'ip', 'socat'):
        if not shutil.which(tool):
            pytest.skip(f'{tool} is not installed (Debian: util-linux, iproute2, socat)')
    made = Namespace()
    yield made
    made.stop()


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


class OtherDogStatsd:
    """Datadog's server; what it would send to Datadog is in its log."""

    def __init__(self, namespace: Namespace, directory: Path) -> None:
        package = pytest.importorskip('datadog_serverless_compat', reason='datadog-serverless-compat is not installed')
        (shipped,) = Path(package.__file__).parent.glob('bin/linux-amd64/datadog-serverless-compat')
        binary = directory / 'dogstatsd'
        shutil.copy(shipped, binary)
        binary.chmod(0o755)
        self._log = directory / 'dogstatsd.log'
        with self._log.open('wb') as log:
            self.process = subprocess.Popen(
                namespace.inside(str(binary)),
                stdout=log,
                stderr=log,
                env={
                    **os.environ,
                    'ASCSVCRT_SPRING__APPLICATION__NAME': 'x',
                    'DD_API_KEY': 'dummy',
                    'DD_LOG_LEVEL': 'dogstatsd::datadog::shipping=trace,info',
                },
            )
        wait_until(lambda: 'starting to listen on port 8125' in self._log.read_text())

    def counts(self, namespace: str) -> dict[tuple[str, str], int]:
        """Sums of all it would have sent, by name and tags; the names begin with `statsig` here."""
        sums: Counter[tuple[str, str]] = Counter()
        for found in _SERIES.finditer(self._log.read_text()):
            if not found['name'].startswith(f'{namespace}.') or '.relay.' in found['name']:
                continue
            tags = [tag for tag in re.findall(r'"([^"]*)"', found['tags']) if not re.match(r'(dd\.)?origin:', tag)]
            values = re.findall(r'value: ([0-9.]+)', found['points'])
            name = found['name'].replace(f'{namespace}.', 'statsig.', 1)
            sums[name, ','.join(sorted(tags))] += int(sum(map(float, values)))
        return without_estimates(sums)

    def has(self, namespace: str, events: int) -> bool:
        return sum(self.counts(namespace).values()) >= events


def _is_listening(log: Path) -> bool:
    return 'Listening on' in log.read_text()


def test_it_receives_exactly_what_was_sent_over_udp_and_over_a_unix_socket(
    namespace: Namespace, processes: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    server = OtherDogStatsd(namespace, tmp_path)
    processes.append(server.process)
    bridge = ['socat', '-u', '-b', '65536', f'UNIX-RECV:{tmp_path}/dsd.socket', 'UDP-SENDTO:127.0.0.1:8125']
    processes.append(subprocess.Popen(namespace.inside(*bridge)))
    wait_until(lambda: (tmp_path / 'dsd.socket').exists())
    urls = {'over_udp': 'udp://127.0.0.1:8125', 'over_unix': f'unix://{tmp_path}/dsd.socket'}
    for number, (name, url) in enumerate(urls.items()):
        configuration = {
            'listen': f'127.0.0.1:{8700 + number}',
            'dogstatsd_url': url,
            'metric_namespace': name,
            'flush_interval': 0.5,
            'statsig_webhook': {'signing_secret': '${STATSIG_WEBHOOK_SECRET}'},
        }
        (tmp_path / name).write_text(yaml.safe_dump(configuration))
        command = [sys.executable, '-m', 'statsig.cli', 'relay', '--config', str(tmp_path / name)]
        with (tmp_path / f'{name}.log').open('wb') as log:
            processes.append(
                subprocess.Popen(namespace.inside(*command), stderr=log, env=environment(STATSIG_WEBHOOK_SECRET=SECRET))
            )
        wait_until(partial(_is_listening, tmp_path / f'{name}.log'))

    send = 'from tests.relay.test_other_dogstatsd import send; send()'
    subprocess.run(namespace.inside(sys.executable, '-c', send), env=environment(), check=True, timeout=120)

    happenings = WebhookEvents(SandboxProject(seed=6)).take(EVENTS)
    expected = expected_counts(Counter(each.sent for each in happenings))
    for name in urls:
        wait_until(partial(server.has, name, EVENTS), seconds=60)
        assert server.counts(name) == expected


def send() -> None:
    """Runs inside the namespace: the same events to both relays."""
    from statsig.sandbox.webhook_sender import WebhookSender

    happenings = WebhookEvents(SandboxProject(seed=6)).take(EVENTS)
    for number in range(2):
        with WebhookSender(f'http://127.0.0.1:{8700 + number}/webhooks/statsig', SECRET) as statsig:
            for batch in in_batches(happenings, random.Random(6), 200):
                status = statsig.deliver(batch)
                if status != 200:
                    raise SystemExit(f'{status} for a batch of {len(batch)}')
