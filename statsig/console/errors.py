"""What can go wrong between us and the Console API, in the few kinds that callers tell apart.

Every message says which endpoint, what it answered and what to do. None repeats what the API or the HTTP library said:
Statsig's own 401 text contains the key, and a proxy's error can contain its password.
"""

from __future__ import annotations


class ConsoleError(Exception):
    """A request was made and failed. `endpoint` is a path, `status` an HTTP status or a word such as `timeout`."""

    def __init__(self, endpoint: str, status: str, message: str) -> None:
        super().__init__(message)
        self.endpoint = endpoint
        self.status = status


class UnreachableError(ConsoleError):
    """No answer: name resolution, connection, TLS, a timeout, or a body that stopped arriving."""


class RefusedError(ConsoleError):
    """401: the key is not accepted. 403: it lacks a permission."""


class RateLimitedError(ConsoleError):
    """429. `retry_after` is in seconds from now."""

    def __init__(self, endpoint: str, retry_after: float, message: str) -> None:
        super().__init__(endpoint, '429', message)
        self.retry_after = retry_after


class BadAnswerError(ConsoleError):
    """An answer that cannot be used: 3xx, 4xx, 5xx, not JSON, not the documented envelope."""


class TooLargeError(BadAnswerError):
    """The body is over the size cap. A smaller page may still be readable."""


class RequestNotMadeError(Exception):
    """No request was made: the budget of the minute is used up, a 429 asked for a pause, or the run's time is over.

    Not a failure: whatever was to be read is read in a later run.
    """
