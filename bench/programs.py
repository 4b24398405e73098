"""What is measured: the check, and the programs that it is compared with."""

from __future__ import annotations

import importlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from bench.cost import Cost, measured, peak_above_idle
from statsig.sandbox.agent import AgentHost, RunningCheck
from statsig.sandbox.agent_builtins import METRIC_TYPES
from statsig.sandbox.agent_intake import Event, Intake, Metric, Submission
from statsig.sandbox.server import DEFAULT_KEY

INSTANCE: Mapping[str, Any] = {
    'api_key': DEFAULT_KEY,
    'min_collection_interval': 60,
    'max_requests_per_minute': 5000,  # the work is to be measured, not the waiting
    'audit_log_lookback': 1020,
    **{kind: {'limit': 1_000_000} for kind in ('gates', 'experiments', 'dynamic_configs')},
}
HEADERS = {'STATSIG-API-KEY': DEFAULT_KEY, 'STATSIG-API-VERSION': '20240601', 'Accept': 'application/json'}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run: what it cost and what it submitted."""

    cost: Cost
    metrics: tuple[Metric, ...] = ()
    events: tuple[Event, ...] = ()


@dataclass
class Check:
    """The check, in an Agent in a box. options: of the instance, beside INSTANCE and its address."""

    url: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self._host = AgentHost(self._directory.name)
        self._running = self._started(self.url)

    def run(self) -> Outcome:
        return self._run(self._running)

    def first_run(self) -> Outcome:
        """As after a restart of the Agent, but for the imports: what was kept in memory is gone, the cursor is not."""
        self._running = self._started(self.url)
        return self.run()

    def peak(self, empty_project: str, entries: int) -> tuple[int, int]:
        """(bytes above idle at the most, runs) while the check, just started, delivers so many entries.

        Idle is the check that has run on an empty project: everything is imported, nothing is held. What the Agent
        would take from the check and hold is counted and dropped.
        """
        self._run(self._started(empty_project))
        self._host.intake = intake = _Counter()
        runs = 0

        def deliver() -> None:
            nonlocal runs
            while intake.events < entries:
                before = intake.events
                self.run()
                runs += 1
                if intake.events == before and runs > 50:
                    raise RuntimeError(f'After {runs} runs {before} of {entries} entries are delivered')

        peak = peak_above_idle(deliver)
        if intake.events != entries:
            raise RuntimeError(f'{intake.events} events for {entries} entries')
        return peak, runs

    def _started(self, url: str) -> RunningCheck:
        return self._host.start('statsig', {**INSTANCE, 'api_url': url, **self.options})

    @staticmethod
    def _run(running: RunningCheck) -> Outcome:
        with measured() as cost:
            report = running.run()
        if report.error or report.warnings or report.refused:
            raise RuntimeError(f'The run went wrong: {report.error} {report.warnings} {report.refused[:1]}')
        return Outcome(cost, report.metrics, report.events)


class BareProgram:
    """The floor: the same requests over one connection, their JSON decoded, the same calls into the Agent."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self._host = AgentHost(self._directory.name)
        self._session = requests.Session()
        self._session.headers.update(HEADERS)

    def run(self, urls: Sequence[str], outcome: Outcome) -> Cost:
        aggregator = importlib.import_module('aggregator')  # one of the Agent's own modules
        metrics = [
            (None, 'bare', METRIC_TYPES.index(each.type), each.name, each.value, list(each.tags), '', False)
            for each in outcome.metrics
        ]
        events = [_agent_event(each) for each in outcome.events]
        with measured() as cost:
            self._fetch(urls)
            for metric in metrics:
                aggregator.submit_metric(*metric)
            for event in events:
                aggregator.submit_event(None, 'bare', event)
        self._host.intake.drain()
        return cost

    def peak(self, empty_project: str, urls: Sequence[str]) -> int:
        """Bytes above idle at the most, one answer held at a time."""
        self._fetch([f'{empty_project}/console/v1/project'])
        return peak_above_idle(lambda: self._fetch(urls))

    def _fetch(self, urls: Sequence[str]) -> None:
        for url in urls:
            json.loads(self._session.get(url).content)


class BareCheck:
    """The same as an Agent check of a few lines: what datadog_checks.base costs whoever uses it."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self._host = AgentHost(self._directory.name)
        self._check = importlib.import_module('datadog_checks.base').AgentCheck('bare', {}, [{}])
        self._check.http.persist_connections = True

    def run(self, urls: Sequence[str], outcome: Outcome) -> Cost:
        check, events = self._check, [_agent_event(each) for each in outcome.events]
        metrics = [(getattr(check, each.type), each.name, each.value, list(each.tags)) for each in outcome.metrics]
        with measured() as cost:
            for url in urls:
                json.loads(check.http.get(url, headers=HEADERS).content)
            for submit, name, value, tags in metrics:
                submit(name, value, tags=tags)
            for event in events:
                check.event(event)
        self._host.intake.drain()
        return cost


class _Counter(Intake):
    """Counts the events and keeps nothing: a submission leaves the check's process for the Agent's Go side."""

    def __init__(self) -> None:
        super().__init__(logs_enabled=False)
        self.events = 0

    def take(self, submission: Submission) -> None:
        self.events += isinstance(submission, Event)


def _agent_event(event: Event) -> dict[str, object]:
    return {
        'timestamp': event.timestamp,
        'event_type': event.source_type_name,
        'msg_title': event.title,
        'msg_text': event.text,
        'aggregation_key': event.aggregation_key,
        'alert_type': event.alert_type,
        'source_type_name': event.source_type_name,
        'host': '',
        'tags': list(event.tags),
    }
