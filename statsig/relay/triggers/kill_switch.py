"""Statsig's side: reading a gate, turning it off or on. The only place that sends the trigger's API key anywhere.

`PUT /console/v1/gates/{id}/disable` and `/enable` take no body, and answer the gate. What a PUT answers when the gate
requires a review is not documented; neither is whether a read right after it sees the change.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from urllib3.exceptions import HTTPError as TransferError
from urllib3.exceptions import NewConnectionError

from statsig.console.client import API_VERSION
from statsig.console.failures import retry_after
from statsig.relay.triggers.decision import Gate
from statsig.relay.triggers.rules import Kind
from statsig.relay.triggers.session import new_session

LARGEST_BODY = 4 * 1024 * 1024  # bytes; a gate with many rules is large
_LATEST = 10**15  # milliseconds
_CONNECT, _SILENCE, _WHOLE = 3.05, 10.0, 15.0  # seconds
_OF_GATEWAYS = (502, 504)  # what is behind them may still be at work
# What Statsig's own refusals mean; all others are tried again.
_FINAL = {
    401: '`api_key` is not an active Console API key',
    403: 'the key may not write gates, or the gate requires a review',
    404: 'there is no gate of this id',
}


class SwitchError(Exception):
    """A request failed. The message repeats nothing of the answer: Statsig's own 401 contains the key.

    final: the same request would be refused again. pause: seconds that Statsig asks to wait. unsent: there was no
    connection, so that Statsig has not seen the request for certain. refused: it has answered, so that the request will
    have no effect later.
    """

    def __init__(
        self, message: str, *, final: bool = False, pause: float = 0.0, unsent: bool = False, refused: bool = False
    ) -> None:
        super().__init__(message)
        self.final = final
        self.pause = pause
        self.unsent = unsent
        self.refused = refused


class KillSwitch:
    """Of one Statsig project. Not thread-safe: each thread has its own."""

    def __init__(self, api_url: str, api_key: str, respect_reviews: bool) -> None:
        self._url = api_url.rstrip('/')
        self._host = urlsplit(self._url).netloc
        self._session = new_session()
        self._session.headers.update(
            {
                'Accept': 'application/json',
                'Accept-Encoding': 'identity',
                'STATSIG-API-KEY': api_key,
                'STATSIG-API-VERSION': API_VERSION,
            }
        )
        self._reviews = {'x-respect-review-settings': 'true'} if respect_reviews else {}

    def __repr__(self) -> str:
        return f'KillSwitch({self._host})'

    def read(self, gate: str) -> Gate:
        """Raises SwitchError."""
        return self._gate(self._ask('GET', f'/console/v1/gates/{quote(gate, safe="")}', {}), gate)

    def put(self, kind: Kind, gate: str) -> Gate | None:
        """One PUT: the gate as Statsig answers it, None if it was accepted and the answer is not a gate.

        That it was answered with success does not prove that the gate has changed. Raises SwitchError.
        """
        body = self._ask('PUT', f'/console/v1/gates/{quote(gate, safe="")}/{kind}', self._reviews)
        try:
            return self._gate(body, gate)
        except SwitchError:
            return None

    def _ask(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        asked = f'{method} {path} at {self._host}'
        end = time.monotonic() + _WHOLE
        try:
            response = self._session.request(
                method,
                self._url + path,
                headers=dict(headers),
                timeout=(_CONNECT, _SILENCE),
                stream=True,
                allow_redirects=False,  # requests would take the key along to another host
            )
            try:
                if not 200 <= response.status_code < 300:
                    raise _refused(asked, response, end)
                return _body(asked, response, end)
            finally:
                response.close()
        except (requests.RequestException, TransferError, OSError, ValueError) as error:
            # The text of these exceptions is not used: it can hold a proxy's password.
            what = 'no answer in time' if isinstance(error, (requests.Timeout, TimeoutError)) else 'no connection'
            raise SwitchError(f'{asked}: {what}', unsent=_is_unsent(error)) from None

    def _gate(self, body: bytes, name: str) -> Gate:
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        data = answer.get('data') if isinstance(answer, dict) else None
        if not isinstance(data, dict) or data.get('id') != name or not isinstance(data.get('isEnabled'), bool):
            raise SwitchError(f'the answer about gate {name} from {self._host} is not that of the Statsig Console API')
        review = data.get('reviewSettings')
        return Gate(
            enabled=data['isEnabled'],
            status=str(data.get('status') or ''),
            requires_review=isinstance(review, dict) and review.get('requiredReview') is True,
            mark=_mark(data),
        )


def _mark(data: Mapping[str, Any]) -> str:
    """Says whether a gate was changed in between: the time of its last change, and its version where there is one."""
    modified = data.get('lastModifiedTime')
    if isinstance(modified, bool) or not isinstance(modified, (int, float)) or not 0 < modified < _LATEST:
        return ''
    return f'{modified:.0f} {data.get("version", "")}'.strip()


def _body(asked: str, response: requests.Response, end: float) -> bytes:
    chunks, size = [], 0
    while chunk := response.raw.read1(65536):
        chunks.append(chunk)
        size += len(chunk)
        if size > LARGEST_BODY:
            raise SwitchError(f'{asked}: the answer is larger than {LARGEST_BODY >> 20} MiB')
        if time.monotonic() > end:
            raise SwitchError(f'{asked}: the answer took longer than {_WHOLE:.0f} s')
    return b''.join(chunks)


def _refused(asked: str, response: requests.Response, end: float) -> SwitchError:
    status = response.status_code
    said = f'{asked} answered {status}'
    if 300 <= status < 400:
        return SwitchError(f'{said}, a redirect, which is not followed: set `api_url` to the final address')
    if status == 429:
        pause = retry_after(response.headers.get('Retry-After'), datetime.now(UTC))
        return SwitchError(f'{said}: too many requests', pause=pause, refused=True)
    if status not in _FINAL:
        return SwitchError(said, refused=status not in _OF_GATEWAYS)
    if not _is_json(asked, response, end):
        return SwitchError(f'{said}, but not in JSON: something between this host and Statsig may answer in its place')
    return SwitchError(f'{said}: {_FINAL[status]}', final=True)


def _is_json(asked: str, response: requests.Response, end: float) -> bool:
    """A firewall's or a proxy's refusal is a page, and a passing matter."""
    try:
        json.loads(_body(asked, response, end))
    except (SwitchError, ValueError, RecursionError):
        return False
    return True


def _is_unsent(error: Exception) -> bool:
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0], 'reason', None) if error.args else None
    return isinstance(reason, NewConnectionError)
