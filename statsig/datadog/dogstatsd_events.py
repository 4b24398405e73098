"""Events as datagrams of DogStatsD, written by datadogpy.

What datadogpy leaves to its callers is done here: it counts characters where the Agent's limit is in bytes, and does
not escape the aggregation key; and the Agent takes a backslash before an `n` for a line end.
"""

from __future__ import annotations

from collections.abc import Iterable

from statsig.datadog.dogstatsd import DogStatsdAddress, TagsTooLongError, writing_client
from statsig.datadog.event import DatadogEvent
from statsig.datadog.markdown import clean
from statsig.datadog.tags import normalise

LARGEST_EVENT = 8192  # bytes, whatever the transport: the Agent's buffer, which cuts and drops what is larger
SOURCE = 'statsig'
# What the parts of an event that are not tags take at most: 4000 bytes of text, 100 characters each of title and key.
_EVENT = 4000 + 2 * 400 + 100
_ROOM_FOR_TAGS = 1500
_BACKSLASH = '⧵'  # looks like one, and the Agent lets it be
_ALERT_TYPES = ('error', 'warning', 'info', 'success')


class DogStatsdEvents:
    """Raises TagsTooLongError when the tags that datadogpy adds of the environment leave no room for those of an event.

    hostless: events do not get the name of the Agent's host.
    """

    def __init__(self, address: DogStatsdAddress, hostless: bool = False) -> None:
        self._client, self._written = writing_client(address, '', ())
        self._always = ('host:',) if hostless else ()
        overhead = len(self._line(DatadogEvent('title', '', 1, 'info', (), 'key'), ()))
        if overhead + _EVENT + _ROOM_FOR_TAGS > LARGEST_EVENT:
            raise TagsTooLongError(f'those of the environment take {overhead} of the {LARGEST_EVENT} bytes of an event')

    def datagram(self, event: DatadogEvent) -> bytes:
        """Of at most 8,192 bytes, if the text was rendered by `short_markdown_of`; tags that have no room are left out,
        Statsig's own tags and apps first."""
        room = LARGEST_EVENT - len(self._line(event, self._always)) - len('|#')
        return self._line(event, (*self._always, *_fitting(event.tags_telling_first, room)))

    def _line(self, event: DatadogEvent, tags: tuple[str, ...]) -> bytes:
        self._written.packet = b''
        self._client.event(
            clean(event.title).replace(r'\n', f'{_BACKSLASH}n'),
            event.text,
            alert_type=event.alert_type if event.alert_type in _ALERT_TYPES else 'info',
            aggregation_key=clean(event.aggregation_key).replace('|', '_'),
            source_type_name=SOURCE,
            date_happened=event.timestamp,
            tags=list(tags),
        )
        return self._written.packet


def _fitting(tags: Iterable[str], room: int) -> list[str]:
    """The first that have room, as Datadog keeps them: what the protocol gives a meaning is not in them."""
    kept = []
    for tag in dict.fromkeys(map(normalise, tags)):
        room -= len(tag.encode()) + len(',')
        if room < 0:
            break
        if tag:
            kept.append(tag)
    return kept
