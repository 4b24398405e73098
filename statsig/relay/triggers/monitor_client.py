"""Datadog's side of `mode: watch`: asks for a monitor. The only place that sends Datadog's keys anywhere."""

from __future__ import annotations

import threading
from typing import Any

import datadog
import requests
from datadog.api.api_client import APIClient
from datadog.api.exceptions import DatadogException
from datadog.api.http_client import HTTPClient
from datadog.api.monitors import Monitor

from statsig.relay.triggers.configuration import Watch
from statsig.relay.triggers.session import new_session

_TIMEOUT = 10  # seconds
_LONGEST_RESET = 3600.0  # seconds
_SAID = {
    401: 'datadog_api_key or datadog_app_key is not valid at datadog_site',
    403: 'a key is not valid at datadog_site, or datadog_app_key lacks the scope monitors_read',
    404: 'there is no such monitor',
    429: 'the rate limit is used up',
}


class AskError(Exception):
    """Datadog did not answer with a monitor. The message repeats nothing of the answer, nor the address and the keys.

    reset: seconds until Datadog answers again, where it says so.
    """

    def __init__(self, message: str, status: int | None = None, reset: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reset = reset


def connect(watch: Watch) -> None:
    """The settings of datadogpy belong to the process. That is fine: a process watches with one pair of keys, and
    nothing else in it uses this part of datadogpy.
    """
    datadog.initialize(
        api_key=watch.api_key,
        app_key=watch.app_key,
        api_host=watch.api_url,
        mute=False,  # errors are to be raised, not logged with what they contain
        timeout=_TIMEOUT,
        statsd_disable=True,
        hostname_from_config=False,
    )
    APIClient._http_client = _Client


def ask(monitor: str) -> Any:
    """Safe to use from several threads. Raises AskError."""
    try:
        return Monitor.get(int(monitor), group_states='all')
    except (DatadogException, ValueError, RecursionError):
        # Their texts hold the answer.
        raise AskError('Datadog answered something else than a monitor') from None


class _Client(HTTPClient):
    """datadogpy's own would take the keys along to wherever a redirect leads, has one session for all threads, asks
    nobody for five minutes after three timeouts, and tells a status only within a text.
    """

    _of_thread = threading.local()

    @classmethod
    def request(
        cls,
        method: str,
        url: str,
        headers: dict[str, str],
        params: dict[str, Any],
        data: Any,
        timeout: float,
        proxies: Any,
        verify: Any,
        max_retries: int,
    ) -> requests.Response:
        try:
            response = cls._session().request(
                method,
                url,
                headers=headers,
                params=params,
                data=data,
                timeout=timeout,
                proxies=proxies,
                verify=verify,
                allow_redirects=False,
            )
        except requests.Timeout:
            raise AskError(f'Datadog did not answer within {timeout} s') from None
        except (requests.RequestException, OSError) as error:
            # The text can hold the address, or a proxy's password.
            raise AskError(f'Datadog cannot be reached ({type(error).__name__})') from None
        if response.status_code != requests.codes.ok:
            raise refused(response.status_code, response.headers.get('X-RateLimit-Reset'))
        return response

    @classmethod
    def _session(cls) -> requests.Session:
        if not hasattr(cls._of_thread, 'session'):
            cls._of_thread.session = new_session()
        session: requests.Session = cls._of_thread.session
        return session


def refused(status: int, reset_header: str | None) -> AskError:
    """For an answer that is not 200."""
    if 300 <= status < 400:
        why = 'a redirect, which is not followed, so that the keys go to no other host'
    else:
        why = _SAID.get(status, 'the trouble is at Datadog' if status >= 500 else 'which is not expected')
    return AskError(f'Datadog answered {status}: {why}', status, _seconds(reset_header))


def _seconds(text: str | None) -> float | None:
    """None for what cannot be: a strange header must not end the watching."""
    is_number = text is not None and text.isascii() and text.isdigit() and len(text) < 6
    return float(text) if text and is_number and float(text) <= _LONGEST_RESET else None
