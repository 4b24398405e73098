"""Somebody at work in the sandbox project: what any change needs to know, and how it is written down."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from statsig.sandbox import names
from statsig.sandbox.people import Person
from statsig.sandbox.project import SandboxProject

JsonObject = dict[str, Any]

_FIRST_NAMES = {'gate': names.GATES, 'segment': names.SEGMENTS}


@dataclass(frozen=True, slots=True)
class Moment:
    """In which project, who, when (epoch seconds), and the dice. `focus` is the gate open on the screen, if any."""

    project: SandboxProject
    rng: random.Random
    author: Person
    timestamp: float
    focus: str | None = None

    def pick(self, kind: str, fits: Callable[[JsonObject], bool] = lambda _: True) -> JsonObject | None:
        """Something of that kind for which `fits` holds, or None; the gate in focus rather than another."""
        entities = self.project.entities(kind)
        if kind == 'gate' and self.focus in entities and fits(entities[self.focus]):
            return entities[self.focus]
        candidates = list(entities.values())
        for _ in range(20):  # of thousands of gates only a few need be looked at
            if candidates and fits(entity := self.rng.choice(candidates)):
                return entity
        return next((entity for entity in candidates if fits(entity)), None)

    def change(
        self,
        kind: str,
        entity: JsonObject,
        action: str,
        text: str,
        fields: JsonObject,
        consequences: JsonObject | None = None,
    ) -> JsonObject | None:
        """Set the fields and write the entry, unless all are so already; see SandboxProject.change."""
        if all(entity.get(field) == value for field, value in fields.items()):
            return None
        return self.project.change(
            kind,
            entity['id'],
            action,
            fields,
            change_log=text,
            author=self.author,
            timestamp=self.timestamp,
            consequences=consequences,
        )

    def note(self, action: str, name: str, text: str, changes: JsonObject | None = None) -> JsonObject:
        """An entry that changes nothing the sandbox has (a key, a person, a metric), or about a thing as a whole."""
        return self.project.add_audit_entry(
            action, name, changes, timestamp=self.timestamp, author=self.author, change_log=text
        )

    def new_name(self, kind: str) -> str | None:
        """A name for one more gate or segment; None when there are a quarter more than at the beginning."""
        taken, first = self.project.entities(kind), self.project.sizes[kind]
        if len(taken) >= first + max(3, first // 4):
            return None
        return next(name for name in names.endless(_FIRST_NAMES[kind]) if name not in taken)


Change = Callable[[Moment], JsonObject | None]
"""Makes one change of its kind; the audit entry, or None where the project has nothing to which it could be done."""
