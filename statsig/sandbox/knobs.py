"""How the sandbox's API may behave: what Statsig leaves undocumented, and what goes wrong on a bad day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from statsig.sandbox.audit_log import DateFilter, Order

# What Statsig publishes: requests, in so many seconds, for the project as a whole.
PUBLISHED_RATE_LIMITS = ((100, 10.0), (900, 900.0))

FaultKind = Literal[
    'status',  # an error status with Statsig's envelope; nothing is done
    'html',  # 200 with a web page, as proxies and login walls answer
    'blocked',  # 403 with a web page, as firewalls answer; nothing is done
    'redirect',  # 302 to `location`
    'wrong_shape',  # 200 with a JSON value (`body`) that is not Statsig's envelope
    'reset',  # the connection is reset before any answer; nothing is done
    'huge',  # 200 with a body of more than `size` bytes
    'truncated_json',  # 200 with half of the answer, its length declared accordingly
    'cut_off',  # 200 with half of the answer, then the connection closes: fewer bytes than declared
    'timeout',  # the answer, `seconds` late
    'drip',  # the answer, byte by byte, `seconds` apart
]


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to go wrong. The last four kinds do what was asked (a gate is disabled) and spoil the answer only."""

    kind: FaultKind
    status: int = 500
    message: str | None = None
    retry_after: str | None = None
    seconds: float = 1.0
    size: int = 64 * 1024 * 1024
    declare_length: bool = True  # of 'huge': with Content-Length, or chunked
    location: str = 'https://example.com/elsewhere'
    body: Any = field(default_factory=lambda: ['not', 'the', 'envelope'])

    @classmethod
    def of_status(cls, status: int, message: str | None = None, retry_after: str | None = None) -> Fault:
        return cls('status', status=status, message=message, retry_after=retry_after)


@dataclass(slots=True)
class Request:
    """One request the server has seen. `status` is 0 until, and unless, an answer was begun. The key is not kept."""

    time: float  # epoch seconds
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    status: int = 0


@dataclass(slots=True)
class Knobs:
    """Plain attributes; set them while the server runs."""

    down: bool = False  # connections close without an answer
    status_for: dict[str, Fault | int] = field(default_factory=dict)  # path prefix → fault or status, until removed
    rate_limits: tuple[tuple[int, float], ...] = ()  # (requests, seconds), …: PUBLISHED_RATE_LIMITS, or your own
    before_request: Callable[[Request], None] | None = None  # called before a request is answered
    headers: dict[str, str] = field(default_factory=dict)  # more headers of every answer

    order: Order = 'newest_first'  # of the audit log
    date_filter: DateFilter = 'inclusive_utc'  # what startDate and endDate mean
    date_filter_offset_hours: float = 0.0  # of 'other_time_zone': what its days are ahead of UTC
    time_offset_minutes: int = 0  # of the offset from UTC in which an entry's date and time are printed

    default_page_size: int = 100
    max_page_size: int | None = None  # a larger `limit` gets pages of this size, and itemsPerPage says so
    ignore_limit: bool = False  # pages have default_page_size whatever is asked for
    omit_total_items: bool = False
