"""How many requests an instance may make, and until when: one budget for all its streams."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from statsig.console.errors import RequestNotMadeError

# A second more than the minute promised: requests that leave 60 s apart can arrive a little closer together.
WINDOW = 61.0

# A request begun with less time than this would end in a timeout of our own making.
SHORTEST_REQUEST = 0.25


class RequestBudget:
    """At most `per_minute` requests in any 60 seconds, none while paused, none past the end of the run.

    The run never sleeps: what does not fit is left to the next run. Times are seconds of a monotonic clock.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._made: deque[float] = deque(maxlen=per_minute)
        self.run_time = float('inf')
        self._run_ends = float('inf')
        self._paused_until = float('-inf')

    def start_run(self, seconds: float) -> None:
        """Every request of this run must be over within `seconds` from now."""
        self.run_time = seconds
        self._run_ends = self._clock() + seconds

    def end_run(self) -> None:
        """No further request in this run; that under way goes on. May be called by another thread."""
        self._run_ends = float('-inf')

    def pause(self, seconds: float) -> None:
        """After a 429: no request at all for so long."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    @property
    def paused_for(self) -> float:
        """Seconds until requests may be made again after a 429; 0 when they may."""
        return max(0.0, self._paused_until - self._clock())

    @property
    def time_left(self) -> float:
        """Seconds of this run that are left."""
        return self._run_ends - self._clock()

    def available(self) -> int:
        """Requests that may be made right now."""
        now = self._clock()
        if now < self._paused_until or self.time_left < SHORTEST_REQUEST:
            return 0
        while self._made and now - self._made[0] >= WINDOW:
            self._made.popleft()
        return self.per_minute - len(self._made)

    def take(self) -> float:
        """Count one request that is about to be made; its time limit in seconds. Raises RequestNotMadeError."""
        if self.paused_for:
            raise RequestNotMadeError(f'Statsig asked for a pause (429): {self.paused_for:.0f} s of it are left')
        if self.time_left < SHORTEST_REQUEST:
            raise RequestNotMadeError('the time of this run is used up')
        if self.available() < 1:
            raise RequestNotMadeError(f'the {self.per_minute} requests of this minute are used up')
        self._made.append(self._clock())
        return self.time_left

    def count(self) -> None:
        """Count a request that something beside the run has made, from another thread perhaps."""
        self._made.append(self._clock())


def reserve(available: int, waiting: int) -> int:
    """How many of `available` requests a stream leaves to the `waiting` streams behind it: a tenth each, at least one.

    A stream may always make one request itself: with a budget too small for all, it is the caller's turn-taking that
    keeps the later ones from starving.
    """
    return min(waiting * max(1, available // 10), max(0, available - 1))
