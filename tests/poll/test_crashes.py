"""Killed again and again, at random moments, while entries keep arriving: nothing is lost, little comes twice."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

from statsig.datadog.delivery import BATCH
from statsig.sandbox.project import SandboxProject
from tests.faults.lives import repeated_after
from tests.poll.conftest import Conf, entry_ids, ids
from tests.poll.forked import Forks
from tests.relay.dogstatsd_receiver import DogStatsdReceiver, wait_until

KILLS = 30


def test_30_kills_lose_nothing_and_repeat_at_most_a_batch_each(
    conf: Conf, unix_receiver: DogStatsdReceiver, project: SandboxProject, state: Path, tmp_path: Path
) -> None:
    dice = random.Random(1)
    config = conf(max_requests_per_minute=10_000, collect_exposures=False, collect_inventory=False, project='sandbox')
    command = ['poll', '--config', config, '--dogstatsd', unix_receiver.url, '--state-dir', str(state)]
    lives: list[list[str]] = []
    with Forks(tmp_path / 'poll.log') as forks:
        for _ in range(KILLS):
            for _ in range(dice.choice([1, 60, 130])):
                project.add_audit_entry()
            before = len(ids(unix_receiver))
            events, until = before + dice.choice([1, 5, 49, 50, 51, 75, 99, 120]), time.monotonic() + 0.6
            pid = forks.start(*command)
            while len(ids(unix_receiver)) < events and time.monotonic() < until and len(lives) % 5:
                time.sleep(0.001)
            # Mostly at once: a moment later the position that follows from these events has been written.
            time.sleep(dice.choice([0, 0, dice.uniform(0, 0.1)]) if len(lives) % 5 else dice.uniform(0, 0.6))
            killed(pid)
            lives.append(ids(unix_receiver)[before:])
        before = len(ids(unix_receiver))
        killed_when_done = forks.start(*command, '--once')
        wait_until(lambda: not Path(f'/proc/{killed_when_done}').exists(), 60)
        lives.append(ids(unix_receiver)[before:])
        assert 'Traceback' not in forks.log
        assert 'WARNING' not in forks.log, 'a kill damages no file'
    unix_receiver.stop()

    delivered = Counter(ids(unix_receiver))
    assert set(delivered) == set(entry_ids(project))
    repeated = repeated_after(lives)
    assert max(repeated) <= BATCH, repeated
    assert sum(repeated) > 0, 'no kill hit a delivery: this shows nothing'


def killed(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not Path(f'/proc/{pid}').exists())
    time.sleep(0.02)  # what it had handed over is in the receiver's socket
