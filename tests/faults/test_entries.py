"""What is in the audit log: entries of one second, late ones, bursts, malformed and strange ones, none at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial

import pytest

from tests.faults.world import AUDIT_LOGS, HOUR, MINUTE, Scenario, World

OVERLAP = 10 * MINUTE  # the default of audit_log_overlap


def same_second(world: World) -> None:
    moment = time.time()
    for _ in range(4):
        world.insert(3, ago=time.time() - moment)
        world.run()


def same_second_more_than_a_page(world: World) -> None:
    moment = time.time()
    for _ in range(3):
        world.insert(130, ago=time.time() - moment)
        world.run()


def late(world: World) -> None:
    world.insert(2)
    world.run()
    for ago in (1, 2, 30, 5 * MINUTE, OVERLAP - 5):
        world.insert(2, ago=ago)
        world.run()
        world.restart()


def late_after_a_quiet_hour(world: World) -> None:
    """The overlap hangs on the newest entry, not on the present: behind an old one, late is later."""
    world.insert(2, ago=50 * MINUTE)
    world.run()
    world.insert(2, ago=50 * MINUTE + OVERLAP - 5)
    world.run()


def late_among_a_burst(world: World) -> None:
    world.insert(250, ago=4 * MINUTE, apart=0.9)
    world.run()
    world.insert(30, ago=4 * MINUTE, apart=7)
    world.run()
    world.restart()
    world.insert(20, ago=9 * MINUTE, apart=20)
    world.run()


def unordered_within_a_day(world: World) -> None:
    world.knobs.order = 'unordered_within_day'
    world.insert_unwanted(700, ago=40 * HOUR, apart=3 * MINUTE)
    world.insert(300, ago=55 * MINUTE, apart=10)
    world.run()
    for _ in range(5):
        world.insert(40, ago=5 * MINUTE, apart=7)
        world.run()


def empty_log(world: World) -> None:
    run = world.run(3)[0]
    assert run.events == (), 'an event was made up'
    assert [metric.value for metric in run.metrics if metric.name == 'statsig.audit_log.lag'] == [0], 'nothing waits'
    world.insert(2)


def burst(number: int, world: World) -> None:
    world.insert(2)
    world.run()
    world.insert(number, ago=MINUTE, apart=MINUTE / number)
    world.run()


def burst_of_large_changes(world: World) -> None:
    """300 changes of lists of users, 50 KB each, at the ordinary budget."""
    users = [f'user-{number:06}' for number in range(1500)]
    rules = [{'name': 'beta', 'conditions': [{'type': 'user_id', 'operator': 'any', 'targetValue': users}]}]
    changes = {'rules': {'old': rules, 'new': [{**rules[0], 'passPercentage': 50}]}}
    world.insert(2)
    world.run()
    world.insert(300, ago=MINUTE, apart=0.2, changes=changes)
    for _ in range(20):
        world.run()


def burst_within_the_ordinary_budget(world: World) -> None:
    """With the 30 requests a minute that are the default, 15 a run, 250 entries are one run's work."""
    world.configure({'max_requests_per_minute': 30})
    world.insert(2)
    world.run()
    world.insert(250)
    assert len(world.run()[0].events) == 250


def excluded_then_matching(options: Mapping[str, object], world: World) -> None:
    world.configure(options)
    world.insert_unwanted(300, action='gate_update')
    world.run()
    world.server.reset_requests()
    world.run()
    asked = [request for request in world.server.requests if request.path == AUDIT_LOGS]
    assert len(asked) == 1, 'what was filtered is not read again and again'
    world.insert_unwanted(3, action='gate_update')
    world.insert(2, action='experiment_update')
    world.insert_unwanted(3, action='gate_update')
    assert len(world.run()[0].events) == 2
    world.run()
    assert world.skipped['reason:filtered'] == 306, 'each is counted once'


def filter_lifted(world: World) -> None:
    """What was filtered when it was read stays so."""
    world.configure({'audit_log_exclude': ['gate_*']})
    world.insert_unwanted(5, action='gate_update')
    world.run()
    world.configure({})
    world.insert(5, action='gate_update')


SCENARIOS = [
    Scenario('same second', same_second),
    Scenario('same second, more than a page of them', same_second_more_than_a_page),
    Scenario('late within the overlap', late),
    Scenario('late after a quiet hour', late_after_a_quiet_hour),
    Scenario('late among a burst', late_among_a_burst),
    Scenario('unordered within a day, 1,200 entries', unordered_within_a_day),
    Scenario('an empty log', empty_log),
    Scenario('a burst of 250', partial(burst, 250)),
    Scenario('a burst of 300 changes of 50 KB each', burst_of_large_changes),
    Scenario('a burst of 250, with 30 requests a minute', burst_within_the_ordinary_budget),
    Scenario('a burst of 5,000', partial(burst, 5000)),
    Scenario(
        'a filter that excludes all, then one matches',
        partial(excluded_then_matching, {'audit_log_exclude': ['gate_*']}),
    ),
    Scenario(
        'a filter that includes none, then one matches',
        partial(excluded_then_matching, {'audit_log_include': ['experiments']}),
    ),
    Scenario('a filter is lifted', filter_lifted),
]


@pytest.mark.parametrize('scenario', SCENARIOS, ids=str)
def test_every_entry_is_delivered_once(scenario: Scenario, play: Callable[[Scenario], None]) -> None:
    play(scenario)
