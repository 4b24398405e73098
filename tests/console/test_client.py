"""Every way a request can fail becomes one of our few errors, in words that say what to do and never the key."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from statsig.console.budget import RequestBudget
from statsig.console.client import LARGEST_BODY, ConsoleClient
from statsig.console.errors import (
    BadAnswerError,
    ConsoleError,
    RateLimitedError,
    RefusedError,
    RequestNotMadeError,
    TooLargeError,
    UnreachableError,
)
from statsig.console.failures import LONGEST_PAUSE, PAUSE_WITHOUT_RETRY_AFTER, retry_after
from statsig.sandbox.api import ALL
from statsig.sandbox.knobs import Fault
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import SandboxServer
from tests.console.conftest import client_of

KEY = 'console-sandbox'


def failure(client: ConsoleClient, endpoint: str = 'gates') -> ConsoleError:
    with pytest.raises(ConsoleError) as error:
        client.get_page(endpoint, 1, 100)
    assert error.value.__cause__ is None, 'a chained exception would print what the library or the API said'
    return error.value


def test_the_project_of_the_key(client: ConsoleClient) -> None:
    assert client.project_id() == 'sandbox'


def test_a_page_tells_whether_there_is_more(server: SandboxServer, client: ConsoleClient) -> None:
    first = client.get_page('gates', 1, 10)
    last = client.get_page('gates', 2, 10)

    assert (len(first.items), first.total, first.size, first.more) == (10, 12, 10, True)
    assert (len(last.items), last.more) == (2, False)
    assert server.requests[-1].headers['STATSIG-API-VERSION'] == '20240601'


def test_many_requests_share_one_connection(server: SandboxServer, client: ConsoleClient) -> None:
    seen = set()
    original = server._http.process_request

    def process_request(request: socket.socket, client_address: tuple[str, int]) -> None:
        seen.add(client_address)
        original(request, client_address)

    server._http.process_request = process_request  # type: ignore[method-assign]

    for _ in range(5):
        client.get_page('gates', 1, 100)

    assert len(seen) == 1


def test_a_key_that_is_refused(server: SandboxServer) -> None:
    error = failure(client_of(server, key='console-not-this-one'))

    assert isinstance(error, RefusedError)
    assert str(error) == (
        f'Statsig refused the API key: GET /console/v1/gates at {server.address} answered 401. Set `api_key` to an '
        'active Console API key (in Statsig: Project Settings > Keys & Environments); a client key or a server secret '
        'key is not one.'
    )


def test_a_key_that_lacks_a_permission(project: SandboxProject) -> None:
    with SandboxServer(project, keys={KEY: ALL - {'gates'}}) as server:
        error = failure(client_of(server))

        assert isinstance(error, RefusedError)
        assert str(error) == (
            f'The API key lacks a permission: GET /console/v1/gates at {server.address} answered 403. Give it read '
            'access to gates (in Statsig: Project Settings > Keys & Environments), or set `collect_inventory: false`.'
        )


def test_a_server_that_is_down() -> None:
    with socket.socket() as unused:
        unused.bind(('127.0.0.1', 0))
        address = f'127.0.0.1:{unused.getsockname()[1]}'
    client = ConsoleClient(requests.Session(), f'http://{address}', KEY, RequestBudget(100))

    error = failure(client)

    assert isinstance(error, UnreachableError)
    assert str(error) == (
        f'GET /console/v1/gates at {address} failed: no connection, or it was closed without an answer. Check '
        '`api_url`, the network and the proxy between this host and Statsig; nothing is lost, the next run tries again.'
    )


def test_a_body_that_is_not_json(server: SandboxServer, client: ConsoleClient) -> None:
    server.fail_next('/console/v1/gates', Fault('html'))

    error = failure(client)

    assert isinstance(error, BadAnswerError)
    assert 'that are not JSON. Something between this host and Statsig may answer in its place' in str(error)


@pytest.mark.parametrize(
    ('fault', 'kind', 'status'),
    [
        (Fault.of_status(500), BadAnswerError, '500'),
        (Fault.of_status(503), BadAnswerError, '503'),
        (Fault.of_status(400, 'Data is not available'), BadAnswerError, '400'),
        (Fault.of_status(429, retry_after='7'), RateLimitedError, '429'),
        (Fault('html'), BadAnswerError, 'invalid_body'),
        (Fault('blocked'), BadAnswerError, 'invalid_body'),
        (Fault('truncated_json'), BadAnswerError, 'invalid_body'),
        (Fault('wrong_shape'), BadAnswerError, 'invalid_body'),
        (Fault('wrong_shape', body={'message': 'fine', 'data': 'text'}), BadAnswerError, 'invalid_body'),
        (Fault('cut_off'), UnreachableError, 'connection_error'),
        (Fault('reset'), UnreachableError, 'connection_error'),
        (Fault('huge', size=LARGEST_BODY + 1), TooLargeError, 'too_large'),
        (Fault('huge', size=LARGEST_BODY + 1, declare_length=False), TooLargeError, 'too_large'),
        (Fault('redirect'), BadAnswerError, '302'),
    ],
    ids=lambda value: getattr(value, 'kind', None),
)
def test_every_fault_has_its_error_and_its_status(
    server: SandboxServer, client: ConsoleClient, fault: Fault, kind: type[ConsoleError], status: str
) -> None:
    server.fail_next('/console/v1/gates', fault)

    error = failure(client)

    assert type(error) is kind
    assert error.status == status
    assert error.endpoint == '/console/v1/gates'
    assert [made.status for made in client.take_requests_made()] == [status]
    assert KEY not in f'{error!r}{error}'
    assert client_of(server).get_page('gates', 1, 100).total == 12, 'the next request works'


def test_an_answer_that_holds_the_key_is_read_without_it(project: SandboxProject, server: SandboxServer) -> None:
    project.gates['checkout_v2']['description'] = f'made with {KEY}, see the wiki'

    gates = client_of(server).get_page('gates', 1, 100).items

    assert KEY not in repr(gates)
    assert [gate['description'] for gate in gates if gate['id'] == 'checkout_v2'] == ['made with ***, see the wiki']


def test_a_redirect_is_not_followed_so_the_key_reaches_no_other_host(
    server: SandboxServer, client: ConsoleClient
) -> None:
    with SandboxServer(SandboxProject(seed=2)) as elsewhere:
        server.fail_next('/console/v1/gates', Fault('redirect', location=f'{elsewhere.url}/console/v1/gates'))

        error = failure(client)

        assert elsewhere.requests == []
    assert 'a redirect, which is not followed' in str(error)


def test_the_next_page_link_is_never_followed(server: SandboxServer, client: ConsoleClient) -> None:
    body = {'message': 'ok', 'data': [], 'pagination': {'nextPage': 'evil.example/console/v1/gates?page=2'}}
    server.fail_next('/console/v1/gates', Fault('wrong_shape', body=body))

    assert client.get_page('gates', 1, 100).items == []
    assert len(server.requests) == 1


@contextmanager
def run_of(client: ConsoleClient, seconds: float) -> Iterator[None]:
    client.budget.start_run(seconds)
    started = time.monotonic()
    yield
    took = time.monotonic() - started
    assert took < seconds + 0.5, f'the run had {seconds} s and took {took:.1f} s'


def test_a_body_that_drips_ends_with_the_run(server: SandboxServer, client: ConsoleClient) -> None:
    server.fail_next('/console/v1/gates', Fault('drip', seconds=0.05))

    with run_of(client, 1.5):
        error = failure(client)

    assert isinstance(error, UnreachableError)
    assert 'answered too slowly' in str(error)


def test_an_answer_that_does_not_come_ends_with_the_run(server: SandboxServer, client: ConsoleClient) -> None:
    server.fail_next('/console/v1/gates', Fault('timeout', seconds=30))

    with run_of(client, 1.5):
        error = failure(client)

    assert (error.status, type(error)) == ('timeout', UnreachableError)
    assert 'there was no answer within the timeout' in str(error)


def test_after_a_429_no_request_is_made_until_the_pause_is_over(server: SandboxServer, client: ConsoleClient) -> None:
    server.fail_next('/console/v1/gates', Fault.of_status(429, retry_after='120'))
    error = failure(client)
    assert isinstance(error, RateLimitedError)
    assert 'No request is made for 120 s; nothing is lost.' in str(error)

    with pytest.raises(RequestNotMadeError, match='Statsig asked for a pause'):
        client.get_page('experiments', 1, 100)

    assert len(server.requests) == 1


def test_retry_after_takes_seconds_a_date_or_nothing() -> None:
    now = datetime(2026, 11, 23, 8, 0, 0, tzinfo=UTC)

    assert retry_after('30', now) == 30
    assert retry_after('Mon, 23 Nov 2026 08:00:45 GMT', now) == 45
    assert retry_after('Mon, 23 Nov 2026 07:00:00 GMT', now) == 1
    assert retry_after(None, now) == PAUSE_WITHOUT_RETRY_AFTER
    assert retry_after('soon', now) == PAUSE_WITHOUT_RETRY_AFTER
    assert retry_after('nan', now) == PAUSE_WITHOUT_RETRY_AFTER


@given(st.text() | st.integers().map(str) | st.floats().map(str))
def test_no_retry_after_stops_the_check_for_more_than_an_hour(header: str) -> None:
    assert 1 <= retry_after(header, datetime.now(UTC)) <= LONGEST_PAUSE
