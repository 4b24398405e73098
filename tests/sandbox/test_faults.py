"""A bad day: every fault the sandbox can be told to have is one that a client really meets."""

from __future__ import annotations

import socket

import pytest
import requests

from statsig.sandbox.knobs import Fault
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer
from tests.sandbox.conftest import Get

GATES = '/console/v1/gates'


def test_a_server_that_is_down_closes_the_connection_and_comes_back(get: Get, server: SandboxServer) -> None:
    assert get('gates').status_code == 200

    server.knobs.down = True
    with pytest.raises(requests.ConnectionError):
        get('gates')
    server.knobs.down = False

    assert get('gates').status_code == 200
    assert [request.status for request in server.requests] == [200, 0, 200]


@pytest.mark.parametrize('retry_after', [None, '30', 'Wed, 21 Oct 2026 07:28:00 GMT', 'soon'])
def test_a_status_carries_the_retry_after_given(get: Get, server: SandboxServer, retry_after: str | None) -> None:
    server.fail_next(GATES, Fault.of_status(429, retry_after=retry_after))

    answer = get('gates')

    assert answer.json() == {'status': 429, 'message': 'Too Many Requests'}
    assert answer.headers.get('Retry-After') == retry_after


def test_a_fault_waits_for_its_path_its_turn_and_is_over(get: Get, server: SandboxServer) -> None:
    server.fail_next(GATES, Fault.of_status(500), times=2, skip=1)

    assert get('project').status_code == 200
    assert [get('gates').status_code for _ in range(4)] == [200, 500, 500, 200]


def test_a_fault_can_stay_until_it_is_cleared(get: Get, server: SandboxServer) -> None:
    server.fail_next(GATES, Fault.of_status(503), times=None)
    assert [get('gates').status_code for _ in range(3)] == [503, 503, 503]

    server.clear_faults()

    assert get('gates').status_code == 200


def test_a_status_can_stand_for_a_path(get: Get, server: SandboxServer) -> None:
    message = 'Data is not available'
    server.knobs.status_for = {GATES: 502, '/console/v1/exposure_count': Fault.of_status(400, message)}

    assert get('gates').status_code == 502
    assert get('exposure_count').json() == {'status': 400, 'message': message}
    assert get('project').status_code == 200


def test_html_redirects_and_wrong_shapes_are_what_they_say(get: Get, server: SandboxServer) -> None:
    server.fail_next(GATES, Fault('html'))
    server.fail_next(GATES, Fault('redirect', location='https://example.com/login'))
    server.fail_next(GATES, Fault('wrong_shape', body=[1, 2]))

    page, redirect, wrong = get('gates'), get('gates'), get('gates')

    assert (page.status_code, page.headers['Content-Type']) == (200, 'text/html; charset=utf-8')
    assert (redirect.status_code, redirect.headers['Location']) == (302, 'https://example.com/login')
    assert wrong.json() == [1, 2]


def test_truncated_json_is_whole_as_http_and_broken_as_json(get: Get, server: SandboxServer) -> None:
    server.fail_next(GATES, Fault('truncated_json'))

    answer = get('gates')

    assert answer.status_code == 200
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


def test_a_body_can_end_before_its_declared_length(get: Get, server: SandboxServer) -> None:
    server.fail_next(GATES, Fault('cut_off'))

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        get('gates')


def test_a_reset_reaches_the_client_as_one(server: SandboxServer) -> None:
    server.fail_next(GATES, Fault('reset'))
    host, port = server.address.split(':')
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f'GET {GATES} HTTP/1.1\r\nHost: {host}\r\n\r\n'.encode())

        with pytest.raises(ConnectionResetError):
            connection.recv(100)


@pytest.mark.parametrize('declare_length', [True, False])
def test_a_huge_body_has_more_than_the_bytes_asked_for(get: Get, server: SandboxServer, declare_length: bool) -> None:
    server.fail_next(GATES, Fault('huge', size=1_000_000, declare_length=declare_length))

    answer = get('gates')

    assert ('Content-Length' in answer.headers) is declare_length
    assert len(answer.content) > 1_000_000
    assert answer.json().keys() == {'message', 'data'}


def test_a_late_answer_is_too_late_for_who_does_not_wait(server: SandboxServer) -> None:
    server.fail_next(GATES, Fault('timeout', seconds=30))

    with pytest.raises(requests.ReadTimeout):
        requests.get(server.url + GATES, headers={'STATSIG-API-KEY': DEFAULT_KEY}, timeout=0.2)


def test_a_dripping_answer_arrives_byte_by_byte(server: SandboxServer) -> None:
    server.fail_next('/console/v1/project', Fault('drip', seconds=0.001))
    headers = {'STATSIG-API-KEY': DEFAULT_KEY}

    with requests.get(server.url + '/console/v1/project', headers=headers, timeout=10, stream=True) as answer:
        pieces = list(answer.raw.stream(1))

    assert b''.join(pieces).startswith(b'{"message"')
    assert {len(piece) for piece in pieces} == {1}


def test_a_server_that_stops_does_not_wait_for_its_faults(project: SandboxProject) -> None:
    with SandboxServer(project) as server:
        server.fail_next(GATES, Fault('drip', seconds=600))
        answer = requests.get(server.url + GATES, headers={'STATSIG-API-KEY': DEFAULT_KEY}, timeout=10, stream=True)

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        _ = answer.content


def test_what_was_asked_is_done_though_its_answer_is_lost(
    get: Get, server: SandboxServer, project: SandboxProject
) -> None:
    server.fail_next(GATES, Fault('cut_off'))

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        get('gates/checkout_v2/disable', method='PUT')

    assert not project.gates['checkout_v2']['isEnabled']
