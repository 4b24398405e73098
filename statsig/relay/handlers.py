"""What answers at which path."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from statsig.relay.health import Health
from statsig.relay.http import Allowance, Handler, Head, Response
from statsig.webhook.receiver import Delivery, Outcome, Receiver
from statsig.webhook.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER

STATSIG_WEBHOOK = b'/webhooks/statsig'
_TIMESTAMP, _SIGNATURE = TIMESTAMP_HEADER.lower().encode(), SIGNATURE_HEADER.lower().encode()
_JSON = {'Content-Type': 'application/json', 'X-Content-Type-Options': 'nosniff'}
_FULL = Response(503, 'full', headers={'Retry-After': '30'})
_OK = Response(200, 'ok')
_NOT_READY = Response(503, 'not_ready')
_NO_BODY = Allowance(0, Response(413, 'too_large'))
_NOT_FOUND = Response(404, 'not_found')
_COMPLAINT_INTERVAL = 60.0  # seconds between two lines in the log about refusals of the same kind
_REMEDIES = {
    'unsigned': 'it has no signature; only Statsig signs its deliveries',
    'stale': 'its timestamp is more than max_age away from the clock of this host: is that clock right?',
    'bad_signature': 'its signature does not fit: is signing_secret that of this webhook?',
    'malformed': 'its signature is right, its body is not in a format that is known: report it',
    'unknown_encoding': 'its Content-Encoding is none of gzip, deflate and identity: report it',
    'too_large': 'its body is larger than max_body_bytes, or than 32 MiB inflated',
}
_log = logging.getLogger(__name__)


class StatsigWebhook:
    """POST /webhooks/statsig."""

    name = 'statsig'
    is_probe = False

    def __init__(self, receiver: Receiver, health: Health, is_full: Callable[[], bool], clock: Callable[[], float]):
        self._receiver = receiver
        self._health = health
        self._is_full = is_full
        self._clock = clock
        self._responses: dict[Outcome, Response] = {}
        self._allowances: dict[Outcome, Allowance] = {}
        self._complained: dict[str, float] = {}

    def admit(self, head: Head) -> Allowance | Response:
        if head.method != b'POST':
            return _METHOD_NOT_ALLOWED['POST']
        if self._is_full():
            return _FULL
        limit, beyond = self._receiver.allowance(_delivery(head))
        allowance = self._allowances.get(beyond)
        if allowance is None:
            allowance = self._allowances[beyond] = Allowance(limit, self._response(beyond))
        return allowance

    def respond(self, head: Head, body: bytes) -> Response:
        outcome, answer = self._receiver.receive(_delivery(head), body)
        if answer:
            return Response(outcome.status, outcome.word, answer, _JSON)
        return self._response(outcome)

    def answered(self, response: Response, body_bytes: int) -> None:
        self._health.answered(self.name, response.outcome, response.status, body_bytes)
        if response.status >= 400:
            self._complain(response.outcome)

    def _response(self, outcome: Outcome) -> Response:
        response = self._responses.get(outcome)
        if response is None:
            response = self._responses[outcome] = Response(outcome.status, outcome.word)
        return response

    def _complain(self, outcome: str) -> None:
        """Strangers can cause refusals as often as they like: the log has one in a minute."""
        remedy, now = _REMEDIES.get(outcome), self._clock()
        if remedy and now - self._complained.get(outcome, float('-inf')) >= _COMPLAINT_INTERVAL:
            self._complained[outcome] = now
            _log.warning('A request to %s was refused: %s', STATSIG_WEBHOOK.decode(), remedy)


@dataclass(frozen=True, slots=True)
class Probe:
    """GET or HEAD. Probes come every few seconds: only those that are no probes are in a metric."""

    name: str
    is_well: Callable[[], bool]
    health: Health
    is_probe: bool = True

    def admit(self, head: Head) -> Allowance | Response:
        return _NO_BODY if head.method in (b'GET', b'HEAD') else _METHOD_NOT_ALLOWED['GET, HEAD']

    def respond(self, head: Head, body: bytes) -> Response:
        return _OK if self.is_well() else _NOT_READY

    def answered(self, response: Response, body_bytes: int) -> None:
        if response not in (_OK, _NOT_READY):
            self.health.answered(self.name, response.outcome, response.status, body_bytes)


@dataclass(frozen=True, slots=True)
class Nothing:
    """Every other path, and what is no HTTP."""

    health: Health
    name: str = 'none'
    is_probe: bool = False

    def admit(self, head: Head) -> Allowance | Response:
        return _NOT_FOUND

    def respond(self, head: Head, body: bytes) -> Response:
        return _NOT_FOUND

    def answered(self, response: Response, body_bytes: int) -> None:
        self.health.answered(self.name, response.outcome, response.status, body_bytes)


_METHOD_NOT_ALLOWED = {
    allowed: Response(405, 'method_not_allowed', headers={'Allow': allowed}) for allowed in ('POST', 'GET, HEAD')
}


@dataclass(frozen=True, slots=True)
class Routes:
    """The relay's site: handlers by path."""

    by_path: Mapping[bytes, Handler]
    fallback: Handler

    def handler(self, head: Head) -> Handler:
        return self.by_path.get(head.path, self.fallback)


def _delivery(head: Head) -> Delivery:
    headers = head.headers
    return Delivery(headers.get(_TIMESTAMP, b''), headers.get(_SIGNATURE, b''), headers.get(b'content-encoding', b''))
