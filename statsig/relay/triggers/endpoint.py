"""POST /webhooks/datadog."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Callable, Sequence
from ipaddress import IPv6Address, ip_address

from statsig.relay.health import Health
from statsig.relay.http import Allowance, Head, Response
from statsig.relay.triggers.configuration import Network
from statsig.relay.triggers.notification import UnreadableError, parse
from statsig.relay.triggers.service import Triggers

DATADOG_WEBHOOK = b'/webhooks/datadog'
LARGEST_BODY = 64 * 1024
_COMPLAINT_INTERVAL = 60.0  # seconds between two lines in the log about refusals of the same kind

_METHOD = Response(405, 'method_not_allowed', headers={'Allow': 'POST'})
_ADDRESS = Response(403, 'address')
_UNAUTHORIZED = Response(401, 'unauthorized', headers={'WWW-Authenticate': 'Bearer'})
_MEDIA_TYPE = Response(415, 'media_type')
_ALLOWANCE = Allowance(LARGEST_BODY, Response(413, 'too_large'))
_UNREADABLE = Response(400, 'unreadable')
_ACCEPTED = Response(202, 'accepted')
_FULL = Response(503, 'full', headers={'Retry-After': '5'})
_FAILED = Response(503, 'not_written', headers={'Retry-After': '5'})
_NOT_RECORDED = {'accepted', 'method_not_allowed', 'full', 'late', 'not_written', 'timeout'}
_REMEDIES = {
    'address': 'it came from an address that is not in allowed_addresses',
    'unauthorized': 'its token is neither token nor previous_token',
    'media_type': 'it is no JSON: the webhook in Datadog must not be encoded as a form',
    'too_large': f'its body is larger than {LARGEST_BODY >> 10} KiB: is the payload that of the template?',
}
_log = logging.getLogger(__name__)


class DatadogWebhook:
    """Answers once a notification is in the journal and decided: what was not is answered 5xx, or not at all, and
    Datadog sends it again."""

    name = 'datadog'
    is_probe = False

    def __init__(
        self,
        triggers: Triggers,
        tokens: Sequence[bytes],
        networks: Sequence[Network],
        health: Health,
        clock: Callable[[], float],
    ) -> None:
        self._triggers = triggers
        self._digests = tuple(hashlib.sha256(token).digest() for token in tokens)
        self._networks = networks
        self._health = health
        self._clock = clock
        self._complained: dict[str, float] = {}
        self._peer = ''

    def admit(self, head: Head) -> Allowance | Response:
        self._peer = head.peer
        if head.method != b'POST':
            return _METHOD
        if self._networks and not self._is_allowed(head.peer):
            return _ADDRESS
        if not self._is_authorized(head.headers.get(b'authorization', b'')):
            return _UNAUTHORIZED
        if not _is_json(head.headers.get(b'content-type', b'')):
            return _MEDIA_TYPE
        if head.headers.get(b'content-encoding', b'identity') != b'identity':
            return _MEDIA_TYPE
        return _ALLOWANCE

    def respond(self, head: Head, body: bytes) -> Response | asyncio.Future[Response]:
        self._peer = head.peer
        try:
            notification = parse(body)
        except UnreadableError as error:
            self._complain('unreadable', str(error))
            return _UNREADABLE
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Response] = loop.create_future()

        def taken(written: bool) -> None:
            loop.call_soon_threadsafe(_set, answer, _ACCEPTED if written else _FAILED)

        return answer if self._triggers.submit(notification, head.peer, taken) else _FULL

    def answered(self, response: Response, body_bytes: int) -> None:
        self._health.answered(self.name, response.outcome, response.status, body_bytes)
        if response.status >= 400 and response.outcome not in _NOT_RECORDED:
            # A body turns out to be too large when other requests may have come in between.
            self._triggers.turn_away(response.outcome, '' if response.outcome == 'too_large' else self._peer)
            if remedy := _REMEDIES.get(response.outcome):
                self._complain(response.outcome, remedy)

    def _is_allowed(self, peer: str) -> bool:
        try:
            address = ip_address(peer.partition('%')[0])
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)

    def _is_authorized(self, header: bytes) -> bool:
        """Takes as long whatever is in the header: digests are of one length, and each is compared."""
        scheme, _, token = header.partition(b' ')
        given = hashlib.sha256(token.strip()).digest()
        fits = [hmac.compare_digest(given, digest) for digest in self._digests]
        return scheme.lower() == b'bearer' and any(fits)

    def _complain(self, outcome: str, remedy: str) -> None:
        """Strangers can cause refusals as often as they like: the log has one in a minute."""
        now = self._clock()
        if now - self._complained.get(outcome, float('-inf')) >= _COMPLAINT_INTERVAL:
            self._complained[outcome] = now
            _log.warning('A request to %s was refused: %s', DATADOG_WEBHOOK.decode(), remedy)


def _is_json(content_type: bytes) -> bool:
    """It may come several times: Datadog does not say whether custom headers replace those that it sends by itself."""
    media_types = [each.partition(b';')[0].strip().lower() for each in content_type.split(b',')]
    return all(media_type == b'application/json' for media_type in media_types)


def _set(answer: asyncio.Future[Response], response: Response) -> None:
    if not answer.done():
        answer.set_result(response)
