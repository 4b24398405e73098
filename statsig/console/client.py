"""The one place that talks to the Console API."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError as TransferError

from statsig.console.budget import RequestBudget
from statsig.console.errors import (
    BadAnswerError,
    ConsoleError,
    RateLimitedError,
    RequestNotMadeError,
    TooLargeError,
    UnreachableError,
)
from statsig.console.failures import answered_with, path, unreachable

API_VERSION = '20240601'
LARGEST_BODY = 8 * 1024 * 1024  # bytes, after decompression: a page of 100 ordinary entries has about 100 KB
LARGEST_PAGE = 100  # what Statsig's own examples answer by default; what it allows at most is not documented
PAGES_AT_MOST = 1000
SHORTEST_KEY = 8  # characters: what is shorter than the prefix `console-` is no key, and would be found in any text

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

    @property
    def get(self) -> Callable[..., Any]: ...


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
        # `headers=` replaces what the Agent's `self.http` was configured with, so that comes along. (A Session keeps
        # its own; its `options` is something else, a method.)
        options = getattr(http, 'options', None)
        configured = options.get('headers') if isinstance(options, dict) else None
        self._headers = {
            **(configured or {}),
            'Accept': 'application/json',
            'Accept-Encoding': 'gzip',
            'STATSIG-API-KEY': api_key,
            'STATSIG-API-VERSION': API_VERSION,
        }
        self._key = api_key.encode() if len(api_key) >= SHORTEST_KEY else b''
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
        project = self.get('project').get('id')
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
        answer, size_in_bytes = self._request(endpoint, {**(params or {}), 'limit': limit, 'page': page}, list)
        items, pagination = answer['data'], answer.get('pagination')
        paging = pagination if isinstance(pagination, dict) else {}
        size, total = _count(paging.get('itemsPerPage')) or None, _count(paging.get('totalItems'))
        if 'nextPage' in paging:
            more = bool(paging['nextPage'])
        elif total is not None:
            more = page * (size or limit) < total
        else:
            # Some listings are answered whole, without pagination (the official examples of segments and dynamic
            # configs). A page that is exactly full may still not be the last.
            more = len(items) == (size or limit)
        return Page(items, size, total, more, size_in_bytes)

    def not_as_documented(self, endpoint: str, what: str) -> BadAnswerError:
        """The error for a JSON answer that is not the documented one."""
        return BadAnswerError(
            path(endpoint),
            'invalid_body',
            f'GET {path(endpoint)} at {self._host} did not answer as documented: {what}. '
            'Check that `api_url` is the address of the Statsig Console API.',
        )

    def empty_page(self, endpoint: str, page: int, limit: int) -> BadAnswerError:
        """The error for a page without records where there must be some: read as an end, it would hide the rest."""
        return BadAnswerError(
            path(endpoint),
            'invalid_body',
            f'GET {path(endpoint)} at {self._host} answered page {page} of {limit} without any record, although there '
            'must be some. Nothing is lost, the next run tries again.',
        )

    def get(self, endpoint: str, params: Params | None = None) -> dict[str, Any]:
        """The `data` object that `/console/v1/<endpoint>` answers. Raises ConsoleError, RequestNotMadeError."""
        data: dict[str, Any] = self._request(endpoint, params, dict)[0]['data']
        return data

    def _request(
        self, endpoint: str, params: Params | None, data_type: type[list[Any]] | type[dict[str, Any]]
    ) -> tuple[dict[str, Any], int]:
        time_limit = self.budget.take()
        started = self._clock()
        status = 'error'
        try:
            status, body = self._fetch(endpoint, params, time_limit)
            return self._decoded(endpoint, body, data_type), len(body)
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
                if not 200 <= response.status_code < 300:
                    retry_after = response.headers.get('Retry-After')
                    content_type = response.headers.get('Content-Type') or ''
                    raise answered_with(endpoint, self._host, response.status_code, retry_after, content_type)
                body = self._body(endpoint, response, started + 2 * share)
                # Whatever an answer repeats of the key (an entry into which it was pasted, say), nothing behind this
                # point sees it.
                return str(response.status_code), body.replace(self._key, b'***') if self._key else body
            finally:
                response.close()
        except (requests.RequestException, TransferError, OSError, ValueError, TypeError, zlib.error) as error:
            if isinstance(error, requests.Timeout) and time_limit < self.budget.run_time / 4:
                # Begun late in the run, it had less time than an answer may honestly take.
                raise RequestNotMadeError('the time of this run ended while a request was under way') from None
            raise unreachable(endpoint, self._host, error) from None

    def _body(self, endpoint: str, response: HTTPResponse, deadline: float) -> bytes:
        # Inflated here: urllib3 would go on reading until there is something to hand over, however slowly it comes.
        is_gzip = response.headers.get('Content-Encoding', '').lower() == 'gzip'
        inflate = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress if is_gzip else None
        chunks, size = [], 0
        # read1 returns what has arrived; read and iter_content would wait until a whole chunk is there.
        while chunk := response.raw.read1(65536, decode_content=False):
            chunks.append(inflate(chunk, LARGEST_BODY + 1) if inflate else chunk)
            size += len(chunks[-1])
            if size > LARGEST_BODY:
                raise TooLargeError(
                    path(endpoint),
                    'too_large',
                    f'GET {path(endpoint)} answered with more than {LARGEST_BODY // 1024 // 1024} MiB, which is not '
                    'read any further. Check that `api_url` is the address of the Statsig Console API.',
                )
            if self._clock() > deadline:
                raise UnreachableError(
                    path(endpoint),
                    'timeout',
                    f'GET {path(endpoint)} at {self._host} answered too slowly: {size} bytes had arrived when the run '
                    'had to end. The next run tries again.',
                )
        return b''.join(chunks)

    def _decoded(self, endpoint: str, body: bytes, data_type: type[Any]) -> dict[str, Any]:
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            raise BadAnswerError(
                path(endpoint),
                'invalid_body',
                f'GET {path(endpoint)} at {self._host} answered with {len(body)} bytes that are not JSON. Something '
                'between this host and Statsig may answer in its place: check `api_url` and the proxy.',
            ) from None
        if not isinstance(answer, dict) or not isinstance(answer.get('data'), data_type):
            what = '`data` is no list' if data_type is list else '`data` is no object'
            raise self.not_as_documented(endpoint, what)
        return answer


def _count(value: Any) -> int | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value < 2**53 else None
