"""Which gates, experiments and dynamic configs are followed: every one of them costs a custom metric or more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from statsig.console.records import Entity, Experiment, Gate

DEFAULT_LIMIT = 1000  # of each kind

# Statuses whose exposures nobody waits for any more, as the API spells them.
OVER = frozenset({'Archived', 'archived', 'experiment_stopped', 'assignment_stopped'})


@dataclass(frozen=True, slots=True)
class Selection:
    """Shell patterns on the id, case-sensitive; an empty `include` includes all, `exclude` wins. `limit`: how many."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    limit: int = DEFAULT_LIMIT


@dataclass(frozen=True, slots=True)
class Selected:
    """Ids, the most important first, and how many more the limit left out."""

    ids: tuple[str, ...]
    dropped: int


def select(records: Sequence[Gate | Experiment | Entity], selection: Selection) -> Selected:
    """Of those that are not archived or stopped: busiest gates, active and then newest experiments, enabled configs."""
    ids = [record.id for record in sorted(records, key=_rank) if is_running(record) and _matches(record.id, selection)]
    return Selected(tuple(ids[: selection.limit]), max(0, len(ids) - selection.limit))


def _matches(entity_id: str, selection: Selection) -> bool:
    included = not selection.include or any(fnmatchcase(entity_id, pattern) for pattern in selection.include)
    return included and not any(fnmatchcase(entity_id, pattern) for pattern in selection.exclude)


def is_running(record: Gate | Experiment | Entity) -> bool:
    """Whether it is neither archived nor stopped."""
    return isinstance(record, Entity) or record.status not in OVER


def _rank(record: Gate | Experiment | Entity) -> tuple[float, float, str]:
    match record:
        case Gate():
            return -(record.checks_per_hour or 0.0), 0.0, record.id
        case Experiment():
            return float(record.status != 'active'), -record.start_time, record.id
        case Entity():
            return float(record.enabled is False), 0.0, record.id
