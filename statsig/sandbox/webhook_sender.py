"""Statsig's webhook as the sender's side: what people do in the sandbox project, signed and posted in batches.

It keeps count of what it sent, so that whoever receives it can be held to the same numbers.
"""

from __future__ import annotations

import gzip
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import urlsplit

from statsig.sandbox.dice import dice, opaque_id
from statsig.sandbox.project import SandboxProject
from statsig.webhook.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

JsonObject = dict[str, Any]
Shape = Literal['list', 'data']

_ENVIRONMENTS = ('Production', 'Production', 'Production', 'production', 'staging', 'development', None)
_CUSTOM_EVENTS = ('purchase', 'add_to_cart', 'page_view', 'search')
_SAMPLING: Sequence[JsonObject] = ({}, {}, {}, {'samplingRate': 10}, {'samplingRate': '101', 'samplingMode': 'shadow'})
_TIMEOUT = 30.0  # seconds


class Sent(NamedTuple):
    """What one event was about. `environment` is as it was sent, None where it was left out."""

    event_name: str
    environment: str | None
    name: str
    variant: str


class DeliveryFailedError(Exception):
    """There was no answer."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event as it goes over the wire, and what it counts as."""

    event: JsonObject
    sent: Sent


class WebhookEvents:
    """Exposures and custom events in a project, one after the other: the same seed makes the same ones."""

    def __init__(self, project: SandboxProject, seed: int = 1) -> None:
        self._project = project
        self._rng = dice('webhook', seed)
        self._number = 0
        self._makers: Sequence[tuple[int, Callable[[], tuple[str, JsonObject, str, str]]]] = (
            (60, self._gate),
            (8, self._config),
            (14, self._experiment),
            (8, self._layer),
            (4, self._holdout),
            (6, self._custom),
        )

    def take(self, number: int) -> list[Happening]:
        weights = [weight for weight, _ in self._makers]
        return [self._happening(make) for _, make in self._rng.choices(self._makers, weights, k=number)]

    def _happening(self, make: Callable[[], tuple[str, JsonObject, str, str]]) -> Happening:
        event_name, metadata, name, variant = make()
        environment = self._rng.choice(_ENVIRONMENTS)
        self._number += 1
        user: JsonObject = {'userID': f'user_{self._rng.randrange(10_000)}'}
        if environment is not None:
            user['statsigEnvironment'] = {'tier': environment}
        now = int(self._project.clock() * 1000)
        event = {
            'eventName': event_name,
            'user': user,
            'userID': user['userID'],
            'timestamp': now if self._number % 2 else str(now),  # Statsig sends both
            'metadata': metadata,
            'statsigMetadata': {'sdkType': 'py-server', 'sdkVersion': '0.72.1', **self._rng.choice(_SAMPLING)},
            'timeUUID': opaque_id(self._rng),
            'unitID': 'userID',
        }
        return Happening(event, Sent(event_name, environment, name, variant))

    def _gate(self) -> tuple[str, JsonObject, str, str]:
        name, value = self._pick(self._project.gates), self._rng.choice(('true', 'false'))
        metadata = {'gate': name, 'gateValue': value, 'ruleID': opaque_id(self._rng), 'configSyncTime': 1795420800000}
        return 'statsig::gate_exposure', metadata, name, value

    def _holdout(self) -> tuple[str, JsonObject, str, str]:
        name, value = self._pick(self._project.holdouts), self._rng.choice(('true', 'false'))
        metadata = {'gate': name, 'gateValue': value, 'ruleID': opaque_id(self._rng)}
        return 'statsig::holdout_exposure', metadata, name, value

    def _config(self) -> tuple[str, JsonObject, str, str]:
        name = self._pick(self._project.dynamic_configs)
        return 'statsig::config_exposure', {'config': name, 'ruleID': opaque_id(self._rng)}, name, ''

    def _experiment(self) -> tuple[str, JsonObject, str, str]:
        name = self._pick(self._project.experiments)
        group = self._rng.choice(self._project.experiments[name]['groups'])['name']
        metadata = {'config': name, 'ruleID': opaque_id(self._rng), 'experimentGroupName': group}
        return 'statsig::experiment_exposure', metadata, name, group

    def _layer(self) -> tuple[str, JsonObject, str, str]:
        name = self._pick(self._project.layers)
        metadata = {'config': name, 'ruleID': opaque_id(self._rng), 'parameterName': 'title', 'allocatedExperiment': ''}
        return 'statsig::layer_exposure', metadata, name, ''

    def _custom(self) -> tuple[str, JsonObject, str, str]:
        name = self._rng.choice(_CUSTOM_EVENTS)
        return name, {'amount': str(self._rng.randrange(100))}, name, ''

    def _pick(self, entities: Mapping[str, JsonObject]) -> str:
        return self._rng.choice(list(entities))


class WebhookSender:
    """Posts to one address over one connection. `sent` counts the events of deliveries that were answered 200."""

    def __init__(self, url: str, secret: str, clock: Callable[[], float] = time.time) -> None:
        parts = urlsplit(url)
        self._path = parts.path or '/'
        self._secret = secret.encode()
        self._clock = clock
        self._connection = HTTPConnection(parts.hostname or '127.0.0.1', parts.port, timeout=_TIMEOUT)
        self.sent: Counter[Sent] = Counter()

    def verify(self, code: str = 'abc123') -> bool:
        """The handshake that Statsig makes when a webhook is saved. Whether it was answered as Statsig wants."""
        body = json.dumps({'data': {'event': 'url_verification', 'verification_code': code}}).encode()
        status, answer = self.post(body, {})
        return status == 200 and json.loads(answer) == {'verification_code': code}

    def deliver(self, happenings: Sequence[Happening], shape: Shape = 'list', compressed: bool = False) -> int:
        """One delivery; the HTTP status that answered it. Raises DeliveryFailedError."""
        events = [each.event for each in happenings]
        body = json.dumps({'data': events} if shape == 'data' else events, separators=(',', ':')).encode()
        headers = {}
        if compressed:
            body, headers = gzip.compress(body, 1), {'Content-Encoding': 'gzip'}
        status, _ = self.post(body, {**headers, **self.signed(body)})
        if status == 200:
            self.sent.update(each.sent for each in happenings)
        return status

    def signed(self, body: bytes) -> dict[str, str]:
        """The headers that Statsig adds."""
        timestamp = str(int(self._clock() * 1000))
        return {TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: sign(self._secret, timestamp.encode(), body).decode()}

    def post(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body of the answer. Raises DeliveryFailedError."""
        try:
            self._connection.request('POST', self._path, body, {'Content-Type': 'application/json', **headers})
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise DeliveryFailedError(f'No answer from {self._connection.host}: {error}') from error

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def in_batches(happenings: Sequence[Happening], rng: random.Random, largest: int) -> list[Sequence[Happening]]:
    """Cut into batches of 1 to `largest` events, as they come from Statsig: some small, some large."""
    batches: list[Sequence[Happening]] = []
    start = 0
    while start < len(happenings):
        size = rng.randint(1, largest)
        batches.append(happenings[start : start + size])
        start += size
    return batches
