"""One run of the main job: read what Statsig has to tell within the budget, and hand it to a sink.

Streams are served in order of urgency: the audit log, exposures, the inventory. One that fails does not stop the
others; one that was left without requests for some runs goes first once.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from statsig.console.audit_log import AuditLogReader
from statsig.console.budget import reserve
from statsig.console.client import ConsoleClient
from statsig.console.cursor_store import CursorStore
from statsig.console.errors import ConsoleError, RefusedError, RequestNotMadeError
from statsig.console.exposures import ExposureSweep, Followed
from statsig.console.inventory import Inventory, Kind
from statsig.console.records import Experiment
from statsig.console.selection import Selected, Selection, select
from statsig.datadog import metrics, samples
from statsig.datadog.delivery import AuditDelivery, DeliverySettings
from statsig.datadog.directory import Directory
from statsig.datadog.metrics import Sample
from statsig.datadog.sink import Sink
from statsig.datadog.tag_rules import TagRules
from statsig.datadog.tags import tag

Stream = Literal['audit log', 'exposures', 'inventory']
STREAMS: tuple[Stream, ...] = ('audit log', 'exposures', 'inventory')
FOLLOWED: tuple[Followed, ...] = ('gates', 'experiments', 'dynamic_configs')
COUNTED: tuple[Kind, ...] = ('gates', 'experiments', 'dynamic_configs', 'layers', 'holdouts', 'segments')

RUN_SHARE = 0.8  # of the interval: the Agent skips the next run of one that overruns
PATIENCE = 3  # runs that a stream waits for requests before it goes first once
INVENTORY_STALE_AT_LEAST = 3600.0  # seconds

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration says, in seconds and in the terms of this module."""

    interval: float
    project: str = ''
    collect_audit_log: bool = True
    collect_exposures: bool = True
    collect_inventory: bool = True
    selections: Mapping[Followed, Selection] = field(default_factory=dict)
    inventory_interval: float = 600.0
    lookback: int = 3600
    overlap: int = 600
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    hide_author: bool = False
    tag_rules: TagRules = field(default_factory=TagRules)
    tags: tuple[str, ...] = ()
    send_change_events: bool = False
    send_logs: bool = False
    for_dogstatsd: bool = False  # no option: events have less room in a datagram


