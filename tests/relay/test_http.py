"""What strangers may do to the server: nothing. Raw sockets, because no client library misbehaves like this."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest
import uvloop

from statsig.relay.http import Allowance, Handler, Head, HttpServer, Limits, Response
from tests.relay.dogstatsd_receiver import wait_until

LIMIT = 1000

LIMITS = Limits(request_timeout=0.6, answer_timeout=0.8, most_connections=20, kept_for_probes=5, most_buffered=3000)


class Echo:
    """Answers with the body; remembers every outcome."""

    name = 'echo'
    is_probe = False

    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def admit(self, head: Head) -> Allowance | Response:
        if head.path == b'/defect':
            raise ZeroDivisionError
        if head.method != b'POST':
            return Response(405, 'method_not_allowed')
        return Allowance(LIMIT, Response(413, 'too_large'))

    def respond(self, head: Head, body: bytes) -> Response | asyncio.Future[Response]:
        if body == b'defect':
            raise ZeroDivisionError
        if body in (b'later', b'never'):
            promised: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
            if body == b'later':
                asyncio.get_running_loop().call_later(0.2, promised.set_result, Response(202, 'later', body))
            return promised
        return Response(200, 'ok', body)

    def answered(self, response: Response, body_bytes: int) -> None:
        self.outcomes.append(response.outcome)


class Site:
    def __init__(self, echo: Echo) -> None:
        self.echo = echo

    @property
    def fallback(self) -> Handler:
        return self.echo

    def handler(self, head: Head) -> Handler:
        return self.echo


class Server:
    """An HttpServer in a thread of its own."""

    def __init__(self) -> None:
        self.echo = Echo()
        self.http = HttpServer(Site(self.echo), LIMITS)
        self._listening = socket.create_server(('127.0.0.1', 0))
        self.address = self._listening.getsockname()
        started: Future[None] = Future()
        self._thread = threading.Thread(target=lambda: uvloop.run(self._serve(started)), daemon=True)
        self._thread.start()
        started.result(timeout=10)

    async def _serve(self, started: Future[None]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await self.http.start(self._listening)
        started.set_result(None)
        await self._stop.wait()
        await self.http.stop(grace=2.0)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=10)

    def begin_to_stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=10)

    def ask(self, *parts: bytes, pause: float = 0.0) -> bytes:
        """Everything that comes back until the server closes, or has answered and waits for more."""
        with self.connect() as client:
            for part in parts:
                try:
                    client.sendall(part)
                except OSError:
                    break  # it has closed
                time.sleep(pause)
            return read_all(client)


def read_all(client: socket.socket) -> bytes:
    received = b''
    client.settimeout(3)
    try:
        while chunk := client.recv(65536):
            received += chunk
    except (TimeoutError, ConnectionResetError):
        pass
    return received


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()
    assert running.http.buffered == 0
    assert not running.http.connections


def post(body: bytes, *headers: bytes, close: bool = True) -> bytes:
    lines = [b'POST /x HTTP/1.1', b'Host: h', b'Content-Length: %d' % len(body), *headers]
    if close:
        lines.append(b'Connection: close')
    return b'\r\n'.join(lines) + b'\r\n\r\n' + body


CHUNKED = b'POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n'


def status(answer: bytes) -> int:
    assert answer.startswith(b'HTTP/1.1 '), answer
    return int(answer[9:12])


def test_a_body_comes_back(server: Server) -> None:
    answer = server.ask(post(b'hello'))
    assert answer == b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello'


def test_a_chunked_body_too(server: Server) -> None:
    assert server.ask(CHUNKED.replace(b'Host', b'Connection: close\r\nHost') + b'5\r\nhello\r\n0\r\n\r\n').endswith(
        b'hello'
    )


def test_one_connection_serves_many_requests_in_order(server: Server) -> None:
    with server.connect() as client:
        client.sendall(b''.join(post(b'%d' % number, close=False) for number in range(50)) + post(b'last'))
        answers = read_all(client)
    assert answers.count(b'HTTP/1.1 200 OK') == 51
    assert [part.partition(b'\r\n\r\n')[2] for part in answers.split(b'HTTP/1.1 200 OK')[1:]] == [
        *(b'%d' % number for number in range(50)),
        b'last',
    ]


def test_requests_may_arrive_in_any_pieces(server: Server) -> None:
    request = post(b'hello', b'X-Long: ' + b'a' * 300)
    with server.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(request), 7):
            client.sendall(request[at : at + 7])
        assert read_all(client).endswith(b'\r\n\r\nhello')


def test_a_wish_for_another_protocol_is_refused(server: Server) -> None:
    answer = server.ask(post(b'hello', b'Upgrade: websocket', b'Connection: Upgrade', close=False) + b'GET / HTTP/1.1')
    assert status(answer) == 400
    assert server.echo.outcomes == ['bad_request']


def test_curl_is_told_to_go_on(server: Server) -> None:
    with server.connect() as client:
        client.sendall(post(b'', b'Expect: 100-continue').replace(b'Length: 0', b'Length: 5'))
        assert client.recv(100) == b'HTTP/1.1 100 Continue\r\n\r\n'
        client.sendall(b'hello')
        assert read_all(client).endswith(b'hello')


@pytest.mark.parametrize(
    ('sent', 'expected', 'outcome'),
    [
        ([b'hello\r\n\r\n'], 400, 'bad_request'),
        ([b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'], 400, 'bad_request'),  # TLS
        ([b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'], 400, 'bad_request'),
        ([b'POST /x HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n'], 400, 'bad_request'),
        ([b'POST /x HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n'], 400, 'bad_request'),
        ([b'POST /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n'], 400, 'bad_request'),
        ([b'POST /x HTTP/1.1\r\nContent-Length: 99999999999999999999999999\r\n\r\n'], 400, 'bad_request'),
        ([b'POST /x HTTP/1.1\r\nBroken header\r\n\r\n'], 400, 'bad_request'),
        ([CHUNKED + b'hello\r\n'], 400, 'bad_request'),
        ([CHUNKED + b'0\r\nTrailer: x\r\n\r\n'], 400, 'bad_request'),
        ([b'GET /x HTTP/1.1\r\n\r\n'], 405, 'method_not_allowed'),
        ([b'POST /x HTTP/1.1\r\nContent-Length: 10000000000\r\n\r\n'], 413, 'too_large'),
        ([post(b'x' * (LIMIT + 1))], 413, 'too_large'),
        ([CHUNKED] + [b'64\r\n' + b'x' * 100 + b'\r\n'] * 100_000, 413, 'too_large'),
        ([CHUNKED + b'1;' + b'x' * 50_000] + [b'x' * 50_000] * 100, 413, 'too_large'),
        ([CHUNKED + b'0\r\nTrailer: '] + [b'x' * 50_000] * 100, 413, 'too_large'),
        ([b'POST /x HTTP/1.1\r\nA: '] + [b'x' * 10_000] * 1000, 431, 'head_too_large'),
        ([b'POST /'] + [b'x' * 10_000] * 10, 431, 'head_too_large'),
        ([b'POST /x HTTP/1.1\r\n' + b''.join(b'A%d: b\r\n' % n for n in range(101)) + b'\r\n'], 431, 'head_too_large'),
        ([b'POST /x HTTP/1.1\r\n' + b'A: b\r\n' * 101 + b'\r\n'], 431, 'head_too_large'),
        ([b'POST /x HTTP/1.1\r\nA: ' + b'x' * 16_384 + b'\r\n\r\n'], 431, 'head_too_large'),
        ([b'POST /' + b'x' * 16_384 + b' HTTP/1.1\r\n\r\n'], 431, 'head_too_large'),
    ],
)  # fmt: skip
def test_what_is_no_request_or_too_much_is_refused_at_once(
    server: Server, sent: list[bytes], expected: int, outcome: str
) -> None:
    answer = server.ask(*sent)
    assert status(answer) == expected
    assert server.echo.outcomes == [outcome]
    assert answer.partition(b'\r\n\r\n')[2] == b''
    assert status(server.ask(post(b'still here'))) == 200


@pytest.mark.parametrize(
    'parts',
    [
        [b'P'],
        [b'POST /x HTTP/1.1\r\nHost:'],
        [post(b'hello')[:-1]],
        [CHUNKED, b'1\r\nx\r\n'],
        [CHUNKED, *([b'1\r\nx\r\n'] * 20)],
        [bytes([byte]) for byte in post(b'hello')],
    ],
    ids=['a letter', 'half a head', 'half a body', 'half a chunked body', 'drip by drip', 'byte by byte'],
)
def test_whoever_does_not_come_to_an_end_is_told_so(server: Server, parts: list[bytes]) -> None:
    assert status(server.ask(*parts, pause=0.1)) == 408
    assert server.echo.outcomes == ['timeout']


def test_whoever_connects_and_says_nothing_is_hung_up_on(server: Server) -> None:
    with server.connect() as client:
        assert read_all(client) == b''
    assert server.echo.outcomes == []


def test_a_hundred_headers_of_16_kib_are_taken(server: Server) -> None:
    headers = [b'A%02d: ' % number + b'x' * 140 for number in range(97)]
    assert status(server.ask(post(b'', *headers))) == 200


def test_a_slow_one_does_not_keep_the_others_waiting(server: Server) -> None:
    with server.connect() as slow:
        slow.sendall(CHUNKED)
        assert status(server.ask(post(b'quick'))) == 200
        assert server.echo.outcomes == ['ok']
        assert status(read_all(slow)) == 408


def busy_connections(server: Server) -> list[socket.socket]:
    """As many as may be, each with a request of which a byte is still to come."""
    clients = [server.connect() for _ in range(LIMITS.most_connections)]
    for client in clients:
        client.sendall(post(b'in', close=False)[:-1])
    wait_until(lambda: server.http.buffered == len(clients))
    return clients


@pytest.mark.parametrize('surplus', [0, LIMITS.kept_for_probes])
def test_too_many_connections_are_sent_away_and_others_stay(server: Server, surplus: int) -> None:
    clients = busy_connections(server)
    try:
        for _ in range(surplus):
            clients.append(server.connect())
            clients[-1].sendall(post(b'in', close=False)[:-1])
        answer = server.ask(post(b'one too many'))
        assert status(answer) == 503
        assert b'Retry-After: 5\r\n' in answer
        clients[0].sendall(b'n')
        assert clients[0].recv(100).startswith(b'HTTP/1.1 200')
    finally:
        for client in clients:
            client.close()
    assert server.echo.outcomes == ['full'] * (surplus + 1) + ['ok']


def test_whoever_says_nothing_keeps_nobody_out(server: Server) -> None:
    clients = [server.connect() for _ in range(LIMITS.most_connections)]
    try:
        assert status(server.ask(post(b'hello'))) == 200
        assert clients[0].recv(100) == b''
    finally:
        for client in clients:
            client.close()


def test_probes_are_answered_where_there_are_too_many_connections(server: Server) -> None:
    clients = busy_connections(server)
    try:
        server.echo.is_probe = True
        assert status(server.ask(post(b'probe'))) == 200
    finally:
        for client in clients:
            client.close()


def test_a_body_in_tiny_pieces_takes_no_more_memory_than_it_is_long(server: Server) -> None:
    pieces = b'1\r\nx\r\n' * (LIMIT - 1)
    with server.connect() as client:
        client.sendall(CHUNKED + pieces)
        wait_until(lambda: server.http.buffered == LIMIT - 1)
        (connection,) = server.http.connections
        assert sys.getsizeof(connection._body) < 2 * LIMIT
        client.sendall(b'0\r\n\r\n')
        assert status(client.recv(1000)) == 200


def test_bodies_that_wait_take_a_bounded_amount_of_memory(server: Server) -> None:
    """Three of 1000 bytes are on their way; a fourth has no room, until one of them is through."""
    clients = [server.connect() for _ in range(3)]
    try:
        for client in clients:
            client.sendall(post(b'x' * LIMIT)[:-1])
        assert status(server.ask(post(b'y' * LIMIT))) == 503
        clients[0].sendall(b'x')
        assert status(read_all(clients[0])) == 200
        assert status(server.ask(post(b'y' * (LIMIT - 10)))) == 200
    finally:
        for client in clients:
            client.close()


def test_bodies_of_unknown_length_are_held_to_the_same(server: Server) -> None:
    clients = [server.connect() for _ in range(3)]
    try:
        for client in clients:
            client.sendall(CHUNKED + b'384\r\n' + b'x' * 900 + b'\r\n')
        assert status(server.ask(CHUNKED + b'1f4\r\n' + b'y' * 500 + b'\r\n0\r\n\r\n')) == 503
    finally:
        for client in clients:
            client.close()


def test_a_client_that_never_reads_is_not_read_from(server: Server) -> None:
    with server.connect() as client:
        client.settimeout(2)
        sent = 0
        request = post(b'x' * LIMIT, close=False) * 100
        with contextlib.suppress(TimeoutError):
            while sent < 200_000_000:
                sent += client.send(request)
        assert status(server.ask(post(b'another'))) == 200
    assert sent < 100_000_000


@pytest.mark.parametrize('sent', [post(b'defect'), b'POST /defect HTTP/1.1\r\n\r\n'], ids=['respond', 'admit'])
def test_a_defect_costs_its_own_request_only(server: Server, caplog: pytest.LogCaptureFixture, sent: bytes) -> None:
    assert status(server.ask(sent)) == 500
    assert 'this is a defect of the relay' in caplog.text
    assert status(server.ask(post(b'hello'))) == 200


def test_a_stop_answers_what_has_begun_and_takes_nothing_new(server: Server) -> None:
    with server.connect() as busy, server.connect() as idle:
        busy.sendall(post(b'hello', close=False)[:-1])
        idle.sendall(post(b'first', close=False))
        assert idle.recv(1000).endswith(b'first')
        wait_until(lambda: server.http.buffered == len(b'hell'))
        server.begin_to_stop()
        assert idle.recv(1000) == b''
        busy.sendall(b'o')
        answer = read_all(busy)
    assert status(answer) == 200
    assert b'Connection: close' in answer
    with pytest.raises(ConnectionRefusedError):
        server.connect()


def test_an_answer_may_be_promised(server: Server) -> None:
    with server.connect() as client:
        client.sendall(post(b'later', close=False))
        assert client.recv(1000).endswith(b'later')
        client.sendall(post(b'hello'))
        assert read_all(client).endswith(b'hello')
    assert server.echo.outcomes == ['later', 'ok']


def test_others_are_served_meanwhile(server: Server) -> None:
    with server.connect() as client:
        client.sendall(post(b'later'))
        assert status(server.ask(post(b'hello'))) == 200
        assert server.echo.outcomes == ['ok']
        answer = read_all(client)
    assert (status(answer), b'Connection: close' in answer) == (202, True)


def test_what_does_not_wait_for_a_promised_answer_is_not_served(server: Server) -> None:
    together = server.ask(post(b'later', close=False) + post(b'hello'))
    apart = server.ask(post(b'later', close=False), post(b'hello'), pause=0.05)
    assert [answer.count(b'HTTP/1.1 ') for answer in (together, apart)] == [1, 1]
    assert b'Connection: close' in together
    assert server.echo.outcomes == ['later', 'later']


def test_a_promise_that_is_not_kept_is_answered_503(server: Server) -> None:
    answer = server.ask(post(b'never'))
    assert status(answer) == 503
    assert b'Retry-After' in answer
    assert server.echo.outcomes == ['late']


def test_a_client_that_leaves_before_its_answer_harms_nobody(server: Server) -> None:
    with server.connect() as client:
        client.sendall(post(b'later'))
    time.sleep(0.4)
    assert status(server.ask(post(b'hello'))) == 200
    assert server.echo.outcomes == ['ok']
