"""People at work: changes at random, as often and as mixed as in a busy project, from a seed."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

from statsig.sandbox import gate_changes, project_changes
from statsig.sandbox.catalogue import health_checks
from statsig.sandbox.dice import dice
from statsig.sandbox.moment import Change, Moment
from statsig.sandbox.people import PEOPLE
from statsig.sandbox.project import SandboxProject

JsonObject = dict[str, Any]

# What people do, and how often compared with each other.
HABITS: tuple[tuple[Change, int], ...] = (
    (gate_changes.roll_out, 26),
    (gate_changes.toggle_gate, 10),
    (gate_changes.edit_conditions, 14),
    (gate_changes.launch_gate, 2),
    (gate_changes.create_gate, 3),
    (gate_changes.archive_gate, 1),
    (gate_changes.delete_gate, 1),
    (gate_changes.edit_tags, 6),
    (gate_changes.describe, 4),
    (gate_changes.override_users, 5),
    (project_changes.start_experiment, 3),
    (project_changes.end_experiment, 1),
    (project_changes.set_up_again, 2),
    (project_changes.change_allocation, 5),
    (project_changes.change_config_value, 8),
    (project_changes.change_holdout, 2),
    (project_changes.change_layer_parameter, 2),
    (project_changes.create_segment, 1),
    (project_changes.administer, 7),
    (project_changes.change_role, 1),
)

# Saving a form writes several entries about one gate within one second.
FORM = (gate_changes.roll_out, gate_changes.edit_conditions, gate_changes.edit_tags, gate_changes.describe)
FORMS_SAVED = 0.15  # the share of changes that are such
HEALTH_LOOKS_PER_HOUR = 2.0


class Life:
    """Makes the changes of so much time whenever it is asked to. `changes_per_hour` is a mean (Poisson)."""

    def __init__(self, project: SandboxProject, seed: int = 1, *, changes_per_hour: float = 30.0) -> None:
        self.project = project
        self.changes_per_hour = changes_per_hour
        self._rng = dice('life', seed)

    def advance(self, seconds: float, *, within: float | None = None) -> list[JsonObject]:
        """Make the changes of `seconds` of project time; returns their audit entries, oldest first.

        They are dated within the last `within` seconds (by default `seconds`) before the project's clock: at sixty
        times the speed a minute's changes happen within a second.
        """
        span = seconds if within is None else within
        with self.project.lock:
            now = self.project.clock()
            how_many = _poisson(self._rng, self.changes_per_hour * seconds / 3600)
            moments = sorted(now - self._rng.random() * span for _ in range(how_many))
            entries = [entry for moment in moments for entry in self._act(moment)]
            for _ in range(_poisson(self._rng, HEALTH_LOOKS_PER_HOUR * seconds / 3600)):
                self._look_at_health()
            return entries

    def write_history(self, days: float) -> list[JsonObject]:
        """Fill the audit log with the changes of the past days."""
        return self.advance(days * 86400)

    def _act(self, timestamp: float) -> list[JsonObject]:
        rng, author = self._rng, self._rng.choice(PEOPLE)
        acts: Sequence[Change]
        if self.project.gates and rng.random() < FORMS_SAVED:
            acts, focus = rng.sample(FORM, rng.randint(2, len(FORM))), rng.choice([*self.project.gates])
        else:
            acts, focus = rng.choices([act for act, _ in HABITS], [weight for _, weight in HABITS]), None
        moment = Moment(self.project, rng, author, timestamp, focus)
        entries = [act(moment) for act in acts]
        return [entry for entry in entries if entry is not None]

    def _look_at_health(self) -> None:
        """Statsig's own checks of an active experiment come to another result. Nobody did it: no audit entry."""
        running = [each for each in self.project.experiments.values() if each['status'] == 'active']
        if running:
            experiment = self._rng.choice(running)
            (status,) = self._rng.choices(('PASSED', 'WARNING', 'FAILED'), (8, 1, 1))
            experiment.update(healthCheckStatus=status, healthChecks=health_checks(status))


def _poisson(rng: random.Random, mean: float) -> int:
    """How many events of a Poisson process: counted directly when few are due, by the normal distribution when many."""
    if mean > 200:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    count, left = -1, 1.0
    while left > math.exp(-mean) or count < 0:
        left *= rng.random()
        count += 1
    return count
