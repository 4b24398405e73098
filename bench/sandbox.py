"""The Statsig project that the programs read, of any size, with an audit log as people at work would write it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from statsig.sandbox.audit_log import AuditLog, AuditQuery, DateFilter, Entry, Order
from statsig.sandbox.life import Life
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import SandboxServer

LOOKBACK = 16 * 3600  # seconds from the first entries to now: the check reads back 17 h at most, and calls none late
STEP = 660  # seconds without entries between two lots: more than the overlap of 10 minutes that is read again


class Sandbox:
    """Runs in a process of its own. Time in the audit log passes with the entries, from 16 hours ago."""

    def __init__(self, gates: int = 0, experiments: int = 0, dynamic_configs: int = 0) -> None:
        self._project = SandboxProject(1, gates=gates, experiments=experiments, dynamic_configs=dynamic_configs)
        for gate in self._project.gates.values():
            gate['status'] = 'In Progress'  # an archived one would not be followed
        for experiment in self._project.experiments.values():
            experiment['status'] = 'active'
        self._project.audit_log = _QuickLog()
        self._models = _what_people_do(gates)
        self._ids = itertools.count(1)
        self._now = time.time() - LOOKBACK
        self._server = SandboxServer(self._project)
        self._server.start()

    def url(self) -> str:
        return self._server.url

    def add_entries(self, how_many: int, seconds: float = 60.0) -> None:
        """A lot of new entries, spread over so many seconds."""
        for number in range(how_many):
            model = self._models[number % len(self._models)]
            value = {**model, 'id': f'{next(self._ids):022x}'}
            self._project.audit_log.add(self._now + seconds * number / how_many, value, ('date', 'time'))
        self._now += seconds + STEP

    def take_urls(self) -> list[str]:
        """The address of every request since the last call, in order."""
        seen = self._server.requests
        self._server.reset_requests()
        return [f'{self.url()}{quote(each.path)}?{urlencode(each.query, doseq=True)}' for each in seen]


def _what_people_do(gates: int) -> Sequence[dict[str, Any]]:
    """About 2,000 audit entries of all kinds, about gates of the same names."""
    project = SandboxProject(1, gates=min(max(12, gates), 1000))
    Life(project, 1).write_history(days=2.8)
    return [entry.value for entry in project.audit_log]


class _QuickLog(AuditLog):
    """Does not sort 100,000 entries again for every page."""

    _answered: tuple[AuditQuery, int, list[Entry]] | None = None

    def select(
        self,
        query: AuditQuery,
        order: Order = 'newest_first',
        date_filter: DateFilter = 'inclusive_utc',
        date_filter_offset_hours: float = 0.0,
    ) -> list[Entry]:
        if self._answered is None or self._answered[:2] != (query, self.next_number):
            found = super().select(query, order, date_filter, date_filter_offset_hours)
            self._answered = (query, self.next_number, found)
        return self._answered[2]
