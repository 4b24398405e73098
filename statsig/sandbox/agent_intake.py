"""What a check hands to the Agent, recorded as the Agent's Go side and Datadog's intake would take it.

Each submission becomes one frozen record; what the Agent or the intake would not accept becomes a `Refused`, with the
reason. Nothing is printed and nothing leaves the process.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from statsig.sandbox.agent_event_platform import (
    EVENT_MANAGEMENT,
    reason_to_refuse_log,
    reason_to_refuse_platform_event,
)

# Datadog's clock, which is right even where a test makes the host's go wrong later.
_true_time = time.time

MAX_EVENT_TEXT = 4000
MAX_AGGREGATION_KEY = 100
MAX_EVENT_AGE = 18 * 3600
MAX_EVENT_AHEAD = 2 * 3600
ALERT_TYPES = frozenset({'', 'error', 'warning', 'info', 'success'})


@dataclass(frozen=True, slots=True)
class Metric:
    """`type` is gauge, rate, count, monotonic_count, counter, histogram or historate."""

    type: str
    name: str
    value: float
    tags: tuple[str, ...]
    hostname: str


@dataclass(frozen=True, slots=True)
class Event:
    """`timestamp` is epoch seconds; '' stands for a field that was not given."""

    title: str
    text: str
    timestamp: int
    tags: tuple[str, ...]
    alert_type: str
    aggregation_key: str
    source_type_name: str
    priority: str
    hostname: str


@dataclass(frozen=True, slots=True)
class ServiceCheck:
    """`status`: 0 OK, 1 warning, 2 critical, 3 unknown."""

    name: str
    status: int
    tags: tuple[str, ...]
    hostname: str
    message: str


@dataclass(frozen=True, slots=True)
class Log:
    """A log of the check's own making (`send_log`), not a line of the Agent's log."""

    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PlatformEvent:
    """`track` is where it goes, such as `event-management`; `body` is JSON text."""

    track: str
    body: str


@dataclass(frozen=True, slots=True)
class Metadata:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of the Agent's own log. `level` as Python numbers it: 10 debug, 20 info, 30 warning, 40 error; 7 trace."""

    level: int
    message: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A submission that would never be seen in Datadog, and why."""

    what: Metric | Event | Log | PlatformEvent
    reason: str


Submission = Metric | Event | ServiceCheck | Log | PlatformEvent | Metadata | LogLine | Refused
_Kind = TypeVar('_Kind', Metric, Event, ServiceCheck, Log, PlatformEvent, Metadata, LogLine, Refused)


@dataclass(frozen=True, slots=True)
class Submissions:
    """What was submitted, in order."""

    all: tuple[Submission, ...] = ()

    def of(self, kind: type[_Kind]) -> tuple[_Kind, ...]:
        return tuple(submission for submission in self.all if isinstance(submission, kind))


class Intake:
    """Takes submissions until somebody `drain`s them.

    on_submission: called with each record the moment it is handed over, before the check goes on. A crash test writes
    it down here, so that what was delivered before a SIGKILL is known.
    """

    def __init__(self, logs_enabled: bool, tracks: frozenset[str] = frozenset({EVENT_MANAGEMENT})) -> None:
        self.logs_enabled = logs_enabled
        self.tracks = tracks
        self.on_submission: Callable[[Submission], None] | None = None
        self._pending: list[Submission] = []

    def drain(self) -> Submissions:
        drained = Submissions(tuple(self._pending))
        self._pending.clear()
        return drained

    def take(self, submission: Submission) -> None:
        reason = self._reason_to_refuse(submission)
        if reason and isinstance(submission, Metric | Event | Log | PlatformEvent):
            submission = Refused(submission, reason)
        self._pending.append(submission)
        if self.on_submission is not None:
            self.on_submission(submission)

    def _reason_to_refuse(self, submission: Submission) -> str:
        match submission:
            case Metric(value=value) if not math.isfinite(value):
                return f'the value is {value}'
            case Event():
                return _reason_to_refuse_event(submission, _true_time())
            case Log() if not self.logs_enabled:
                return 'logs_enabled is false'
            case Log():
                return reason_to_refuse_log(submission.attributes, _true_time())
            case PlatformEvent(track=track, body=body):
                return reason_to_refuse_platform_event(track, body, self.tracks, _true_time())
        return ''


def _reason_to_refuse_event(event: Event, now: float) -> str:
    """Datadog's documented limits. The Agent itself checks none of them: such an event is lost on the way."""
    if not event.title or not event.text:
        return 'the title or the text is empty'
    if len(event.text) > MAX_EVENT_TEXT:
        return f'the text has {len(event.text)} characters, at most {MAX_EVENT_TEXT} are taken'
    if len(event.aggregation_key) > MAX_AGGREGATION_KEY:
        return (
            f'the aggregation key has {len(event.aggregation_key)} characters, at most {MAX_AGGREGATION_KEY} are taken'
        )
    if event.timestamp < now - MAX_EVENT_AGE:
        return f'the event is {(now - event.timestamp) / 3600:.1f} h old, at most 18 h are taken'
    if event.timestamp > now + MAX_EVENT_AHEAD:
        return f'the event is {(event.timestamp - now) / 3600:.1f} h ahead, at most 2 h are taken'
    if event.alert_type not in ALERT_TYPES:
        return f'the alert type is {event.alert_type!r}, expected error, warning, info or success'
    return ''


def as_json_object(submission: Submission) -> dict[str, Any]:
    """`{'kind': 'Metric', …fields}`; of a `Refused`, `what` is such an object too."""
    if isinstance(submission, Refused):
        return {'kind': 'Refused', 'what': as_json_object(submission.what), 'reason': submission.reason}
    return {'kind': type(submission).__name__, **asdict(submission)}


def from_json_object(raw: Mapping[str, Any]) -> Submission:
    """The other way: what another process wrote with `as_json_object`. Raises KeyError on an unknown kind."""
    fields = {
        name: tuple(value) if isinstance(value, list) and name == 'tags' else value
        for name, value in raw.items()
        if name != 'kind'
    }
    kind = _KINDS[raw['kind']]
    if kind is Refused:
        fields['what'] = from_json_object(raw['what'])
    record: Submission = kind(**fields)
    return record


_KINDS: dict[str, Callable[..., Submission]] = {
    kind.__name__: kind for kind in (Metric, Event, ServiceCheck, Log, PlatformEvent, Metadata, LogLine, Refused)
}
