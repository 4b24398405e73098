"""A Statsig project, a host whose Agent runs the check on it, and what reached Datadog."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from statsig.sandbox.agent import Run
from statsig.sandbox.agent_intake import Event
from statsig.sandbox.api import ALL
from statsig.sandbox.knobs import Knobs
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer
from tests.faults.hosts import Host, HostFactory

AUDIT_LOGS = '/console/v1/audit_logs'
ROTATED_KEY = 'console-sandbox-rotated'
MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Tally:
    """Entries that were to become events (or were deleted before it was known), and the events that there were."""

    inserted: int
    delivered: int
    lost: int
    duplicated: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """`story` is what happens; `says`, what the warnings tell of it ('': there are none)."""

    name: str
    story: Callable[[World], None]
    says: str = ''
    may_repeat: int = 0

    def __str__(self) -> str:
        return self.name


@dataclass
class World:
    """Between one act of a story and the next, the Agent stands still: a run is made when the story says so.

    `configure` may be called at any time, as a user edits a file; the Agent is then restarted, as it has to be.
    """

    directory: Path
    hosts: HostFactory
    project: SandboxProject = field(default_factory=lambda: SandboxProject(seed=1))
    keys: tuple[str, ...] = (DEFAULT_KEY, ROTATED_KEY)
    options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    not_to_be_sent: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    skipped: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._exit = ExitStack()
        self._host: Host | None = None
        self.started: list[Host] = []
        self._delivered: Counter[tuple[int, str]] = Counter()
        self._timestamps: dict[str, int] = {}
        self._clock = self.directory / 'clock'
        self.set_clock(0.0)
        self.server = self.serve(self.project)
        self.configure({})

    def close(self) -> None:
        self.restart()
        self._exit.close()

    @property
    def knobs(self) -> Knobs:
        return self.server.knobs

    # Statsig

    def serve(self, project: SandboxProject) -> SandboxServer:
        """One more Statsig."""
        return self._exit.enter_context(SandboxServer(project, keys=dict.fromkeys(self.keys, ALL)))

    def insert(
        self,
        number: int = 1,
        *,
        ago: float = 0.0,
        apart: float = 0.0,
        project: SandboxProject | None = None,
        **fields: Any,
    ) -> list[str]:
        """So many entries, the first `ago` seconds old, each `apart` seconds younger than the one before; their ids.

        `fields` are those of `SandboxProject.add_audit_entry`.
        """
        first = time.time() - ago
        into = project or self.project
        times = [first + position * apart for position in range(number)]
        entries = [into.add_audit_entry(timestamp=moment, **fields) for moment in times]
        self._timestamps.update({str(entry['id']): int(at) for entry, at in zip(entries, times, strict=True)})
        return [str(entry['id']) for entry in entries]

    def insert_unwanted(self, number: int = 1, **fields: Any) -> None:
        """Entries that must not become events."""
        self.not_to_be_sent.update(self.insert(number, **fields))

    def insert_malformed(self, value: Any, ago: float = 0.0) -> None:
        """Any JSON value where an entry should be; it must not become an event."""
        self.project.add_raw_audit_entry(value, time.time() - ago)
        if isinstance(value, dict):
            self.not_to_be_sent.add(str(value.get('id')))

    def insert_as_it_is(self, entry: Mapping[str, Any], ago: float) -> None:
        """An entry whose fields the sandbox would not write so, but for its time. It is not copied."""
        moment = time.time() - ago
        with self.project.lock:
            self.project.audit_log.add(moment, entry, ('date', 'time'))
        self._timestamps[entry['id']] = int(moment)

    def delete(self, *entry_ids: str) -> None:
        """Whether they were delivered before or not, is then all the same; twice would still be wrong."""
        for entry_id in entry_ids:
            self.project.delete_audit_entry(entry_id)
        self.deleted.update(entry_ids)

    # The host

    def configure(self, *instances: Mapping[str, Any], projects: Sequence[SandboxProject | None] = ()) -> None:
        """The instances of conf.yaml, and whose entries each is to send (by default: all `self.project`'s)."""
        self.restart()
        # Statsig's rate limit, and so the check's own, would make this suite take hours.
        ordinary = {'api_url': self.server.url, 'api_key': DEFAULT_KEY, 'max_requests_per_minute': 10_000}
        self._projects = projects or [self.project] * len(instances)
        content = {'init_config': {}, 'instances': [{**ordinary, **instance} for instance in instances]}
        self.config.write_text(yaml.safe_dump(content), encoding='utf-8')

    def run(self, times: int = 1) -> list[Run]:
        """So many runs of the Agent that is running, or is started now; of the last one, what each instance did.

        Whatever the world looks like, a run ends without an error, sends its events oldest first and dated as Statsig
        dates them, no figure below zero, and nothing that Datadog would refuse.
        """
        for _ in range(times):
            host = self._host = self._host or self._started()
            host.start_run()
            runs = [self._recorded(index, host.next_run()) for index in range(len(self._projects))]
        return runs

    def start_runs(self, times: int) -> Host:
        """Starts an Agent that makes so many runs, and does not wait for them."""
        self.restart()
        self._host = self._started()
        self._host.start_run(times)
        return self._host

    def set_clock(self, ahead: float) -> None:
        """The host's clock shows the true time and so many seconds more, from now on."""
        self._ahead = ahead
        new = self._clock.with_suffix('.new')
        new.write_text(str(ahead))
        new.replace(self._clock)

    def restart(self) -> None:
        """The Agent is killed; the next run is a new one's."""
        if self._host is not None:
            self._host.kill()
        self._host = None

    def _started(self) -> Host:
        self.started.append(self.hosts.start(self.config, self.cache, self.options, self.environment, self._clock))
        return self.started[-1]

    def _recorded(self, index: int, run: Run) -> Run:
        assert run.error == '', run.traceback
        assert [refused.reason for refused in run.refused] == []
        assert [metric for metric in run.metrics if metric.value < 0] == []
        times = []
        for event in run.events:
            assert event.aggregation_key in self._timestamps, f'there is no such entry: {event}'
            times.append(self._timestamps[event.aggregation_key])
            age = time.time() + self._ahead - times[-1]
            is_out_of_range = not -HOUR < age < 17 * HOUR  # for Datadog, as this host's clock has it
            assert is_out_of_range or event.timestamp == times[-1], event
        assert times == sorted(times), 'oldest first'
        self.events += run.events
        self.warnings += run.warnings
        for metric in run.metrics:
            if metric.name == 'statsig.audit_log.skipped':
                self.skipped.update(dict.fromkeys(metric.tags, int(metric.value)))
        self._delivered.update((index, event.aggregation_key) for event in run.events)
        return run

    def peak_memory(self) -> float:
        """The most memory, in MiB, that the Agent now running ever had (on Linux; elsewhere, what it has now)."""
        assert self._host is not None
        status = Path(f'/proc/{self._host.pid}/status')
        if status.exists():
            return int(status.read_text().partition('VmHWM:')[2].split()[0]) / 1024
        told = subprocess.run(['ps', '-o', 'rss=', '-p', str(self._host.pid)], capture_output=True, check=True)
        return int(told.stdout) / 1024

    @property
    def cache(self) -> Path:
        return self.directory / 'run'

    @property
    def config(self) -> Path:
        return self.directory / 'conf.yaml'

    def slots(self) -> list[Path]:
        """The files of the cursor, the one written last at the end."""
        files = (path for path in self.cache.rglob('*') if path.is_file())
        return sorted(files, key=lambda path: path.stat().st_mtime_ns)

    def tally(self) -> Tally:
        """The sandbox's own audit log against the events, by id."""
        inserted = lost = 0
        welcome: Counter[tuple[int, str]] = Counter()
        for index, project in enumerate(self._projects):
            entries = project.audit_log if project else ()
            ids = {str(entry.value.get('id')) for entry in entries if isinstance(entry.value, dict)}
            wanted = ids - self.not_to_be_sent
            inserted += len(wanted | self.deleted)
            lost += sum((index, entry_id) not in self._delivered for entry_id in wanted)
            welcome.update((index, entry_id) for entry_id in wanted | self.deleted)
        return Tally(inserted, self._delivered.total(), lost, (self._delivered - welcome).total())

    def play(self, scenario: Scenario) -> Tally:
        """The story, then two ordinary runs with a restart between them, in which everything must come right."""
        scenario.story(self)
        self.run()
        self.restart()
        self.run()
        return self.tally()
