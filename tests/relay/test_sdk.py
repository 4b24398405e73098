"""Events as Statsig's own Python SDK (PyPI `statsig`) makes them, forwarded as Statsig's webhook does."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
import venv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from statsig.sandbox.webhook_counts import expected_counts, without_estimates
from statsig.sandbox.webhook_sender import Sent
from tests.relay.conftest import StartRelay
from tests.relay.dogstatsd_receiver import DogStatsdReceiver

PROGRAM = Path(__file__).parent / 'sdk_program.py'
COUNT = 'statsig.check_gate.count'


@pytest.fixture(scope='module')
def sdk_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own: the SDK owns `statsig/__init__.py`, and hides an editable install of ours."""
    root = tmp_path_factory.mktemp('sdk')
    venv.create(root, with_pip=False, symlinks=True)
    python = root / 'bin' / 'python'
    install = [
        sys.executable,
        '-m',
        'pip',
        '-q',
        '--disable-pip-version-check',
        '--python',
        python,
        'install',
        'statsig==0.72.1',
    ]
    done = subprocess.run(list(map(str, install)), capture_output=True, text=True, timeout=300)
    if done.returncode:
        pytest.skip(f"Statsig's Python SDK cannot be installed here: {done.stderr.strip().splitlines()[-1]}")
    return python


@dataclass
class Intake:
    """Where the SDK sends its events: takes them, and nothing else."""

    events: list[dict[str, Any]] = field(default_factory=list)
    url: str = ''


@pytest.fixture
def intake() -> Iterator[Intake]:
    taken = Intake()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers['Content-Length'] or 0))
            if self.headers['Content-Encoding'] == 'gzip':
                body = gzip.decompress(body)
            if self.path.endswith('/log_event'):
                taken.events += json.loads(body)['events']
            answer = b'{}' if self.path.endswith('/get_id_lists') else b'{"success": true}'
            self.send_response(200)
            self.send_header('Content-Length', str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(('127.0.0.1', 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        taken.url = f'http://127.0.0.1:{server.server_port}'
        yield taken
        server.shutdown()


@pytest.mark.parametrize('tier', ['Staging', None])
def test_the_sdks_events_are_counted_exactly(
    start_relay: StartRelay, unix_receiver: DogStatsdReceiver, sdk_python: Path, intake: Intake, tier: str | None
) -> None:
    command = [str(sdk_python), '-I', str(PROGRAM), intake.url, *([tier] if tier else [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    did = Counter({Sent(kind, tier, name, variant): times for kind, name, variant, times in json.loads(done.stdout)})

    relay = start_relay(unix_receiver)
    with relay.sender() as statsig:
        for start in range(0, len(intake.events), 100):
            body = json.dumps(intake.events[start : start + 100]).encode()
            assert statsig.post(body, statsig.signed(body)) == (200, b'')
    assert relay.stop() == 0
    unix_receiver.stop()

    counts = unix_receiver.counts()
    assert unix_receiver.own('events', 'outcome:counted') == len(intake.events)
    # The SDK decides by itself how many exposures of a sampled gate it sends, and adds events about itself.
    ours = {key: value for key, value in without_estimates(counts).items() if not _is_the_sdks_affair(key)}
    assert ours == expected_counts(did)

    sampled = [event for event in intake.events if event.get('metadata', {}).get('gate') == 'sampled']
    tags = f'environment:{(tier or "production").lower()},name:sampled,value:true'
    assert counts[COUNT, tags] == len(sampled)
    estimate = sum(event['statsigMetadata'].get('samplingRate') or 1 for event in sampled)
    assert counts[f'{COUNT}.estimated', tags] == estimate
    if tier is None:  # the SDK samples in production only
        assert len(sampled) < 40
        assert estimate > len(sampled)


def _is_the_sdks_affair(key: tuple[str, str]) -> bool:
    return 'name:sampled' in key[1] or 'name:statsig::' in key[1]
