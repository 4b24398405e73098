"""Statsig on a bad day: pages that fail, limits, an API that is down, and an audit log that moves while it is read."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from functools import partial

import pytest

from statsig.sandbox.knobs import Fault, Request
from tests.faults.world import AUDIT_LOGS, HOUR, MINUTE, Scenario, World

PAGES = 3  # of 100 at most: 250 entries
# Longer than what is read again behind the newest entry: what was missed once would not come with the next run.
SPREAD = 55 * MINUTE


def page_fails_once(page: int, fault: Fault, world: World) -> None:
    world.configure({'timeout': 0.3})
    world.insert(250, ago=SPREAD, apart=SPREAD / 250)
    world.server.fail_next(AUDIT_LOGS, fault, skip=page - 1)
    world.run()
    assert not world.server.fault_for(AUDIT_LOGS), 'the page was never asked for'


def every_page_fails_in_turn(world: World) -> None:
    for page in range(1, 9):
        world.insert(120, ago=MINUTE, apart=0.2)
        world.server.fail_next(AUDIT_LOGS, Fault('reset'), skip=page % 3)
        world.run()
    world.server.clear_faults()


def rate_limited(retry_after: Callable[[], str | None], pause: float, world: World) -> None:
    world.insert(2)
    world.run()
    world.insert(250)
    world.server.fail_next(AUDIT_LOGS, Fault.of_status(429, retry_after=retry_after()), skip=1)
    world.run()
    world.server.reset_requests()
    world.run()
    assert world.server.requests == [], 'a request was made although Statsig had asked for a pause'
    assert len(world.warnings) == 1
    if pause:
        time.sleep(pause)
        assert world.run()[0].events, 'the pause is over'


def in_two_seconds() -> str:
    return formatdate(time.time() + 2, usegmt=True)


def rate_limited_for_long(world: World) -> None:
    """Statsig's published limits, and a check that has been told that it may ask for far more."""
    world.knobs.rate_limits = ((5, 10.0),)
    world.insert(900, ago=HOUR / 2, apart=1)
    world.run()
    world.knobs.rate_limits = ()


def down_and_back(world: World) -> None:
    world.insert(2)
    before = world.run()[0]
    world.knobs.down = True
    world.insert(2)
    down = world.run(3)[0]
    assert down.events == ()
    assert {metric.name for metric in down.metrics} <= {metric.name for metric in before.metrics}, 'nothing is made up'
    world.knobs.down = False
    assert len(world.run()[0].events) == 2


def down_when_the_agent_starts(world: World) -> None:
    world.knobs.down = True
    world.insert(2)
    sent = world.run(2)[0]
    assert sent.events == ()
    assert {metric.name for metric in sent.metrics} == {
        'statsig.api.can_connect',
        'statsig.api.requests',
        'statsig.api.rate_limited',
    }
    world.knobs.down = False


def key_refused_for_a_while(world: World) -> None:
    world.insert(2)
    world.run()
    world.knobs.status_for['/console/v1/'] = Fault.of_status(401, 'an invalid key was sent. Key: console-sandbox')
    world.insert(2)
    assert world.run()[0].events == ()
    world.restart()
    assert world.run()[0].events == (), 'no event is made up'
    world.knobs.status_for.clear()


def no_requests_remaining_said_once(world: World) -> None:
    world.knobs.headers['x-ratelimit-remaining'] = '0'
    world.insert(2)
    world.run()
    world.knobs.headers.clear()
    world.insert(2)
    assert len(world.run()[0].events) == 2


def while_paging(act: Callable[[], object], world: World) -> None:
    """`act()` happens just before the second and the third page of the audit log are answered, in one run."""
    pages = 0

    def before(request: Request) -> None:
        nonlocal pages
        if request.path == AUDIT_LOGS:
            pages += 1
            if pages in (2, 3):
                act()

    world.knobs.before_request = before
    world.run()
    world.knobs.before_request = None
    assert PAGES <= pages <= 10


def inserted_while_paging(number: int, ago: float, world: World) -> None:
    world.insert(250, ago=SPREAD, apart=SPREAD / 250)
    while_paging(lambda: world.insert(number, ago=ago), world)


def deleted_while_paging(number: int, world: World) -> None:
    """The newest go, so that those behind them move to earlier pages."""
    ids = world.insert(250, ago=SPREAD, apart=SPREAD / 250)
    while_paging(lambda: world.delete(*(ids.pop() for _ in range(number))), world)


def inserted_and_deleted_while_paging(world: World) -> None:
    ids = world.insert(250, ago=SPREAD, apart=SPREAD / 250)

    def shuffle() -> None:
        world.insert(7)
        world.delete(*(ids.pop() for _ in range(5)))

    while_paging(shuffle, world)


