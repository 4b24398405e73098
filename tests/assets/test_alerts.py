"""Each monitor alerts on what it is for, and on an ordinary day it is quiet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from statsig.sandbox.knobs import Fault, Knobs
from statsig.sandbox.life import Life
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import SandboxServer
from tests.assets.alerting import Group, alerting, is_without_data
from tests.assets.files import monitors
from tests.assets.history import DAY, HOUR, MINUTE, StillClock, World

MONITORS = {file.removesuffix('.json'): monitor['definition'] for file, monitor in monitors().items()}
BUSY = 60  # checks an hour that make 10,000 a week


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    project = SandboxProject(seed=1, clock=StillClock())
    for experiment in project.experiments.values():
        experiment['healthCheckStatus'] = 'PASSED'
    with SandboxServer(project) as running:
        yield running


@pytest.fixture
def world(server: SandboxServer) -> World:
    return World(server)


def alerts(world: World) -> dict[str, set[Group]]:
    """The monitors that alert now, and for whom."""
    found = {name: alerting(definition, world.history, world.now) for name, definition in MONITORS.items()}
    return {name: groups for name, groups in found.items() if groups}


def busy_gates(world: World) -> set[Group]:
    project = world.project
    busy = [name for name, gate in project.gates.items() if gate['status'] != 'Archived']
    return {('sandbox', name) for name in busy if project.exposures('gate', name)[1] >= 168 * BUSY}


def test_on_an_ordinary_day_nothing_alerts_but_changes_in_production(world: World) -> None:
    life = Life(world.project, seed=3, changes_per_hour=4)
    seen = set()
    world.run(DAY, every=20 * MINUTE)
    for _ in range(round(DAY / (20 * MINUTE))):
        world.wait(15 * MINUTE)
        life.advance(20 * MINUTE, within=5 * MINUTE)
        for experiment in world.project.experiments.values():
            experiment['healthCheckStatus'] = 'PASSED'
        world.run(5 * MINUTE, every=5 * MINUTE)
        seen |= set(alerts(world))

    assert len(world.history.events) > 50
    assert world.history.warnings == []
    assert seen == {'gate_changed_out_of_hours'}


def test_an_api_that_is_down_alerts_and_recovers(world: World, server: SandboxServer) -> None:
    world.run(30 * MINUTE)
    server.knobs.down = True
    world.run(30 * MINUTE, every=5 * MINUTE)
    down = alerts(world)
    server.knobs.down = False
    world.run(30 * MINUTE, every=5 * MINUTE)

    # The second says in its first sentence that the first is its cause.
    assert down == {'api_unreachable': {()}, 'audit_log_not_read': {('sandbox',)}}
    first_line = MONITORS['audit_log_not_read']['message'].partition('\n')[0]
    assert MONITORS['api_unreachable']['name'].removeprefix('[Statsig] ') in first_line
    assert alerts(world) == {}


def test_one_project_of_two_that_does_not_answer_is_enough(world: World) -> None:
    other = SandboxProject(seed=2, project_id='other', clock=world.project.clock)
    with SandboxServer(other, knobs=Knobs(status_for={'/': 503})) as server:
        beside = World(server, history=world.history)
        for _ in range(4):
            world.run(5 * MINUTE, every=5 * MINUTE)
            beside.run_now()

    assert alerts(world) == {'api_unreachable': {()}}


def test_one_run_without_an_answer_is_no_outage(world: World, server: SandboxServer) -> None:
    world.run(30 * MINUTE, every=5 * MINUTE)
    server.knobs.down = True
    world.run(5 * MINUTE, every=5 * MINUTE)

    assert alerts(world) == {}


def test_a_key_that_is_refused_from_the_start_alerts_although_the_project_is_unknown(server: SandboxServer) -> None:
    world = World(server, key='console-revoked')
    world.run(20 * MINUTE, every=5 * MINUTE)

    assert alerts(world) == {'api_unreachable': {()}}


def test_an_agent_that_stops_leaves_the_monitor_of_the_api_without_data(world: World) -> None:
    world.run(30 * MINUTE)
    assert not is_without_data(MONITORS['api_unreachable'], world.history, world.now)

    world.wait(20 * MINUTE)

    assert is_without_data(MONITORS['api_unreachable'], world.history, world.now)


def test_a_backlog_that_is_not_caught_up_with_within_half_an_hour_alerts_until_it_is(server: SandboxServer) -> None:
    world = World(server, requests_per_minute=4)
    world.run(10 * MINUTE, every=MINUTE)
    for number in range(6000):
        world.project.add_audit_entry('integration_update', timestamp=world.now + number)
    world.wait(2 * HOUR)
    world.run(35 * MINUTE, every=MINUTE)
    behind = alerts(world)
    world.run(2 * HOUR, every=MINUTE)

    assert behind == {'audit_log_lagging': {('sandbox',)}}
    assert alerts(world) == {}


@pytest.mark.parametrize('away', [HOUR, 3 * HOUR, 16 * HOUR])
def test_an_outage_that_is_over_does_not_although_no_change_follows(world: World, away: float) -> None:
    world.run(10 * MINUTE, every=MINUTE)
    world.project.add_audit_entry('integration_update', timestamp=world.now + MINUTE)
    world.wait(away)
    seen = set()
    for _ in range(40):
        world.run(MINUTE, every=MINUTE)
        seen |= set(alerts(world))

    lags = [value for (metric, _), points in world.history.series.items() for value in points.values()
            if metric == 'statsig.audit_log.lag']  # fmt: skip
    assert max(lags) > away - 2 * MINUTE
    assert seen - {'gate_exposures_stopped'} == set()


def test_an_audit_log_that_may_not_be_read_alerts(world: World, server: SandboxServer) -> None:
    world.run(30 * MINUTE)
    server.knobs.status_for['/console/v1/audit_logs'] = Fault.of_status(403)
    world.run(40 * MINUTE)

    assert alerts(world) == {'audit_log_not_read': {('sandbox',)}}


def test_gates_that_nobody_asks_any_more_alert_within_two_hours_and_a_little(world: World) -> None:
    world.run(HOUR)
    busy = busy_gates(world)
    world.project.set_speed(0)
    world.run(2 * HOUR + 10 * MINUTE)

    assert len(busy) >= 3
    assert alerts(world) == {'gate_exposures_stopped': busy}


def test_one_quiet_hour_is_not_the_end_of_a_gate(world: World) -> None:
    world.run(HOUR)
    world.project.set_speed(0)
    world.run(HOUR + 10 * MINUTE)
    assert world.project.checks_per_hour('checkout_v2') == 0
    world.project.set_speed(1)
    world.run(10 * MINUTE)

    assert alerts(world) == {}


def test_a_gate_that_is_archived_after_it_went_quiet_is_no_longer_told_of(world: World) -> None:
    world.run(HOUR)
    world.project.set_speed(0)
    world.run(3 * HOUR)
    assert alerts(world)['gate_exposures_stopped']

    for gate in world.project.gates.values():
        gate['status'] = 'Archived'
    world.run(2 * HOUR)

    assert alerts(world) == {}


def test_gates_in_a_loop_alert_against_the_same_time_yesterday(world: World) -> None:
    world.run(2 * HOUR)
    world.wait(DAY - 2 * HOUR)
    world.project.set_speed(40)
    world.run(2 * HOUR)

    hot = {('sandbox', name) for _, name in busy_gates(world) if world.project.checks_per_hour(name) >= 12_000}
    assert hot
    assert alerts(world)['gate_exposures_jumped'] >= hot
    assert alerts(world).keys() == {'gate_exposures_jumped'}


def test_a_launch_is_no_jump_and_ten_times_as_much_the_day_after_is(world: World) -> None:
    world.project.set_speed(0)
    world.run(2 * HOUR)
    world.project.set_speed(1)
    world.run(DAY)
    launched = alerts(world)
    world.project.set_speed(40)
    world.run(2 * HOUR)

    assert max(world.project.checks_per_hour(name) for _, name in busy_gates(world)) >= 12_000
    assert 'gate_exposures_jumped' not in launched
    assert alerts(world).keys() == {'gate_exposures_jumped'}


def test_an_experiment_that_fails_its_checks_alerts_until_it_has_ended(world: World) -> None:
    name, experiment = next(each for each in world.project.experiments.items() if each[1]['status'] == 'active')
    world.run(10 * MINUTE)
    experiment['healthCheckStatus'] = 'FAILED'
    world.run(40 * MINUTE)
    failing = alerts(world)
    experiment['status'] = 'abandoned'
    world.run(40 * MINUTE)

    assert failing == {'experiment_health_failed': {('sandbox', name)}}
    assert alerts(world) == {}


@pytest.mark.parametrize(
    ('changes', 'expected'),
    [
        ({'isEnabled': {'old': True, 'new': False}}, {('sandbox', 'checkout_v2')}),
        ({'description': {'old': 'a', 'new': 'b'}}, set()),
        ({'rules': {'old': [], 'new': [{'name': 'all', 'passPercentage': 5, 'environments': ['staging']}]}}, set()),
    ],
)
def test_only_what_reaches_production_counts_as_a_change_there(
    world: World, changes: dict[str, Any], expected: set[Group]
) -> None:
    world.run(MINUTE, every=MINUTE)
    world.project.add_audit_entry('gate_update', 'checkout_v2', changes)
    world.run(2 * MINUTE, every=MINUTE)

    assert len(world.history.events) == 1
    assert alerts(world).get('gate_changed_out_of_hours', set()) == expected


def test_a_change_that_arrives_a_day_late_is_not_told_as_one_of_now(world: World) -> None:
    world.run(10 * MINUTE)
    world.project.set_gate_enabled('checkout_v2', False, timestamp=world.now + MINUTE)
    world.wait(DAY)
    world.run(MINUTE, every=MINUTE)

    (event,) = world.history.events
    assert 'statsig_late:true' in event.tags
    assert 'gate_changed_out_of_hours' not in alerts(world)


def test_six_more_stale_gates_than_a_week_ago_alert_and_five_do_not(world: World) -> None:
    world.run(3 * HOUR)
    fresh = [gate for gate in world.project.gates.values() if gate['type'] != 'STALE' and gate['status'] != 'Archived']
    world.wait(7 * DAY - 3 * HOUR)
    for gate in fresh[:5]:
        gate.update(type='STALE', typeReason='STALE_PROBABLY_FORGOTTEN')
    world.run(HOUR)
    five = alerts(world)
    fresh[5].update(type='STALE', typeReason='STALE_PROBABLY_FORGOTTEN')
    world.run(HOUR + 10 * MINUTE)

    assert 'stale_gates_growing' not in five
    assert alerts(world)['stale_gates_growing'] == {('sandbox',)}


@pytest.mark.parametrize('restarted', [False, True])
def test_ten_gates_that_become_stale_where_none_was_alert(world: World, restarted: bool) -> None:
    gates = [gate for gate in world.project.gates.values() if gate['status'] != 'Archived']
    for gate in gates:
        gate.update(type='TEMPORARY', typeReason='NONE')
    world.run(3 * HOUR)
    world.wait(7 * DAY - 3 * HOUR)
    if restarted:
        world.restart()
    for gate in gates[:10]:
        gate.update(type='STALE', typeReason='STALE_ALL_TRUE')
    world.run(HOUR + 10 * MINUTE)

    assert alerts(world)['stale_gates_growing'] == {('sandbox',)}


def test_stale_gates_that_were_there_before_the_agent_are_no_growth(world: World) -> None:
    for gate in world.project.gates.values():
        gate.update(type='STALE', typeReason='STALE_ALL_TRUE')
    world.run(2 * HOUR)
    world.restart()
    world.run(2 * HOUR)

    assert 'stale_gates_growing' not in alerts(world)