class Collector:
    """Everything one instance does in a run. State is kept between runs; the cursor outlives the process.

    `store_for(project)` gives the cursor's store. `claim(project)` says why this instance must not read the audit log
    of the project, or ''.
    """

    def __init__(
        self,
        client: ConsoleClient,
        settings: Settings,
        sink: Sink,
        store_for: Callable[[str], CursorStore],
        claim: Callable[[str], str] = lambda project: '',
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._settings = settings
        self._sink = sink
        self._store_for = store_for
        self._claim = claim
        self._clock = clock
        self._monotonic = monotonic
        self._project = settings.project
        self._requests_per_run = max(1, client.budget.per_minute // _runs_in_a_minute(settings.interval))
        self._delivery: AuditDelivery | None = None
        self._sweep = ExposureSweep(client, self._requests_per_run, monotonic)
        kinds = COUNTED if settings.collect_inventory else FOLLOWED
        self._inventory = Inventory(client, kinds, settings.inventory_interval, monotonic)
        self._followed: dict[Followed, Selected] = {}
        self._directory = Directory()
        self._rule_tags = samples.NO_RULE_TAGS
        self._waited: Counter[Stream] = Counter()
        self._states: list[Sample] = []
        self._connected: bool | None = None

    def run(self) -> None:
        """One run, over within 80 % of the interval. Problems of a stream become one warning each."""
        self._client.budget.start_run(self._settings.interval * RUN_SHARE)
        allowance = min(self._client.budget.available(), self._requests_per_run)
        try:
            if self._knows_project():
                self._run_streams(allowance - len(self._client.requests_made))
                self._send_gauges()
        finally:
            self._send_health()

    def _knows_project(self) -> bool:
        if not self._project:
            try:
                self._project = self._client.project_id()
            except RequestNotMadeError as reason:
                log.debug('The project was not asked for: %s', reason)
            except ConsoleError as error:
                self._sink.warn(str(error))
        return bool(self._project)

    def _run_streams(self, allowance: int) -> None:
        served: set[Stream] = set()
        warned: set[str] = set()
        before = len(self._client.requests_made)
        for stream in self._turns():
            if stream in served or not self._is_due(stream):
                continue
            served.add(stream)
            left = allowance - (len(self._client.requests_made) - before)
            waiting = sum(self._is_due(other) for other in STREAMS if other not in served)
            most = left - reserve(left, waiting)
            made = len(self._client.requests_made)
            try:
                if most > 0:
                    self._run_stream(stream, most)
            except RequestNotMadeError as reason:
                log.debug('The %s waits for the next run: %s', stream, reason)
            except ConsoleError as error:
                if str(error) not in warned:
                    self._sink.warn(str(error))
                warned.add(str(error))
                if isinstance(error, RefusedError) and error.status == '401':
                    break
            self._waited[stream] = 0 if len(self._client.requests_made) > made else self._waited[stream] + 1

    def _turns(self) -> list[Stream]:
        starved = [stream for stream, runs in self._waited.most_common() if runs >= PATIENCE]
        # At first the inventory, as far as its share of the requests goes: it alone knows the teams of what the audit
        # log names, and what the log calls a config. Exposures stand twice: without it there is nothing to follow.
        first: list[Stream] = [] if self._inventory.tried else ['inventory']
        return [*first, *starved, *STREAMS, 'exposures']

    def _is_due(self, stream: Stream) -> bool:
        match stream:
            case 'audit log':
                return self._settings.collect_audit_log
            case 'exposures':
                return self._settings.collect_exposures and self._sweep.is_due()
            case 'inventory':
                wanted = self._settings.collect_inventory or self._settings.collect_exposures
                return wanted and self._inventory.is_due()

    def _run_stream(self, stream: Stream, most: int) -> None:
        match stream:
            case 'audit log':
                self._deliver_audit_log(most)
            case 'exposures':
                self._sweep.read(most)
            case 'inventory':
                try:
                    self._inventory.read(most)
                finally:
                    self._follow()

    def _follow(self) -> None:
        if not self._inventory.tried.issuperset(FOLLOWED):
            return
        listings = self._inventory.listings
        self._followed = {
            kind: select(listings[kind].records, self._settings.selections.get(kind, Selection()))
            for kind in FOLLOWED
            if kind in listings
        }
        self._sweep.follow({kind: chosen.ids for kind, chosen in self._followed.items()})
        self._directory = Directory.of(listings)
        records = {kind: listing.records for kind, listing in listings.items()}
        self._rule_tags = samples.rule_tags(records, self._settings.tag_rules)

    def _deliver_audit_log(self, most: int) -> None:
        refusal = self._claim(self._project)
        if refusal:
            self._sink.warn(refusal)
            return
        if self._delivery is None:
            self._delivery = self._new_delivery()
        self._delivery.directory = self._directory
        self._send(self._delivery.run(most))

    def _new_delivery(self) -> AuditDelivery:
        settings = self._settings
        reader = AuditLogReader(self._client, self._clock, self._monotonic)
        shown = DeliverySettings(
            project=self._project,
            lookback=settings.lookback,
            overlap=settings.overlap,
            include=settings.include,
            exclude=settings.exclude,
            hide_author=settings.hide_author,
            tag_rules=settings.tag_rules,
            tags=settings.tags,
            send_change_events=settings.send_change_events,
            send_logs=settings.send_logs,
            for_dogstatsd=settings.for_dogstatsd,
        )
        store = self._store_for(self._project)
        return AuditDelivery(reader, store, self._client.budget, shown, self._sink, self._clock)

    # What is sent in every run

    def _send_gauges(self) -> None:
        listings = self._inventory.listings
        experiments = [
            record
            for listing in (listings.get('experiments'),)
            if listing
            for record in listing.records
            if isinstance(record, Experiment)
        ]
        if self._settings.collect_exposures:
            followed = {kind: chosen.ids for kind, chosen in self._followed.items()}
            self._send(samples.exposure_samples(followed, self._sweep.fresh(), experiments, self._rule_tags))
            self._send(samples.sweep_samples(self._followed, self._sweep.ages()))
        if self._settings.collect_inventory:
            stale = max(INVENTORY_STALE_AT_LEAST, 3 * self._settings.inventory_interval)
            now = self._monotonic()
            fresh = {kind: listing.records for kind, listing in listings.items() if now - listing.read_at <= stale}
            gates = self._followed.get('gates')
            counted = samples.inventory_samples(fresh, gates.ids if gates else (), self._rule_tags)
            gone = samples.vanished(counted, self._states)
            self._states = [*(sample for sample in counted if sample.metric in samples.COUNTED.values()), *gone]
            self._send([*counted, *gone])

    def _send_health(self) -> None:
        made = self._client.take_requests_made()
        connected = samples.can_connect(made)
        self._connected = self._connected if connected is None else connected
        health = samples.request_samples(made)
        if self._connected is not None:
            health.append(Sample(metrics.API_CAN_CONNECT, int(self._connected)))
        self._send(health)

    def _send(self, results: list[Sample]) -> None:
        common = (*((tag('statsig_project', self._project),) if self._project else ()), *self._settings.tags)
        for result in results:
            self._sink.sample(Sample(result.metric, result.value, (*result.tags, *common)))


def _runs_in_a_minute(interval: float) -> int:
    """How many runs can fall into one minute of the request budget: each gets an equal share of it."""
    return int(60 // max(1.0, interval)) + 1
