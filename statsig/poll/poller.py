"""One instance at work: the check's readers and renderers, between Statsig and DogStatsD."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time

from datadog_checks.base.utils.http import RequestsWrapper

from datadog_checks.statsig.settings import given
from statsig.console.budget import RequestBudget
from statsig.console.client import ConsoleClient
from statsig.console.cursor_files import CursorFiles, HeldElsewhereError, file_key
from statsig.console.cursor_store import CursorStore
from statsig.datadog.collector import Collector
from statsig.datadog.dogstatsd import DogStatsdAddress
from statsig.datadog.dogstatsd_sink import DogStatsdSink
from statsig.poll.configuration import PolledInstance

_PATIENCE_SHARE = 0.1  # of the interval may be spent waiting for a full socket
_PATIENCE_AT_LEAST, _PATIENCE_AT_MOST = 0.5, 5.0  # seconds
_log = logging.getLogger(__name__)


class Poller:
    """Raises TagsTooLongError and SwitchedOffError, as its sink does; HeldElsewhereError as `run` does."""

    def __init__(
        self, instance: PolledInstance, address: DogStatsdAddress, files: CursorFiles, stop: threading.Event
    ) -> None:
        config = instance.config
        self.interval = instance.settings.interval
        self.label = f'{instance.label}: ' if instance.label else ''
        self._identity = [given(config.api_url, 'api_url').rstrip('/').lower(), config.name or '']
        self._files = files
        self._budget = RequestBudget(given(config.max_requests_per_minute, 'max_requests_per_minute'))
        http = RequestsWrapper(instance.written, instance.init_config, None, _log)
        http.persist_connections = given(config.persist_connections, 'persist_connections')
        client = ConsoleClient(http, self._identity[0], config.api_key, self._budget, http.options['timeout'])
        self._sink = DogStatsdSink(
            address,
            given(config.metric_namespace, 'metric_namespace'),
            bool(config.empty_default_hostname),
            max(_PATIENCE_AT_LEAST, min(_PATIENCE_AT_MOST, self.interval * _PATIENCE_SHARE)),
            stop,
            label=self.label,
        )
        self._collector = Collector(client, instance.settings, self._sink, self._store_for, self._claim)
        for warning in instance.warnings:
            _log.warning('%s%s', self.label, warning)
        if instance.settings.collect_audit_log and instance.settings.project:
            self._claim(instance.settings.project)

    def run(self) -> bool:
        """One run, and what it has to say handed to DogStatsD. Whether all of it went well.

        Raises HeldElsewhereError where another process, or another instance, reads the same audit log.
        """
        started = time.monotonic()
        self._sink.start_run()
        failed = False
        try:
            self._collector.run()
        except HeldElsewhereError:
            raise
        except Exception:  # as the Agent does: the next run may be better
            _log.exception('%sThe run failed', self.label)
            failed = True
        handed_over = self._sink.flush()
        if self._sink.events_sent:
            _log.info('%sEvents sent: %d (%.1f s)', self.label, self._sink.events_sent, time.monotonic() - started)
        return handed_over and not failed and not self._sink.warnings

    def end_run(self) -> None:
        """No further request; called by another thread."""
        self._budget.end_run()

    def close(self) -> None:
        """What DogStatsD has not taken is lost."""
        self._sink.close()

    def _store_for(self, project: str) -> CursorStore:
        where = f'the files in {self._files.directory}'
        return CursorStore(self._files.read, self._files.write, self._key(project), where)

    def _claim(self, project: str) -> str:
        try:
            self._files.hold(self._key(project), self)
        except OSError as error:
            return f'The position in the audit log cannot be locked ({error.strerror}), so no events are sent.'
        return ''

    def _key(self, project: str) -> str:
        digest = hashlib.sha256(json.dumps([*self._identity, project]).encode()).hexdigest()[:16]
        return file_key(project, digest)
