"""One delivery from its headers to its counts: what is refused, and why, is decided here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from statsig.webhook.config_changes import ConfigChange, config_changes
from statsig.webhook.counting import CONFIG_CHANGE, CountingRules, Tally
from statsig.webhook.decoding import Decoded, MalformedBodyError, decode
from statsig.webhook.deliveries import Deliveries
from statsig.webhook.encoding import InflatedTooLargeError, MalformedEncodingError, UnknownEncodingError, decoded
from statsig.webhook.handshake import LARGEST_HANDSHAKE, handshake_answer
from statsig.webhook.signature import age, is_genuine


class Outcome(NamedTuple):
    """What became of a delivery, in a word, and the HTTP status that says so."""

    word: str
    status: int


ACCEPTED = Outcome('accepted', 200)
REDELIVERED = Outcome('redelivered', 200)
HANDSHAKE = Outcome('handshake', 200)
MALFORMED = Outcome('malformed', 400)
UNSIGNED = Outcome('unsigned', 401)
STALE = Outcome('stale', 401)
BAD_SIGNATURE = Outcome('bad_signature', 401)
TOO_LARGE = Outcome('too_large', 413)
UNKNOWN_ENCODING = Outcome('unknown_encoding', 415)

MOST_CONFIG_CHANGES = 500  # of one delivery that are looked at


@dataclass(frozen=True, slots=True)
class WebhookRules:
    """Sizes in bytes, `max_age` in seconds, both ways. The secret is not in the `repr`."""

    signing_secret: bytes
    counting: CountingRules
    max_age: float = 300.0
    max_body_bytes: int = 5 * 1024 * 1024
    max_inflated_bytes: int = 32 * 1024 * 1024

    def __repr__(self) -> str:
        return f'WebhookRules(signing_secret=***, counting={self.counting!r}, max_age={self.max_age!r})'


class Delivery(NamedTuple):
    """The headers that matter, empty where they are missing."""

    timestamp: bytes
    signature: bytes
    content_encoding: bytes = b''


class Receiver:
    """Verifies and counts deliveries. clock: epoch seconds.

    on_changes: told of the config changes of each new delivery, and how many more it had than are looked at.
    """

    def __init__(
        self,
        rules: WebhookRules,
        clock: Callable[[], float],
        on_changes: Callable[[Sequence[ConfigChange], int], None] | None = None,
    ) -> None:
        self._rules = rules
        self._on_changes = on_changes
        self._clock = clock
        self._deliveries = Deliveries(clock, rules.max_age)
        self.tally = Tally(rules.counting)

    def allowance(self, delivery: Delivery) -> tuple[int, Outcome]:
        """How many bytes of body are worth reading, and what a larger one is answered.

        Without headers that can be right, only a handshake can follow.
        """
        refusal = self._refusal(delivery)
        return (LARGEST_HANDSHAKE, refusal) if refusal else (self._rules.max_body_bytes, TOO_LARGE)

    def receive(self, delivery: Delivery, body: bytes) -> tuple[Outcome, bytes]:
        """Counts the events of a genuine body that is new. The outcome, and the body of the answer."""
        refusal = self._refusal(delivery)
        if refusal is None and not is_genuine(self._rules.signing_secret, delivery.timestamp, delivery.signature, body):
            refusal = BAD_SIGNATURE
        if refusal is not None or len(body) <= LARGEST_HANDSHAKE:
            answer = handshake_answer(body) if not delivery.content_encoding else None
            if answer is not None:
                return HANDSHAKE, answer
            if refusal is not None:
                return refusal, b''
        return self._counted(delivery, body), b''

    def _refusal(self, delivery: Delivery) -> Outcome | None:
        if not delivery.signature or not delivery.timestamp:
            return UNSIGNED
        seconds = age(delivery.timestamp, self._clock())
        return STALE if seconds is None or abs(seconds) > self._rules.max_age else None

    def _counted(self, delivery: Delivery, body: bytes) -> Outcome:
        if len(body) > self._rules.max_body_bytes:
            return TOO_LARGE
        if self._deliveries.is_known(body):
            return REDELIVERED
        try:
            plain = decoded(body, delivery.content_encoding, self._rules.max_inflated_bytes)
            found = decode(plain)
            self.tally.add(found, len(plain))
        except UnknownEncodingError:
            return UNKNOWN_ENCODING
        except InflatedTooLargeError:
            return TOO_LARGE
        except (MalformedEncodingError, MalformedBodyError):
            return MALFORMED
        self._deliveries.remember(body)
        if self._on_changes:
            self._tell_of_changes(found, plain)
        return ACCEPTED

    def _tell_of_changes(self, found: Decoded, plain: bytes) -> None:
        number = sum(event.event_name == CONFIG_CHANGE for event in found.events)
        if number and self._on_changes:
            changes = config_changes(plain, MOST_CONFIG_CHANGES)
            self._on_changes(changes, number - len(changes))
