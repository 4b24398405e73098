"""A host that was off for 20 days, in which 100,000 things happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.faults.world import AUDIT_LOGS, DAY, HOUR, Tally, World

ENTRIES = 100_000
OFF_FOR = 20 * DAY
MOST_MEMORY = 64.0  # MiB above that of a run that finds nothing
MOST_RUNS = 60
# Of an ordinary change of a rule: about a kilobyte.
RULES = [
    {
        'name': f'rule {number}',
        'passPercentage': 10 * number,
        'conditions': [{'type': 'user_id', 'operator': 'any', 'targetValue': ['user-1', 'user-2']}],
        'environments': ['production'],
    }
    for number in range(3)
]
CHANGES = {'rules': {'old': RULES, 'new': [{**rule, 'passPercentage': 100} for rule in RULES]}}


def entry(number: int) -> dict[str, Any]:
    """One in ten is about an experiment; the others are filtered: read like any, but not put into words."""
    return {
        'id': f'entry-{number}',
        'name': 'checkout_v2',
        'actionType': 'experiment_update' if number % 10 == 0 else 'gate_update',
        'changeLog': 'Updated rules',
        'updatedBy': 'Jane Doe',
        'changes': CHANGES,
    }


def test_a_backlog_of_100_000_entries_over_20_days(world: World, note: Callable[[str, Tally], None]) -> None:
    # As many requests as it takes, in as few runs as possible: a minute's work of the ordinary budget is not the point.
    options = {'audit_log_include': ['experiment_*'], 'min_collection_interval': 60, 'max_requests_per_minute': 8000}
    world.configure(options)
    world.set_clock(-OFF_FOR)
    world.run()
    idle = world.peak_memory()
    world.restart()
    world.set_clock(0.0)
    for number in range(ENTRIES):
        ago = OFF_FOR - HOUR - number * (OFF_FOR - 2 * HOUR) / ENTRIES
        world.insert_as_it_is(entry(number), ago)
        if number % 10:
            world.not_to_be_sent.add(f'entry-{number}')

    read_in_a_run: list[int] = []
    while sum(read_in_a_run) < ENTRIES:
        world.server.reset_requests()
        before = len(world.events) + world.skipped['reason:filtered']
        world.run()
        read_in_a_run.append(len(world.events) + world.skipped['reason:filtered'] - before)
        asked = [request for request in world.server.requests if request.path == AUDIT_LOGS]
        assert len(asked) <= 4000
        assert len(read_in_a_run) <= MOST_RUNS, f'after so many runs: {read_in_a_run}'
    peak = world.peak_memory()
    world.run()
    world.restart()
    world.run()

    tally = world.tally()
    note('a backlog of 100,000 over 20 days, 1 in 10 wanted', tally)
    assert (tally.inserted, tally.lost, tally.duplicated) == (ENTRIES // 10, 0, 0)
    assert world.skipped['reason:filtered'] == ENTRIES - ENTRIES // 10, 'each is counted once'
    numbers = [int(event.aggregation_key.removeprefix('entry-')) for event in world.events]
    assert numbers == sorted(numbers), 'oldest first, over all runs'
    assert len(read_in_a_run) >= 3, f'in one go: {read_in_a_run}'
    assert max(read_in_a_run) <= ENTRIES / 3
    assert peak - idle <= MOST_MEMORY, f'{idle:.0f} MiB when idle, {peak:.0f} at most; read in a run: {read_in_a_run}'
    assert world.warnings == []
