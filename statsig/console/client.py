"""The one place that talks to the Console API."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError as TransferError

from statsig.console.budget import RequestBudget
from statsig.console.errors import (
    BadAnswerError,
    ConsoleError,
    RateLimitedError,
    RefusedError,
    RequestNotMadeError,
    TooLargeError,
    UnreachableError,
)

API_VERSION = '20240601'
LARGEST_BODY = 8 * 1024 * 1024  # bytes, after decompression: a page of 100 ordinary entries has about 100 KB
LARGEST_PAGE = 100  # what Statsig's own examples answer by default; what it allows at most is not documented
PAGES_AT_MOST = 1000
PAUSE_WITHOUT_RETRY_AFTER = 60.0  # seconds
LONGEST_PAUSE = 3600.0  # seconds: a mistaken Retry-After must not silence the check for a day

Params = Mapping[str, str | int | Sequence[str]]


class HTTPResponse(Protocol):
    """What is used of `requests.Response`."""

    status_code: int
    raw: Any

    @property
    def headers(self) -> Mapping[str, str]: ...

    def close(self) -> None: ...


class HTTP(Protocol):
    """What is used of `self.http` in the Agent (proxy, TLS and timeouts as configured) and of `requests.Session`."""

    def get(self, url: str, **options: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class RequestMade:
    """For the check's own metrics. `status` is an HTTP status, or a word where there was none."""

    endpoint: str
    status: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing. `total` and `size` (the page size the server used) are None where it does not say."""

    items: list[Any]
    size: int | None
    total: int | None
    more: bool
    bytes: int


class ConsoleClient:
    """GET requests to one Statsig project, within a budget. Not thread-safe, as `self.http` is not."""

    def __init__(
        self,
        http: HTTP,
        api_url: str,
        api_key: str,
        budget: RequestBudget,
        timeout: tuple[float, float] = (10.0, 10.0),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._url = api_url.rstrip('/')
        self._host = urlsplit(self._url).netloc
        self._timeout = timeout
        self._clock = clock
        self._headers = {
            # `headers=` replaces what `self.http` was configured with, so that comes along.
            **(getattr(http, 'options', {}).get('headers') or {}),
            'Accept': 'application/json',
            'STATSIG-API-KEY': api_key,
            'STATSIG-API-VERSION': API_VERSION,
        }
        self.budget = budget
        self.requests_made: list[RequestMade] = []

    def __repr__(self) -> str:
        return f'ConsoleClient({self._url})'

    def take_requests_made(self) -> list[RequestMade]:
        """The requests since the last call, for the metrics of a run."""
        made, self.requests_made = self.requests_made, []
        return made

    def project_id(self) -> str:
        """The project that the key belongs to. Raises ConsoleError, RequestNotMadeError."""
        data = self.get('project').get('data')
        project = data.get('id') if isinstance(data, dict) else None
        if not isinstance(project, str) or not project:
            raise BadAnswerError(
                path('project'),
                'invalid_body',
                f'GET {path("project")} answered without the id of the project. '
                'Set `project` to the id in the address of your Statsig console.',
            )
        return project

    def get_page(self, endpoint: str, page: int, limit: int, params: Params | None = None) -> Page:
        """Page `page` (from 1) of a listing. Raises ConsoleError, RequestNotMadeError.

        The answer's `nextPage` is only ever read as yes or no: it is sometimes a path, sometimes a host without a
        scheme, and following it could carry the key to another host.
        """
        answer, size_in_bytes = self._request(endpoint, {**(params or {}), 'limit': limit, 'page': page})
        items, pagination = answer.get('data'), answer.get('pagination')
        if not isinstance(items, list):
            raise self.wrong_shape(endpoint, '`data` is not a list')
        # Some listings are answered whole, without pagination (the official examples of segments and dynamic configs).
        paging = pagination if isinstance(pagination, dict) else {}
        size, total = _count(paging.get('itemsPerPage')), _count(paging.get('totalItems'))
        more = bool(paging.get('nextPage')) or (total is not None and page * (size or limit) < total)
        return Page(items, size or None, total, more and bool(items), size_in_bytes)

    def get(self, endpoint: str, params: Params | None = None) -> dict[str, Any]:
        """The JSON object that `/console/v1/<endpoint>` answers. Raises ConsoleError, RequestNotMadeError."""
        return self._request(endpoint, params)[0]

    def _request(self, endpoint: str, params: Params | None) -> tuple[dict[str, Any], int]:
        time_limit = self.budget.take()
        started = self._clock()
        status = 'error'
        try:
            status, body = self._fetch(endpoint, params, time_limit)
            return self._decoded(endpoint, body), len(body)
        except ConsoleError as error:
            status = error.status
            if isinstance(error, RateLimitedError):
                self.budget.pause(error.retry_after)
            raise
        except RequestNotMadeError:
            status = 'cut_short'
            raise
        finally:
            self.requests_made.append(RequestMade(endpoint, status, self._clock() - started))

    def _fetch(self, endpoint: str, params: Params | None, time_limit: float) -> tuple[str, bytes]:
        # A third of what is left of the run for each of: connecting, waiting for the answer, and the longest silence
        # within the body, whose reading stops at two thirds. So even a body that drips ends within the run.
        started, share = self._clock(), time_limit / 3
        timeout = (min(self._timeout[0], share), min(self._timeout[1], share))
        try:
            response = self._http.get(
                f'{self._url}{path(endpoint)}',
                params=params,
                headers=self._headers,
                timeout=timeout,
                stream=True,
                # requests strips only `Authorization` when a redirect leaves the host: the key would go along.
                allow_redirects=False,
            )
            try:
                self._raise_for_status(endpoint, response)
                return str(response.status_code), self._body(endpoint, response, started + 2 * share)
            finally:
                response.close()
        except (requests.RequestException, TransferError, OSError) as error:
            if isinstance(error, (requests.Timeout, TimeoutError)) and timeout != self._timeout:
                raise RequestNotMadeError('the time of this run ended while a request was under way') from None
            raise self._unreachable(endpoint, error) from None

    def _body(self, endpoint: str, response: HTTPResponse, deadline: float) -> bytes:
        chunks, size = [], 0
        # read1 returns what has arrived; read and iter_content would wait until a whole chunk is there.
        while chunk := response.raw.read1(65536, decode_content=True):
            chunks.append(chunk)
            size += len(chunk)
            if size > LARGEST_BODY:
                raise TooLargeError(
                    path(endpoint),
                    'too_large',
                    f'GET {path(endpoint)} answered with more than {LARGEST_BODY // 1024 // 1024} MiB, which is not '
                    'read any further.',
                )
            if self._clock() > deadline:
                raise UnreachableError(
                    path(endpoint),
                    'timeout',
                    f'GET {path(endpoint)} at {self._host} answered too slowly: {size} bytes had arrived when the run '
                    'had to end. The next run tries again.',
                )
        return b''.join(chunks)

    def _decoded(self, endpoint: str, body: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            raise BadAnswerError(
                path(endpoint),
                'invalid_body',
                f'GET {path(endpoint)} at {self._host} answered with {len(body)} bytes that are not JSON. Something '
                'between this host and Statsig may answer in its place: check `api_url` and the proxy.',
            ) from None
        if not isinstance(answer, dict):
            raise self.wrong_shape(endpoint, 'not a JSON object')
        return answer

    def wrong_shape(self, endpoint: str, what: str) -> BadAnswerError:
        """The error for a JSON answer that is not the documented one."""
        return BadAnswerError(
            path(endpoint),
            'invalid_body',
            f'GET {path(endpoint)} at {self._host} did not answer as documented ({what}). '
            'Check that `api_url` is the address of the Statsig Console API.',
        )

    def _raise_for_status(self, endpoint: str, response: HTTPResponse) -> None:
        status = response.status_code
        if 200 <= status < 300:
            return
        asked = f'GET {path(endpoint)} at {self._host} answered {status}'
        if status == 401:
            raise RefusedError(
                path(endpoint),
                '401',
                f'Statsig refused the API key: {asked}. Set `api_key` to an active Console API key '
                '(Statsig console: Settings > Keys & Environments); a client or server key is not one.',
            )
        if status == 403:
            raise RefusedError(
                path(endpoint),
                '403',
                f'The API key lacks a permission: {asked}. Give the key read access to {PERMISSIONS[endpoint]} '
                '(Statsig console: Settings > Keys & Environments), or switch this off: '
                f'{SWITCHES[endpoint]}.',
            )
        if status == 429:
            pause = retry_after(response.headers.get('Retry-After'), datetime.now(UTC))
            raise RateLimitedError(
                path(endpoint),
                pause,
                f'Statsig limits the rate of requests: {asked}. No request is made for {pause:.0f} s; nothing is lost. '
                'If it recurs, lower `max_requests_per_minute`: the limit is shared with all tools of the project.',
            )
        if 300 <= status < 400:
            raise BadAnswerError(
                path(endpoint),
                str(status),
                f'{asked}, a redirect, which is not followed, so that the key goes to no other host. '
                'Set `api_url` to the final address.',
            )
        remedy = (
            'Statsig or something on the way to it has a problem; nothing is lost, the next run tries again.'
            if status >= 500
            else 'Check that `api_url` is the address of the Statsig Console API.'
        )
        raise BadAnswerError(path(endpoint), str(status), f'{asked}. {remedy}')

    def _unreachable(self, endpoint: str, error: Exception) -> UnreachableError:
        status, what = _transport_problem(error)
        return UnreachableError(
            path(endpoint),
            status,
            f'GET {path(endpoint)} at {self._host} failed: {what}. Check `api_url`, the network and the proxy between '
            'this host and Statsig; nothing is lost, the next run tries again.',
        )


# What to allow a key, and what to switch off instead, when an endpoint answers 403.
PERMISSIONS = {
    'audit_logs': 'audit logs',
    'dynamic_configs': 'dynamic configs',
    'experiments': 'experiments',
    'exposure_count': 'exposure counts',
    'gates': 'gates',
    'holdouts': 'holdouts',
    'layers': 'layers',
    'project': 'the project',
    'segments': 'segments',
}
SWITCHES = {
    **dict.fromkeys(PERMISSIONS, '`collect_inventory: false`'),
    'audit_logs': '`collect_audit_log: false`',
    'exposure_count': '`collect_exposures: false`',
    'project': 'set `project` to the id in the address of your Statsig console',
}


def path(endpoint: str) -> str:
    """The path of an endpoint, as it stands in messages."""
    return f'/console/v1/{endpoint}'


def retry_after(header: str | None, now: datetime) -> float:
    """Seconds to pause after a 429, from its Retry-After header: seconds, an HTTP date, absent or unreadable."""
    if header is None:
        return PAUSE_WITHOUT_RETRY_AFTER
    try:
        seconds = float(header)
    except ValueError:
        try:
            date = parsedate_to_datetime(header)
            seconds = ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds()
        except (ValueError, OverflowError):
            return PAUSE_WITHOUT_RETRY_AFTER
    if seconds != seconds:  # NaN
        return PAUSE_WITHOUT_RETRY_AFTER
    return min(max(seconds, 1.0), LONGEST_PAUSE)


def _count(value: Any) -> int | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value < 2**53 else None


def _transport_problem(error: Exception) -> tuple[str, str]:
    # The exception's own text is never used: it can hold a proxy's password.
    kinds: tuple[tuple[type[Exception], str, str], ...] = (
        (requests.exceptions.ProxyError, 'proxy_error', 'the proxy did not let the request through'),
        (requests.exceptions.SSLError, 'tls_error', 'no trusted TLS connection (certificate or protocol)'),
        (requests.exceptions.ConnectTimeout, 'timeout', 'no connection within the timeout'),
        (requests.exceptions.Timeout, 'timeout', 'no answer within the timeout'),
        (TimeoutError, 'timeout', 'no answer within the timeout'),
        (requests.exceptions.ConnectionError, 'connection_error', 'no connection, or it was closed without an answer'),
    )
    for kind, status, what in kinds:
        if isinstance(error, kind):
            return status, what
    return 'connection_error', f'the transfer broke off ({type(error).__name__})'