def ordinary_day(world: World) -> None:
    """What any server must survive: a past, a busy hour, a burst, entries of one second, late ones, a restart."""
    world.insert_unwanted(300, ago=70 * HOUR, apart=700)
    world.insert(120, ago=55 * MINUTE, apart=20)
    world.run()
    world.insert(250, ago=MINUTE, apart=0.1)
    world.run()
    world.insert(3)
    world.insert(2, ago=5 * MINUTE)
    world.run()
    world.restart()
    world.insert(130)
    world.run()


def server_with(knobs: dict[str, object], world: World) -> None:
    for name, value in knobs.items():
        setattr(world.knobs, name, value)
    ordinary_day(world)


FAULTS = [
    ('500', Fault.of_status(500), 'GET /console/v1/audit_logs at 127.0.0.1'),
    ('HTML', Fault('html'), 'bytes that are not JSON'),
    ('truncated JSON', Fault('truncated_json'), 'bytes that are not JSON'),
    ('cut off', Fault('cut_off'), 'failed: the connection broke off'),
    ('a timeout', Fault('timeout', seconds=0.8), 'failed: there was no answer within the timeout'),
    ('a reset', Fault('reset'), 'failed: no connection, or it was closed without an answer'),
    ('a redirect', Fault('redirect'), 'answered 302, a redirect'),
    ('JSON of another shape', Fault('wrong_shape'), 'did not answer as documented'),
]

SCENARIOS = [
    *(
        Scenario(f'page {page} of {PAGES} fails once: {name}', partial(page_fails_once, page, fault), words)
        for name, fault, words in FAULTS
        for page in range(1, PAGES + 1)
    ),
    Scenario('one page of each run fails, another each time', every_page_fails_in_turn, says='audit_logs'),
    Scenario('429, Retry-After in seconds', partial(rate_limited, lambda: '1', 1.1), says='answered 429'),
    Scenario('429, Retry-After as a date', partial(rate_limited, in_two_seconds, 2.1), says='answered 429'),
    Scenario('429, Retry-After in the past', partial(rate_limited, lambda: formatdate(0), 1.1), says='answered 429'),
    Scenario('429, Retry-After unreadable', partial(rate_limited, lambda: 'soon', 0), says='answered 429'),
    Scenario('429 without Retry-After', partial(rate_limited, lambda: None, 0), says='answered 429'),
    Scenario('429 by a limit that a backlog runs into', rate_limited_for_long, says='answered 429'),
    Scenario('the API is down and comes back', down_and_back, says='no connection'),
    Scenario('the API is down when the Agent starts', down_when_the_agent_starts, says='no connection'),
    Scenario('the key is refused for a while', key_refused_for_a_while, says='answered 401'),
    Scenario('x-ratelimit-remaining: 0 once', no_requests_remaining_said_once),
    Scenario('one entry inserted while paging', partial(inserted_while_paging, 1, 0)),
    Scenario('40 entries inserted while paging', partial(inserted_while_paging, 40, 0)),
    Scenario('a page of entries inserted while paging', partial(inserted_while_paging, 100, 0)),
    Scenario('late entries inserted while paging', partial(inserted_while_paging, 3, 5 * MINUTE)),
    Scenario('one entry deleted while paging', partial(deleted_while_paging, 1)),
    Scenario('40 entries deleted while paging', partial(deleted_while_paging, 40)),
    Scenario('inserted and deleted while paging', inserted_and_deleted_while_paging),
    Scenario('a server as documented', ordinary_day),
    Scenario('date filters exclude the days they name', partial(server_with, {'date_filter': 'exclusive'})),
    *(
        Scenario(
            f'date filters in UTC{offset:+d}',
            partial(server_with, {'date_filter': 'other_time_zone', 'date_filter_offset_hours': offset}),
        )
        for offset in (14, -12)
    ),
    Scenario('date filters ignored', partial(server_with, {'date_filter': 'ignored'})),
    Scenario('no totalItems', partial(server_with, {'omit_total_items': True})),
    Scenario('pages capped at 25', partial(server_with, {'max_page_size': 25})),
    Scenario('limit ignored: pages of 30', partial(server_with, {'ignore_limit': True, 'default_page_size': 30})),
    Scenario('limit ignored: pages of 500', partial(server_with, {'ignore_limit': True, 'default_page_size': 500})),
    Scenario(
        'no totalItems, no date filters, pages of 30',
        partial(
            server_with,
            {'omit_total_items': True, 'date_filter': 'ignored', 'ignore_limit': True, 'default_page_size': 30},
        ),
    ),
    Scenario('unordered within a day', partial(server_with, {'order': 'unordered_within_day'})),
    Scenario(
        'unordered within a day, no totalItems, pages of 30',
        partial(
            server_with,
            {
                'order': 'unordered_within_day',
                'omit_total_items': True,
                'ignore_limit': True,
                'default_page_size': 30,
            },
        ),
    ),
    Scenario('in order of insertion', partial(server_with, {'order': 'insertion'})),
]


@pytest.mark.parametrize('scenario', SCENARIOS, ids=str)
def test_every_entry_is_delivered_once(scenario: Scenario, play: Callable[[Scenario], None]) -> None:
    play(scenario)
