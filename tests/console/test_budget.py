"""The budget holds in any minute, leaves something to every stream, and never sleeps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.console.budget import RequestBudget, reserve
from statsig.console.errors import RequestNotMadeError
from tests.clock import Clock


@given(st.integers(1, 40), st.lists(st.floats(0, 30), max_size=120))
def test_in_any_60_seconds_no_more_requests_than_allowed(per_minute: int, pauses: list[float]) -> None:
    clock = Clock(0)
    budget = RequestBudget(per_minute, clock)
    made = []
    for pause in pauses:
        clock.now += pause
        try:
            budget.take()
        except RequestNotMadeError:
            continue
        made.append(clock.now)

    for start in made:
        assert sum(start <= moment <= start + 60 for moment in made) <= per_minute


def test_after_a_minute_the_budget_is_whole_again() -> None:
    clock = Clock(0)
    budget = RequestBudget(3, clock)
    for _ in range(3):
        budget.take()
    assert budget.available() == 0

    clock.now += 62

    assert budget.available() == 3


def test_what_is_refused_says_why() -> None:
    clock = Clock(0)
    budget = RequestBudget(1, clock)
    budget.take()
    with pytest.raises(RequestNotMadeError, match='the 1 requests of this minute are used up'):
        budget.take()

    clock.now += 100
    budget.pause(30)
    with pytest.raises(RequestNotMadeError, match=r'asked for a pause \(429\): 30 s of it are left'):
        budget.take()

    clock.now += 31
    budget.start_run(10)
    clock.now += 10
    with pytest.raises(RequestNotMadeError, match='the time of this run is used up'):
        budget.take()


@given(st.integers(0, 1000), st.integers(0, 3))
def test_a_stream_leaves_something_to_those_behind_it_and_keeps_something_itself(available: int, waiting: int) -> None:
    left = reserve(available, waiting)

    assert 0 <= left <= max(0, available - 1)
    if available > waiting:
        assert left >= waiting
