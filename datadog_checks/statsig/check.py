"""The Agent check: configuration in, Agent calls out. What it does is in `statsig.datadog.collector`."""

from __future__ import annotations

import hashlib
import json
import threading
import time
import weakref
from typing import Any

from datadog_checks.base import AgentCheck
from datadog_checks.base.utils.http import RequestsWrapper

from datadog_checks.statsig.agent_sink import AgentSink, missing_in_the_agent
from datadog_checks.statsig.config_models import ConfigMixin
from datadog_checks.statsig.configuration import validate
from datadog_checks.statsig.diagnose import Diagnose
from datadog_checks.statsig.settings import given, settings_of
from statsig.console.budget import RequestBudget
from statsig.console.client import ConsoleClient
from statsig.console.cursor_store import CursorStore
from statsig.datadog.collector import Collector

# Which check object reads which audit log, in this process. Weak: the Agent drops checks without a word.
_readers: weakref.WeakValueDictionary[str, StatsigCheck] = weakref.WeakValueDictionary()


class StatsigCheck(AgentCheck, ConfigMixin):
    """One instance: one Statsig project."""

    def __init__(self, name: str, init_config: dict[str, Any], instances: list[dict[str, Any]]) -> None:
        # May run twice, and without a check_id: nothing is read, written or connected here.
        super().__init__(name, init_config, instances)
        self._collector: Collector | None = None
        self._configuration_warnings: list[str] = []
        self._last_run = 0.0
        self._starting = threading.RLock()
        self.check_initializations.appendleft(self._validate_configuration)
        self.check_initializations.append(self._start)
        self.diagnosis.register(Diagnose(self))

    def check(self, _: Any) -> None:
        """One run. Problems become warnings; only a bad configuration makes it fail (before this is called)."""
        self._last_run = time.monotonic()
        for warning in self._configuration_warnings:
            self.warning('%s', warning)
        if self._collector is not None:  # run() has called _start
            self._collector.run()

    def cancel(self) -> None:
        """The Agent unschedules this check: another may read its audit log."""
        for identity, reader in list(_readers.items()):
            if reader is self:
                _readers.pop(identity, None)

    def persistent_cache_id(self) -> str:
        """The same through configuration edits and key rotation. (The project, asked of the API, is in each key.)"""
        return _digest([self.api_url(), self.config.name or ''])

    def run_check_initializations(self) -> None:
        """As base does, but whoever comes second waits for the first: a diagnosis has a thread of its own."""
        with self._starting:
            super().run_check_initializations()  # type: ignore[no-untyped-call]

    def _validate_configuration(self) -> None:
        self._configuration_warnings = validate(self.instance or {}, self.init_config)

    def _start(self) -> None:
        config = self.config
        self.register_secret(config.api_key)
        # One connection for all requests of a run; base would open one each.
        self.http.persist_connections = given(config.persist_connections, 'persist_connections')
        self.budget = RequestBudget(given(config.max_requests_per_minute, 'max_requests_per_minute'))
        client = ConsoleClient(self.http, self.api_url(), config.api_key, self.budget, self.http.options['timeout'])
        self._collector = Collector(client, settings_of(config), AgentSink(self), self.store_for, self._claim)
        self._configuration_warnings += missing_in_the_agent(self)

    def api_url(self) -> str:
        """As configured, without a slash at its end."""
        return given(self.config.api_url, 'api_url').rstrip('/').lower()

    def _interval(self) -> float:
        return given(self.config.min_collection_interval, 'min_collection_interval')

    def new_http(self) -> RequestsWrapper:
        """As `self.http`, for another thread: base's wrapper is not made for two."""
        http = RequestsWrapper(self.instance, self.init_config, self.HTTP_CONFIG_REMAPPER, self.log)
        http.persist_connections = True
        return http

    def store_for(self, project: str) -> CursorStore:
        """Where the position in the audit log of this project is kept."""
        return CursorStore(self.read_persistent_cache, self.write_persistent_cache, f'audit_log_{_digest([project])}')

    def _claim(self, project: str) -> str:
        """Why this instance must not read the project's audit log: another one does, on the same cursor; or ''."""
        identity = f'{self.persistent_cache_id()} {project}'
        reader = _readers.get(identity)
        if reader is None or reader is self or reader._is_succeeded_by(self):
            _readers[identity] = self
            return ''
        return (
            f'Another instance already reads the audit log of project {project} at {self.api_url()}, so this one '
            'sends no events: two would share one position in it. Give each instance its own `name`, or set '
            '`collect_audit_log: false` in this one.'
        )

    def _is_succeeded_by(self, other: StatsigCheck) -> bool:
        # The Agent gives two instances of a configuration different ids, and an instance that it loads again its old
        # one. After an edit the id is new: then the old check is known to be gone when it has stopped running.
        if self.check_id == other.check_id and self.instance == other.instance:
            return True
        return time.monotonic() - self._last_run > 3 * self._interval()


def _digest(parts: list[str]) -> str:
    # The Agent drops characters outside [A-Za-z0-9_-] from the names of its cache files: `eu.prod` would be `euprod`.
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
