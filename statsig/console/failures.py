"""What each failure of a request is called, and what it tells the user to do."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests
from urllib3.exceptions import ReadTimeoutError

from statsig.console.errors import BadAnswerError, ConsoleError, RateLimitedError, RefusedError, UnreachableError

PAUSE_WITHOUT_RETRY_AFTER = 60.0  # seconds
LONGEST_PAUSE = 3600.0  # seconds: a mistaken Retry-After must not silence the check for a day

# What to allow a key, and what to switch off instead, when an endpoint answers 403.
PERMISSIONS = {
    'audit_logs': 'audit logs',
    'dynamic_configs': 'dynamic configs',
    'experiments': 'experiments',
    'exposure_count': 'exposure counts',
    'gates': 'gates',
    'holdouts': 'holdouts',
    'layers': 'layers',
    'project': 'the project',
    'segments': 'segments',
}
INSTEAD = {
    'audit_logs': 'set `collect_audit_log: false`',
    'exposure_count': 'set `collect_exposures: false`',
    'project': 'set `project` to the id in the address of your Statsig console',
}


def path(endpoint: str) -> str:
    """The path of an endpoint, as it stands in messages."""
    return f'/console/v1/{endpoint}'


def answered_with(
    endpoint: str, host: str, status: int, retry_after_header: str | None, content_type: str = ''
) -> ConsoleError:
    """The error for an answer whose status is not 2xx. What its body says is never used: a 401 repeats the key."""
    asked = f'GET {path(endpoint)} at {host} answered {status}'
    if status in (401, 403) and content_type.lower().startswith('text/html'):
        # Statsig refuses in JSON. A page is a proxy's or a firewall's, and says nothing of the key.
        return BadAnswerError(
            path(endpoint),
            'invalid_body',
            f'{asked} with a page of HTML. Something between this host and Statsig may answer in its place: check '
            '`api_url` and the proxy.',
        )
    if status == 401:
        return RefusedError(
            path(endpoint),
            '401',
            f'Statsig refused the API key: {asked}. Set `api_key` to an active Console API key (in Statsig: Project '
            'Settings > Keys & Environments); a client key or a server secret key is not one.',
        )
    if status == 403:
        instead = INSTEAD.get(endpoint, 'set `collect_inventory: false`')
        return RefusedError(
            path(endpoint),
            '403',
            f'The API key lacks a permission: {asked}. Give it read access to {PERMISSIONS[endpoint]} (in Statsig: '
            f'Project Settings > Keys & Environments), or {instead}.',
        )
    if status == 429:
        pause = retry_after(retry_after_header, datetime.now(UTC))
        return RateLimitedError(
            path(endpoint),
            pause,
            f'Statsig limits the rate of requests: {asked}. No request is made for {pause:.0f} s; nothing is lost. '
            'If it recurs, lower `max_requests_per_minute`: the limit is shared with all tools of the project.',
        )
    return BadAnswerError(path(endpoint), str(status), f'{asked}{_remedy(status)}')


def _remedy(status: int) -> str:
    if 300 <= status < 400:
        return (
            ', a redirect, which is not followed, so that the key goes to no other host. '
            'Set `api_url` to the final address.'
        )
    if status == 400:
        return '. Statsig has no data for this request at the moment; the next run tries again.'
    if status >= 500:
        return '. Statsig, or something on the way to it, has a problem; nothing is lost, the next run tries again.'
    return '. Check that `api_url` is the address of the Statsig Console API.'


def retry_after(header: str | None, now: datetime) -> float:
    """Seconds to pause after a 429, from its Retry-After header: seconds, an HTTP date, absent or unreadable."""
    if header is None:
        return PAUSE_WITHOUT_RETRY_AFTER
    try:
        seconds = float(header)
    except ValueError:
        try:
            date = parsedate_to_datetime(header)
            seconds = ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds()
        except (ValueError, OverflowError):
            return PAUSE_WITHOUT_RETRY_AFTER
    if seconds != seconds:  # NaN
        return PAUSE_WITHOUT_RETRY_AFTER
    return min(max(seconds, 1.0), LONGEST_PAUSE)


# The text of these exceptions is never used: it can hold a proxy's password, or the headers.
_TRANSPORT: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str, str], ...] = (
    (requests.exceptions.ProxyError, 'proxy_error', 'the proxy did not let the request through'),
    (requests.exceptions.SSLError, 'tls_error', 'there is no trusted TLS connection (certificate or protocol)'),
    (requests.exceptions.ConnectTimeout, 'timeout', 'there was no connection within the timeout'),
    (requests.exceptions.Timeout, 'timeout', 'there was no answer within the timeout'),
    (ReadTimeoutError, 'timeout', 'the answer stopped arriving'),
    (TimeoutError, 'timeout', 'there was no answer within the timeout'),
    ((ValueError, TypeError), 'invalid_address', 'the address of the proxy, or `api_url`, cannot be used'),
    (requests.exceptions.ConnectionError, 'connection_error', 'no connection, or it was closed without an answer'),
    (Exception, 'connection_error', 'the connection broke off within the answer'),
)


def unreachable(endpoint: str, host: str, error: Exception) -> UnreachableError:
    """The error for a request that was not answered, or not to its end."""
    status, what = next((status, what) for kind, status, what in _TRANSPORT if isinstance(error, kind))
    return UnreachableError(
        path(endpoint),
        status,
        f'GET {path(endpoint)} at {host} failed: {what}. Check `api_url`, the network and the proxy between this host '
        'and Statsig; nothing is lost, the next run tries again.',
    )
