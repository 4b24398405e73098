"""Rounds of measurements become the rows of the tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from bench.cost import Cost

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Compared:
    """Costs of the check and of what it is compared with, one pair per round."""

    check: Sequence[Cost]
    other: Sequence[Cost]

    @property
    def ratios(self) -> list[float]:
        """CPU, round by round: what slowed the machine down for a while slowed both."""
        return [check.cpu / other.cpu for check, other in zip(self.check, self.other, strict=True)]

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def spread(self) -> str:
        """Between which ratios the middle half of the rounds lies."""
        lower, _, upper = quantiles(self.ratios, n=4, method='inclusive')
        return f'{lower:.2f}-{upper:.2f}'


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes above idle at the most, and in how many runs the work was done."""

    check: int
    floor: int
    runs: int


def cpu(costs: Sequence[Cost]) -> float:
    """Seconds, median."""
    return median(cost.cpu for cost in costs)


def per_second(entries: int, costs: Sequence[Cost]) -> float:
    """Entries, by the clock on the wall; median."""
    return median(entries / cost.wall for cost in costs)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Plain text; the first column is text, the others are figures."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = []
    for row in (head, *rows):
        figures = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append('  '.join([row[0].ljust(widths[0]), *figures]))
    return '\n'.join([lines[0], '-' * len(lines[0]), *lines[1:]])
