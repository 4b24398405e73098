"""One worker: receives, counts, and flushes what it has counted every `flush_interval`."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from dataclasses import replace

from statsig.datadog.dogstatsd import DogStatsdLines, packed
from statsig.datadog.dogstatsd_events import DogStatsdEvents
from statsig.datadog.dogstatsd_socket import DogStatsdSocket, LookedUpAside
from statsig.datadog.event import DatadogEvent
from statsig.datadog.relay_metrics import samples
from statsig.relay.config_changes import ConfigChangeEvents
from statsig.relay.configuration import RelayConfiguration
from statsig.relay.handlers import STATSIG_WEBHOOK, Nothing, Probe, Routes, StatsigWebhook
from statsig.relay.health import Health
from statsig.relay.http import Handler, HttpServer, Limits
from statsig.relay.triggers.endpoint import DATADOG_WEBHOOK, DatadogWebhook
from statsig.relay.triggers.service import Triggers
from statsig.webhook.receiver import Receiver

# Once DogStatsD has taken nothing for so long, requests are answered 503: another replica may have a better socket.
FULL_AFTER = 300.0
REQUEST_GRACE = 10.0  # seconds that requests under way may take when the relay stops
DELIVERY_GRACE = 5.0  # seconds after that to hand over the last counts
TRIGGERS_GRACE = 5.0  # seconds of those for what the triggers are doing; the next start goes on with it
_PAUSE, _LONGEST_PAUSE = 0.01, 1.0  # seconds between two attempts to hand over datagrams
# In the end more at once, so that all that may be counted has left within that grace.
_LAST_BURSTS = 4

_log = logging.getLogger(__name__)


class Relay:
    """worker: the number of this process among several, a tag of its gauges."""

    def __init__(self, configuration: RelayConfiguration, worker: str = '0') -> None:
        self._configuration = configuration
        self._worker = worker
        self._health = Health(worker)
        self._lines = DogStatsdLines(configuration.dogstatsd, configuration.metric_namespace, configuration.tags)
        self._socket = DogStatsdSocket(configuration.dogstatsd, time.monotonic, LookedUpAside(configuration.dogstatsd))
        self._flush_seconds = 0.0
        self._most_waiting = 0  # datagrams, since the last flush
        self._flushed = asyncio.Event()  # something waits for the socket
        changes = (
            ConfigChangeEvents(configuration, self._socket, self._health, time.time, self._flushed.set)
            if configuration.config_changes
            else None
        )
        self._receiver = (
            Receiver(configuration.webhook, time.time, changes.add if changes else None)
            if configuration.webhook
            else None
        )
        self._events = DogStatsdEvents(configuration.dogstatsd) if configuration.triggers else None
        self._triggers = Triggers(configuration.triggers, configuration.state_dir) if configuration.triggers else None
        self._site = Routes(self._handlers(), Nothing(self._health))
        self._http = HttpServer(self._site, Limits(request_timeout=configuration.body_timeout))

    def _handlers(self) -> dict[bytes, Handler]:
        handlers: dict[bytes, Handler] = {
            b'/healthz': Probe('healthz', self._is_alive, self._health),
            b'/readyz': Probe('readyz', self._is_ready, self._health),
        }
        if self._receiver:
            handlers[STATSIG_WEBHOOK] = StatsigWebhook(self._receiver, self._health, self._is_full, time.monotonic)
        triggers = self._configuration.triggers
        if self._triggers and triggers and triggers.tokens:
            handlers[DATADOG_WEBHOOK] = DatadogWebhook(
                self._triggers, triggers.tokens, triggers.allowed_addresses, self._health, time.monotonic
            )
        return handlers

    async def run(self, listening: socket.socket, stop: asyncio.Event) -> bool:
        """Serves until `stop` is set. Whether all that was counted has been handed to the socket."""
        if self._triggers:
            self._triggers.start()
        await self._http.start(listening)
        tasks = [asyncio.create_task(self._flush_regularly()), asyncio.create_task(self._deliver_regularly())]
        watcher = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([watcher, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in (watcher, *tasks):
            task.cancel()
        await self._http.stop(REQUEST_GRACE - TRIGGERS_GRACE if self._triggers else REQUEST_GRACE)
        if self._triggers:
            await asyncio.to_thread(self._triggers.stop, TRIGGERS_GRACE)
        self._flush()
        handed_over = await self._deliver_the_rest()
        self._socket.close()
        if self._triggers:
            self._triggers.close()
        for task in done:
            task.result()  # raises what ended a task that was to run for ever
        return handed_over

    def _is_alive(self) -> bool:
        return self._triggers is None or self._triggers.is_alive

    def _is_full(self) -> bool:
        return self._socket.blocked_for >= FULL_AFTER

    def _is_ready(self) -> bool:
        return not self._http.stopping and not self._is_full()

    async def _flush_regularly(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + self._configuration.flush_interval, loop.time())
            await asyncio.sleep(due - loop.time())
            # While datagrams wait, counts go on adding up instead: nothing is lost, and memory stays what it is.
            if not self._socket.waiting:
                self._flush()

    def _flush(self) -> None:
        started = time.perf_counter()
        counted = samples(self._receiver.tally.take(time.time()), self._worker) if self._receiver else []
        report = self._triggers.report() if self._triggers else None
        own = self._health.take(self._socket.take_counts(), self._most_waiting, self._flush_seconds)
        self._most_waiting = 0
        lines = (self._lines.line(sample) for sample in [*counted, *own, *(report.samples if report else ())])
        self._socket.add(packed(lines, self._configuration.dogstatsd.largest_datagram))
        if report and self._events:
            self._socket.add(self._events.datagram(self._tagged(event)) for event in report.events)
        self._flushed.set()
        self._flush_seconds = time.perf_counter() - started

    def _tagged(self, event: DatadogEvent) -> DatadogEvent:
        return replace(event, tags=(*event.tags, *self._configuration.tags))

    async def _deliver_regularly(self) -> None:
        pause = _PAUSE
        while True:
            await self._flushed.wait()
            waiting = self._socket.waiting
            if not self._socket.send_some():
                self._most_waiting = max(self._most_waiting, self._socket.waiting)
            # A full socket takes some each time; one that takes none is asked more and more seldom.
            pause = _PAUSE if self._socket.waiting < waiting else min(2 * pause, _LONGEST_PAUSE)
            if self._socket.waiting:
                await asyncio.sleep(pause)
            else:
                self._flushed.clear()

    async def _deliver_the_rest(self) -> bool:
        end = time.monotonic() + DELIVERY_GRACE
        while self._socket.waiting and time.monotonic() < end:
            for _ in range(_LAST_BURSTS):
                if not self._socket.send_some():
                    break
            await asyncio.sleep(_PAUSE)
        if self._socket.waiting:
            _log.error(
                'Counts and events are lost: %d datagrams were not taken at %s',
                self._socket.waiting,
                self._configuration.dogstatsd,
            )
        return not self._socket.waiting
