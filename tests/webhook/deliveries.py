"""Events and signed deliveries for tests, each as short as it can be."""

from __future__ import annotations

import json
from typing import Any

from statsig.webhook.counting import CountingRules
from statsig.webhook.receiver import Delivery, WebhookRules
from statsig.webhook.signature import sign
from tests.clock import NOW

SECRET = b'webhook-secret'


def rules(**counting: Any) -> WebhookRules:
    return WebhookRules(SECRET, CountingRules(**counting))


def delivery(body: bytes, *, at: float = NOW, secret: bytes = SECRET, encoding: bytes = b'') -> Delivery:
    timestamp = str(int(at * 1000)).encode()
    return Delivery(timestamp, sign(secret, timestamp, body), encoding)


def body(*events: Any) -> bytes:
    return json.dumps(events).encode()


def exposure(kind: str, tier: str | None = 'production', **metadata: Any) -> dict[str, Any]:
    user = {} if tier is None else {'statsigEnvironment': {'tier': tier}}
    return {'eventName': f'statsig::{kind}_exposure', 'user': user, 'metadata': metadata}


def gate(name: Any = 'checkout', value: Any = 'true', tier: str | None = 'production') -> dict[str, Any]:
    return exposure('gate', tier, gate=name, gateValue=value)
