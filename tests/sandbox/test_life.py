"""People at work: what they write into the audit log is what they did."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import pytest

from statsig.sandbox.life import Life
from statsig.sandbox.project import KINDS, SandboxProject
from tests.clock import NOW, Clock

Fields = dict[tuple[str, str], Any]


def state(project: SandboxProject) -> Fields:
    """(id, field) → value as the audit log spells it, of everything in the project."""
    return {
        (name, field): copy.deepcopy(project.audited(field, value))
        for kind in KINDS
        for name, thing in project.entities(kind).items()
        for field, value in thing.items()
    }


@pytest.mark.parametrize('seed', [1, 2, 3])
def test_old_values_are_those_from_before_and_new_ones_lead_to_the_present(seed: int, clock: Clock) -> None:
    project = SandboxProject(seed, clock=clock)
    replayed = state(project)

    entries = Life(project, seed).write_history(days=3)

    told: set[tuple[str, str]] = set()
    for entry in entries:
        for field, values in entry['changes'].items():
            key = (entry['name'], field)
            assert values['old'] == replayed.get(key, values['old']), f'{entry["actionType"]} {key}'
            replayed[key] = values['new']
            told.add(key)
        if entry['actionType'] == 'config_state_toggle':  # a gate's status follows from its switch, untold
            replayed[entry['name'], 'status'] = 'In Progress' if values['new'] else 'Disabled'
        if entry['actionType'] == 'config_delete':
            replayed = {key: value for key, value in replayed.items() if key[0] != entry['name']}
    present = state(project)
    compared = told & replayed.keys() & present.keys()
    assert {key: replayed[key] for key in compared} == {key: present[key] for key in compared}
    assert len(compared) > 30


def test_every_change_is_one_and_is_signed(clock: Clock) -> None:
    project = SandboxProject(clock=clock)

    entries = Life(project).write_history(days=2)

    assert all(values['old'] != values['new'] for entry in entries for values in entry['changes'].values())
    assert all(entry['updatedBy'] and entry['changeLog'] for entry in entries)
    assert len({entry['id'] for entry in entries}) == len(entries) == len(project.audit_log)


def test_changes_are_dated_within_the_time_asked_for(clock: Clock) -> None:
    project = SandboxProject(clock=clock)
    life = Life(project)

    life.advance(7200)
    spread = [entry.timestamp for entry in project.audit_log]
    first_of_the_rush = project.audit_log.next_number
    life.advance(7200, within=1.0)
    rush = [entry.timestamp for entry in project.audit_log.since(first_of_the_rush)]

    assert NOW - 7200 <= min(spread) < NOW - 3600 < max(spread) <= NOW
    assert NOW - 1 <= min(rush) <= max(rush) <= NOW


def test_there_are_as_many_changes_as_the_rate_says(clock: Clock) -> None:
    project = SandboxProject(clock=clock)

    few = Life(project, changes_per_hour=0).advance(86400)
    many = Life(project, changes_per_hour=60).advance(2 * 86400)

    assert few == []
    assert 0.7 * 2880 < len(many) < 1.6 * 2880  # forms that write several entries at once come on top


def test_a_busy_project_stays_its_size_and_stays_busy(clock: Clock) -> None:
    project = SandboxProject(clock=clock)
    life = Life(project)
    life.write_history(days=5)

    late = Counter(entry['actionType'] for entry in life.write_history(days=2))

    assert 9 <= len(project.gates) <= 15
    assert len(project.segments) <= 5
    assert {'gate_update', 'config_state_toggle', 'config_conditions_update', 'experiment_start'} <= late.keys()
    assert len(late) >= 12


def test_some_changes_share_a_second_an_author_and_a_gate(clock: Clock) -> None:
    project = SandboxProject(clock=clock)

    entries = Life(project).write_history(days=1)

    together = Counter((entry['date'], entry['time'], entry['updatedBy'], entry['name']) for entry in entries)
    assert max(together.values()) >= 3


def test_nothing_happens_in_an_empty_project_but_administration(clock: Clock) -> None:
    project = SandboxProject(gates=0, experiments=0, dynamic_configs=0, layers=0, holdouts=0, segments=0, clock=clock)

    entries = Life(project).write_history(days=1)

    assert entries
    assert len(project.gates) <= 3
