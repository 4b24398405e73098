"""`statsig-datadog poll` as users run it, between a Statsig project and a DogStatsD receiver."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import SandboxServer
from tests.cli.conftest import conf, environment, project, server, statsig_datadog
from tests.relay.conftest import receiver, unix_receiver
from tests.relay.dogstatsd_receiver import DogStatsdReceiver, wait_until

__all__ = ['conf', 'project', 'receiver', 'server', 'statsig_datadog', 'unix_receiver']

Conf = Callable[..., str]


class RunningPoll:
    """A process of its own."""

    def __init__(self, log: Path, arguments: list[str]) -> None:
        self._log = log
        with log.open('ab') as file:
            command = [sys.executable, '-m', 'statsig.cli', 'poll', *arguments]
            self.process = subprocess.Popen(command, stderr=file, stdout=file, env=environment())

    @property
    def log(self) -> str:
        return self._log.read_text(encoding='utf-8')

    def wait(self) -> int:
        return self.process.wait(timeout=60)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.wait()


StartPoll = Callable[..., RunningPoll]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / 'state'


@pytest.fixture
def start_poll(tmp_path: Path, state: Path) -> Iterator[StartPoll]:
    """Starts it for a receiver; further arguments are those of the command line."""
    running: list[RunningPoll] = []

    def start(config: str, receiver: DogStatsdReceiver, *arguments: str) -> RunningPoll:
        log = tmp_path / f'poll-{len(running)}.log'
        given = ['--config', config, '--dogstatsd', receiver.url, '--state-dir', str(state), *arguments]
        running.append(RunningPoll(log, given))
        return running[-1]

    yield start
    for poll in running:
        if poll.process.poll() is None:
            poll.process.kill()
            poll.wait()
        assert 'Traceback' not in poll.log, poll.log


def ids(receiver: DogStatsdReceiver) -> list[str]:
    """The audit-log entries of the events, in the order of their arrival."""
    return [event.fields['k'] for event in receiver.received_events()]


def entry_ids(project: SandboxProject) -> list[str]:
    """Of the whole audit log, oldest first."""
    entries = sorted(project.audit_log, key=lambda entry: (entry.timestamp, entry.number))
    return [str(entry.value['id']) for entry in entries]


def wait_for_run(server: SandboxServer) -> None:
    """Until the audit log has been asked for once more, and answered."""
    before = len(server.requests)
    wait_until(
        lambda: any(each.path.endswith('/audit_logs') and each.status for each in list(server.requests)[before:])
    )
