"""Config changes on their way from the webhook to DogStatsD."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from statsig.datadog.dogstatsd_events import DogStatsdEvents
from statsig.datadog.dogstatsd_socket import DogStatsdSocket
from statsig.datadog.webhook_changes import event_of_change
from statsig.relay.configuration import RelayConfiguration
from statsig.relay.health import Health
from statsig.webhook.config_changes import ConfigChange

# Events that may wait for a socket before no more are added: at most 4 MB. Counts that wait do not matter here.
MOST_WAITING = 500

_log = logging.getLogger(__name__)


class ConfigChangeEvents:
    """Puts an event for each change into the queue of the socket. clock: epoch seconds. wake: called when it has."""

    def __init__(
        self,
        configuration: RelayConfiguration,
        socket: DogStatsdSocket,
        health: Health,
        clock: Callable[[], float],
        wake: Callable[[], None],
    ) -> None:
        self._events = DogStatsdEvents(configuration.dogstatsd)
        self._socket = socket
        self._health = health
        self._clock = clock
        self._wake = wake
        self._environments = configuration.webhook.counting.environments if configuration.webhook else frozenset()
        self._hide_author = configuration.hide_author
        self._tags = configuration.tags

    def add(self, changes: Sequence[ConfigChange], more: int) -> None:
        """more: changes of the same delivery that were too many to be looked at."""
        without_room = 0
        for change in changes:
            if not change.concerns(self._environments):
                self._health.config_change('filtered')
            elif self._socket.waiting_events >= MOST_WAITING:
                without_room += 1
            else:
                self._add(change)
        self._wake()
        if without_room + more:
            self._health.config_change('dropped', without_room + more)
        if without_room:
            _log.error('%d config changes became no events: %d wait for DogStatsD already', without_room, MOST_WAITING)
        if more:
            _log.error('%d config changes became no events: a delivery had more than are looked at', more)

    def _add(self, change: ConfigChange) -> None:
        try:
            event = event_of_change(change, now=int(self._clock()), hide_author=self._hide_author, tags=self._tags)
            self._socket.add([self._events.datagram(event)])
        except Exception:  # rendering never raises as far as we know; if it does, the delivery must not suffer
            _log.exception('A config change cannot be shown')
            self._health.config_change('failed')
        else:
            self._health.config_change('sent')
