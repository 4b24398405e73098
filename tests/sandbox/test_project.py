"""The sandbox project itself: made from a seed, with traffic that adds up and an audit log that tests can write."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from statsig.sandbox.life import Life
from statsig.sandbox.project import ABSENT, KINDS, SandboxProject
from tests.clock import NOW, Clock

DAY = 86400.0


def everything(project: SandboxProject) -> str:
    things: dict[str, Any] = {kind: project.entities(kind) for kind in KINDS}
    figures = {name: project.exposures('gate', name) for name in project.gates}
    log = [entry.served() for entry in project.audit_log]
    return json.dumps([things, project.environments, figures, log])


def lived_in(seed: int) -> str:
    project = SandboxProject(seed, clock=lambda: NOW)
    Life(project, seed).write_history(days=1)
    return everything(project)


def test_the_same_seed_makes_the_same_project_and_history() -> None:
    assert lived_in(1) == lived_in(1)
    assert lived_in(1) != lived_in(2)


def test_a_large_project_has_the_sizes_asked_for_and_no_name_twice() -> None:
    project = SandboxProject(gates=5000, experiments=300, dynamic_configs=200, clock=time.time)

    assert [len(project.entities(kind)) for kind in ('gate', 'experiment', 'dynamic_config')] == [5000, 300, 200]
    assert all(name == thing['id'] for kind in KINDS for name, thing in project.entities(kind).items())


def test_a_dozen_gates_and_ten_experiments_show_every_state() -> None:
    project = SandboxProject(experiments=10)

    assert {gate['status'] for gate in project.gates.values()} == {'In Progress', 'Launched', 'Disabled', 'Archived'}
    assert {gate['type'] for gate in project.gates.values()} >= {'TEMPORARY', 'PERMANENT', 'STALE'}
    assert {each['healthCheckStatus'] for each in project.experiments.values() if each['status'] == 'active'} == {
        'PASSED',
        'FAILED',
        'WAITING',
        'WARNING',
    }
    assert len({each['status'] for each in project.experiments.values()}) == 7


def test_a_project_can_be_empty() -> None:
    project = SandboxProject(gates=0, experiments=0, dynamic_configs=0, layers=0, holdouts=0, segments=0)

    assert all(project.entities(kind) == {} for kind in KINDS)


def test_figures_stand_still_with_the_clock_and_roll_on_with_it(project: SandboxProject, clock: Clock) -> None:
    before = project.exposures('gate', 'checkout_v2')
    assert project.exposures('gate', 'checkout_v2') == before

    clock.now += 3600
    after = project.exposures('gate', 'checkout_v2')

    assert after != before
    assert after[0] == pytest.approx(before[0], rel=0.1)
    assert all(isinstance(figure, int) for figure in after)


def test_seven_days_add_up_to_the_past_week(project: SandboxProject, clock: Clock) -> None:
    week = project.exposures('dynamic_config', 'checkout_limits')[1]
    days = 0
    for day in range(7):
        clock.now = NOW - day * DAY
        days += project.exposures('dynamic_config', 'checkout_limits')[0]

    assert week == days > 0


def test_an_experiment_has_exposures_only_while_it_runs(project: SandboxProject, clock: Clock) -> None:
    experiment = project.experiments['pricing_page_redesign']
    experiment['startTime'] = int((NOW - 3600) * 1000)
    begun = project.exposures('experiment', 'pricing_page_redesign')
    experiment['endTime'] = int(NOW * 1000)
    clock.now += 2 * DAY
    over = project.exposures('experiment', 'pricing_page_redesign')
    experiment['startTime'] = None

    assert begun[0] == begun[1] > 0
    assert over == (0, begun[1])
    assert project.exposures('experiment', 'pricing_page_redesign') == (0, 0)


def test_speed_multiplies_the_traffic_from_then_on(project: SandboxProject, clock: Clock) -> None:
    ordinary = project.exposures('gate', 'checkout_v2')[0]
    project.set_speed(100.0)
    assert project.exposures('gate', 'checkout_v2')[0] == ordinary

    clock.now += 60
    hour = project.checks_per_hour('checkout_v2')
    project.set_speed(1.0)

    assert hour > 2 * project.checks_per_hour('checkout_v2')


def test_an_audit_entry_is_dated_by_the_clock_to_the_second(project: SandboxProject, clock: Clock) -> None:
    clock.now += 14.9

    entry = project.add_audit_entry(author='Jane Doe')

    assert (entry['date'], entry['time']) == ('Mon Nov 23 2026', '08:00:14 GMT+0000 (Coordinated Universal Time)')
    assert (entry['updatedBy'], entry['modifierEmail']) == ('Jane Doe', 'jane.doe@example.com')
    assert len(entry['id']) == 22


def test_any_field_of_an_entry_can_be_anything_or_nothing(project: SandboxProject) -> None:
    entry = project.add_audit_entry(id=7, date='soon', changes=None, tags=('a',), modifierEmail=ABSENT, time=ABSENT)
    project.add_raw_audit_entry(['not', 'an', 'entry'])

    assert (entry['id'], entry['date'], entry['tags'], entry['changes']) == (7, 'soon', ['a'], {})
    assert not {'modifierEmail', 'time'} & entry.keys()
    assert [each.served() for each in project.audit_log] == [entry, ['not', 'an', 'entry']]


def test_a_deleted_entry_is_gone(project: SandboxProject) -> None:
    first, second = project.add_audit_entry(), project.add_audit_entry()

    project.delete_audit_entry(first['id'])

    assert [entry.value['id'] for entry in project.audit_log] == [second['id']]
    with pytest.raises(KeyError):
        project.delete_audit_entry(first['id'])


def test_a_gate_that_is_switched_says_who_did_it(project: SandboxProject) -> None:
    entry = project.set_gate_enabled('checkout_v2', False, 'Amara Okafor')

    gate = project.gates['checkout_v2']
    assert (gate['isEnabled'], gate['status'], gate['lastModifierName']) == (False, 'Disabled', 'Amara Okafor')
    assert (entry['changeLog'], entry['changes']) == ('Disabled Gate', {'isEnabled': {'new': False, 'old': True}})
    assert (entry['tags'], entry['targetAppIDs']) == (gate['tags'], gate['targetApps'])
    with pytest.raises(KeyError):
        project.set_gate_enabled('no_such_gate', True)
