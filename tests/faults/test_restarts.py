"""Restarts, edits, several instances, and a disk that fails: the position in the audit log outlives them."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from statsig.sandbox.project import SandboxProject
from tests.faults.world import MINUTE, ROTATED_KEY, Scenario, World

LOOKBACK = 60 * MINUTE


def restart(world: World) -> None:
    world.insert(2)
    world.run()
    world.restart()
    world.insert(3)
    world.run()


def restart_after(edit: dict[str, object], world: World) -> None:
    world.insert(2)
    world.run()
    world.configure(edit)
    world.insert(3)
    world.run()


def two_projects(world: World) -> None:
    other = SandboxProject(seed=2, project_id='other')
    world.configure({}, {'api_url': world.serve(other).url}, projects=[world.project, other])
    world.insert(2)
    world.insert(2, project=other)
    world.run()
    world.insert(2, project=other)
    world.run()


def two_projects_behind_one_address(world: World) -> None:
    """A proxy, or the two projects' names in the configuration: what is told apart is then the project alone."""
    world.configure({'project': 'one'}, {'project': 'two'})
    world.insert(2)
    world.run(2)


def same_project_twice(world: World) -> None:
    world.configure({}, {'tags': ['second:yes']}, projects=[world.project, None])
    world.insert(2)
    world.run()
    world.insert(2)
    first, second = world.run()
    assert (len(first.events), len(second.events)) == (2, 0)
    assert second.metrics, 'its other streams go on'


def same_project_twice_with_names(world: World) -> None:
    world.configure({'name': 'one'}, {'name': 'two'})
    world.insert(2)
    world.run(2)


Damage = Callable[[Path], None]


def garbled(slot: Path) -> None:
    slot.write_bytes(os.urandom(200))


def emptied(slot: Path) -> None:
    slot.write_bytes(b'')


def torn(slot: Path) -> None:
    slot.write_bytes(slot.read_bytes()[: slot.stat().st_size // 2])


def altered(slot: Path) -> None:
    content = bytearray(slot.read_bytes())
    content[len(content) // 2] ^= 1
    slot.write_bytes(content)


def removed(slot: Path) -> None:
    slot.unlink()


DAMAGES: tuple[Damage, ...] = (garbled, emptied, torn, altered, removed)


def one_slot_damaged(damage: Damage, which: int, world: World) -> None:
    for _ in range(3):
        world.insert(5)
        world.run()
    world.restart()
    assert len(world.slots()) == 2
    damage(world.slots()[which])
    world.insert(2)
    world.run()


def both_slots_damaged(damage: Damage, world: World) -> None:
    world.insert_unwanted(5, ago=LOOKBACK + 10 * MINUTE)
    world.insert(30, ago=LOOKBACK - MINUTE)
    world.run()
    world.insert(5)
    world.run()
    world.restart()
    for slot in world.slots():
        damage(slot)
    world.insert(2)
    world.run()


def damaged_while_running(world: World) -> None:
    """The process knows better than its cache, and mends it."""
    world.insert(5)
    world.run()
    for slot in world.slots():
        garbled(slot)
    world.insert(2)
    world.run()


def cache_fault(fault: str, world: World) -> None:
    """A cache that works, then does not, then works again."""
    world.insert(2)
    world.run()
    world.restart()
    world.options = ('--cache-fault', fault)
    world.insert(2)
    for _ in range(2):
        assert world.run()[0].events == (), 'what could not be remembered was sent'
    world.restart()
    world.options = ()
    world.run()


def disk_full_from_the_beginning(world: World) -> None:
    world.options = ('--cache-fault', 'full=0')
    world.insert(2)
    for _ in range(2):
        assert world.run()[0].events == (), 'what could not be remembered was sent'
    world.restart()
    world.options = ()
    world.run()


def disk_fills_up_during_a_delivery(world: World) -> None:
    world.insert(2)
    world.run()
    world.restart()
    world.options = ('--cache-fault', 'full=2')
    world.insert(170)
    world.run(3)
    world.restart()
    world.options = ()
    world.run()


NOT_STORED = 'No event is sent until it can be'
DAMAGED = 'The stored position in the audit log is damaged and cannot be used'

SCENARIOS = [
    Scenario('restart with the same configuration', restart),
    Scenario('an edited tag', partial(restart_after, {'tags': ['team:payments']})),
    Scenario('a longer look-back', partial(restart_after, {'audit_log_lookback': 1000})),
    Scenario('a rotated key', partial(restart_after, {'api_key': ROTATED_KEY})),
    Scenario('the project named in the configuration', partial(restart_after, {'project': 'sandbox'})),
    Scenario('two instances of two projects', two_projects),
    Scenario('two projects behind one address', two_projects_behind_one_address),
    Scenario('the same project twice', same_project_twice, says='Give each instance its own `name`'),
    Scenario('the same project twice, each instance with a name', same_project_twice_with_names),
    *(
        Scenario(f'cache: the {which} slot {damage.__name__}', partial(one_slot_damaged, damage, position))
        for which, position in (('older', 0), ('newer', 1))
        for damage in DAMAGES
    ),
    *(
        Scenario(f'cache: both slots {damage.__name__}', partial(both_slots_damaged, damage), DAMAGED, may_repeat=35)
        for damage in (garbled, torn, altered)
    ),
    *(
        Scenario(f'cache: both slots {damage.__name__}', partial(both_slots_damaged, damage), may_repeat=35)
        for damage in (emptied, removed)
    ),
    Scenario('cache: both slots garbled while the check runs', damaged_while_running),
    Scenario('cache: writes are lost for a while', partial(cache_fault, 'lost'), NOT_STORED),
    Scenario('cache: writes are torn for a while', partial(cache_fault, 'torn=30'), NOT_STORED),
    Scenario('cache: cannot be read for a while', partial(cache_fault, 'unreadable'), 'position in the audit log'),
    Scenario('a full disk', partial(cache_fault, 'full=0'), NOT_STORED),
    Scenario('a full disk from the beginning', disk_full_from_the_beginning, NOT_STORED),
    Scenario('a disk that fills up during a delivery', disk_fills_up_during_a_delivery, NOT_STORED, may_repeat=50),
]


@pytest.mark.parametrize('scenario', SCENARIOS, ids=str)
def test_every_entry_is_delivered_once(scenario: Scenario, play: Callable[[Scenario], None]) -> None:
    play(scenario)
