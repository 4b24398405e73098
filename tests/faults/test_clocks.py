"""Clocks: the host's time zone and its mistakes, Statsig's offsets, and entries too old for Datadog."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from tests.faults.world import DAY, HOUR, MINUTE, Scenario, World

# Written out, as a host needs no database of time zones to follow them.
ZONES = {
    'New York': 'EST+5EDT,M3.2.0,M11.1.0',
    'Kathmandu': '<+0545>-5:45',
    'Kiritimati': '<+14>-14',
    'UTC-12': '<-12>+12',
}


def host_in(zone: str, world: World) -> None:
    """`World.run` compares the date of every event with that of its entry."""
    world.environment = {'TZ': zone}
    world.insert(130, ago=50 * MINUTE, apart=20)
    world.run()
    world.insert(3)
    world.insert(2, ago=9 * MINUTE)
    world.run()


def host_moves(world: World) -> None:
    for zone in ('UTC', *ZONES.values()):
        world.restart()
        world.environment = {'TZ': zone}
        world.insert(3)
        world.run()


def times_printed_at(offset_minutes: int, world: World) -> None:
    world.knobs.time_offset_minutes = offset_minutes
    world.insert(130, ago=50 * MINUTE, apart=20)
    world.run()
    world.insert(3)
    world.run()


def offset_changes(world: World) -> None:
    """As at the end of summer time, if Statsig printed local times."""
    for offset in (120, 60, 0, -480, 345):
        world.knobs.time_offset_minutes = offset
        world.insert(60)
        world.run()


def clock_steps(steps: list[float], world: World) -> None:
    """The host's clock is so many seconds ahead of the true time, one after the other, while the check runs."""
    world.insert(2, ago=10 * MINUTE)
    world.run()
    for ahead in steps:
        world.set_clock(ahead)
        world.insert(2)
        world.insert(1, ago=2 * MINUTE)
        world.run()
    world.set_clock(0)


def clock_wrong_at_first(ahead: float, world: World) -> None:
    """A machine that is switched on, and gets the time from the network only after the Agent has started."""
    world.set_clock(ahead)
    world.run()
    world.insert(2)
    world.run()
    world.set_clock(0)
    world.insert(2)
    world.run()
    world.restart()


def off_for(hours: float, number: int, world: World) -> None:
    """The check ran that long ago, when nothing had happened yet; then its host was off."""
    world.set_clock(-hours * HOUR)
    world.run()
    world.restart()
    world.set_clock(0)
    world.insert(number, ago=(hours - 0.5) * HOUR, apart=(hours - 0.5) * HOUR / number)
    world.run(3)
    late = [event for event in world.events if 'statsig_late:true' in event.tags]
    told = [event for event in world.events if 'is sent late' in event.text]
    assert late == told
    assert len(late) == pytest.approx(number * (1 - 17 / hours), abs=0.05 * number), 'those older than 17 h'


def dated_in_the_future(world: World) -> None:
    world.insert(2)
    world.insert(1, ago=-30 * DAY)
    world.insert(1, ago=-90 * MINUTE)
    world.insert(1, ago=-3)
    world.run()
    world.insert(3)
    world.run()
    world.restart()
    world.insert(3, ago=MINUTE)
    world.run()


SCENARIOS = [
    *(Scenario(f'the host in {name}', partial(host_in, zone)) for name, zone in ZONES.items()),
    Scenario('the host moves from zone to zone', host_moves),
    *(
        Scenario(f'`time` printed at {minutes // 60:+03}:{minutes % 60:02}', partial(times_printed_at, minutes))
        for minutes in (60, 345, -480, 840)
    ),
    Scenario('`time` printed at a changing offset', offset_changes),
    Scenario('the clock steps back by an hour', partial(clock_steps, [0, -HOUR, -HOUR])),
    Scenario('the clock jumps ahead and back again', partial(clock_steps, [3 * HOUR, 0, 16 * HOUR, 16 * HOUR, 0])),
    Scenario('the clock an hour behind at first', partial(clock_wrong_at_first, -HOUR)),
    Scenario('the clock half an hour ahead at first', partial(clock_wrong_at_first, HOUR / 2)),
    Scenario('the clock three hours ahead at first', partial(clock_wrong_at_first, 3 * HOUR)),
    Scenario('off for 18 hours', partial(off_for, 18, 40)),
    Scenario('off for 60 hours', partial(off_for, 60, 300)),
    Scenario('entries dated in the future', dated_in_the_future),
]


@pytest.mark.parametrize('scenario', SCENARIOS, ids=str)
def test_every_entry_is_delivered_once(scenario: Scenario, play: Callable[[Scenario], None]) -> None:
    play(scenario)
