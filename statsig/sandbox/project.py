"""The state of one Statsig project: what is in it, what its traffic is, and what was changed by whom."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from statsig.sandbox import catalogue, names
from statsig.sandbox.audit_log import AuditLog, Entry
from statsig.sandbox.dice import dice, opaque_id
from statsig.sandbox.people import PEOPLE, Person, person
from statsig.sandbox.rules import as_audited
from statsig.sandbox.traffic import DAY, HOUR, NO_TRAFFIC, Traffic, Window, exposures, traffic_of

JsonObject = dict[str, Any]

KINDS = ('gate', 'experiment', 'dynamic_config', 'layer', 'holdout', 'segment')


class _Absent:
    def __repr__(self) -> str:
        return 'ABSENT'


ABSENT: Final = _Absent()
"""As an override of `add_audit_entry`: the field is left out of the entry."""


class SandboxProject:
    """A project made from a seed: the same seed, sizes and clock give the same project, entry ids included.

    `gates`, `experiments`, `dynamic_configs`, `layers`, `holdouts`, `segments` are mappings from id to the object as
    the Console API lists it. `clock` gives epoch seconds; the traffic and the time of every change follow it.
    Hold `lock` while reading or changing several things that belong together: the server answers from other threads.
    """

    def __init__(
        self,
        seed: int = 1,
        *,
        gates: int = 12,
        experiments: int = 4,
        dynamic_configs: int = 3,
        layers: int = 2,
        holdouts: int = 1,
        segments: int = 2,
        project_id: str = 'sandbox',
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.seed = seed
        self.project_id = project_id
        self.clock = clock
        self.lock = threading.RLock()
        self.audit_log = AuditLog()
        self.rng = dice('project', seed)
        self._traffic: dict[tuple[str, str], Traffic] = {}
        self._speed, self._speed_since = 1.0, 0.0

        rng, now = self.rng, clock()
        make = names.take
        self.roles = {each.name: 'Member' for each in PEOPLE}
        self.environments = catalogue.environments(rng)
        self.layers = {name: catalogue.layer(rng, name, now) for name in make(names.LAYERS, layers)}
        self.gates = {name: catalogue.gate(rng, name, n, now) for n, name in enumerate(make(names.GATES, gates))}
        self.experiments = {
            name: catalogue.experiment(rng, name, n, self._layer_of(n), now)
            for n, name in enumerate(make(names.EXPERIMENTS, experiments))
        }
        self.dynamic_configs = {
            name: catalogue.dynamic_config(rng, name, n, now)
            for n, name in enumerate(make(names.DYNAMIC_CONFIGS, dynamic_configs))
        }
        self.segments = {name: catalogue.segment(rng, name, now) for name in make(names.SEGMENTS, segments)}
        held = ([*self.gates][:3], [*self.experiments][:2], [*self.layers][:1])
        self.holdouts = {
            name: catalogue.holdout(rng, name, n, *held, now) for n, name in enumerate(make(names.HOLDOUTS, holdouts))
        }

        self.sizes = {kind: len(self.entities(kind)) for kind in KINDS}

    def _layer_of(self, turn: int) -> str | None:
        """Every other experiment is in a layer, the layers taking turns."""
        if not self.layers or turn % 2:
            return None
        return [*self.layers][turn // 2 % len(self.layers)]

    def entities(self, kind: str) -> dict[str, JsonObject]:
        """The things of a kind ('gate', 'experiment', 'dynamic_config', 'layer', 'holdout', 'segment') by id."""
        by_kind = {
            'gate': self.gates,
            'experiment': self.experiments,
            'dynamic_config': self.dynamic_configs,
            'layer': self.layers,
            'holdout': self.holdouts,
            'segment': self.segments,
        }
        return by_kind[kind]

    # Traffic

    def exposures(self, kind: str, name: str) -> tuple[int, int]:
        """Exposures in the past day and the past 7 days of a gate, an experiment or a dynamic config, by id."""
        now = self.clock()
        traffic, window = self._traffic_of(kind, name)
        return exposures(traffic, window, now, DAY), exposures(traffic, window, now, 7 * DAY)

    def checks_per_hour(self, name: str) -> int:
        """Checks of a gate in the past hour."""
        traffic, window = self._traffic_of('gate', name)
        return exposures(traffic, window, self.clock(), HOUR)

    def set_speed(self, speed: float) -> None:
        """From now on there is `speed` times the ordinary traffic; what a speed set before had added is forgotten."""
        self._speed, self._speed_since = speed, self.clock()

    def _traffic_of(self, kind: str, name: str) -> tuple[Traffic, Window]:
        entity = self.entities(kind)[name]
        start, end = entity['createdTime'], None
        if kind == 'experiment':
            start, end = entity['startTime'], entity['endTime']
        unchecked = entity.get('typeReason') in catalogue.UNCHECKED or entity.get('status') == 'Archived'
        if unchecked or start is None:
            return NO_TRAFFIC, Window(0.0)
        if (kind, name) not in self._traffic:
            self._traffic[kind, name] = traffic_of(self.seed, kind, name)
        window = Window(
            start / 1000, float('inf') if end is None else end / 1000, speed=self._speed, speed_since=self._speed_since
        )
        return self._traffic[kind, name], window

    # Changes

    def add_audit_entry(
        self,
        action: str = 'gate_update',
        name: str = 'checkout_v2',
        changes: Mapping[str, Any] | None = None,
        *,
        timestamp: float | None = None,
        author: Person | str = PEOPLE[0],
        change_log: str | None = None,
        tags: Sequence[str] = (),
        target_apps: Sequence[str] = (),
        **overrides: Any,
    ) -> JsonObject:
        """Write an entry into the audit log, and into nothing else; returns it as the API shows it (times in UTC).

        `timestamp` is in epoch seconds, by default now. `overrides` puts any JSON value into any field, by the API's
        name (`id=7`, `date='yesterday'`), or leaves the field out (`modifierEmail=ABSENT`).
        """
        by = person(author) if isinstance(author, str) else author
        with self.lock:
            value = {
                'id': opaque_id(self.rng),
                'name': name,
                'changeLog': change_log if change_log is not None else action.replace('_', ' ').capitalize(),
                'actionType': action,
                'date': '',
                'time': '',
                'updatedBy': by.name,
                'updatedByUserID': by.id,
                'modifierEmail': by.email,
                'changes': copy.deepcopy(dict(changes or {})),
                'tags': list(tags),
                'targetAppIDs': list(target_apps),
                **overrides,
            }
            value = {key: each for key, each in value.items() if each is not ABSENT}
            unprinted = tuple(key for key in ('date', 'time') if key not in overrides)
            entry = self.audit_log.add(self.clock() if timestamp is None else timestamp, value, unprinted)
            served: JsonObject = copy.deepcopy(entry.served())
            return served

    def add_raw_audit_entry(self, value: Any, timestamp: float | None = None) -> Entry:
        """Put any JSON value where an entry should be, at the place that `timestamp` gives it."""
        with self.lock:
            return self.audit_log.add(self.clock() if timestamp is None else timestamp, copy.deepcopy(value))

    def delete_audit_entry(self, entry_id: str) -> None:
        """Take an entry out of the log, as if it had never been written. KeyError where there is none."""
        with self.lock:
            self.audit_log.delete(entry_id)

    def change(
        self,
        kind: str,
        name: str,
        action: str,
        fields: Mapping[str, Any],
        *,
        change_log: str,
        author: Person | str = PEOPLE[0],
        timestamp: float | None = None,
        consequences: Mapping[str, Any] | None = None,
    ) -> JsonObject:
        """Set `fields` of a thing and write the audit entry that says so: those that differ, before and after.

        `consequences` are fields that change along and are not in the audit log (a status that follows from others).
        """
        by = person(author) if isinstance(author, str) else author
        with self.lock:
            entity = self.entities(kind)[name]
            when = self.clock() if timestamp is None else timestamp
            changes = {
                field: {'new': self.audited(field, new), 'old': self.audited(field, entity.get(field))}
                for field, new in fields.items()
                if new != entity.get(field)
            }
            entity.update(copy.deepcopy({**fields, **(consequences or {})}))
            entity.update(
                lastModifierID=by.id,
                lastModifierName=by.name,
                lastModifierEmail=by.email,
                lastModifiedTime=int(when * 1000),
                version=entity['version'] + 1,
            )
            return self.add_audit_entry(
                action,
                name,
                changes,
                timestamp=when,
                author=by,
                change_log=change_log,
                tags=entity['tags'],
                target_apps=entity['targetApps'],
            )

    @staticmethod
    def audited(field: str, value: Any) -> Any:
        """A field's value as the audit log spells it."""
        return as_audited(value) if field == 'rules' and value is not None else value

    def set_gate_enabled(
        self, name: str, enabled: bool, author: Person | str = PEOPLE[0], timestamp: float | None = None
    ) -> JsonObject:
        """Turn a gate on or off; returns the audit entry. KeyError for an unknown gate."""
        return self.change(
            'gate',
            name,
            'config_state_toggle',
            {'isEnabled': enabled},
            change_log='Enabled Gate' if enabled else 'Disabled Gate',
            author=author,
            timestamp=timestamp,
            consequences={'status': 'In Progress' if enabled else 'Disabled'},
        )
