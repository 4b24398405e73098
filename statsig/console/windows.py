"""Reading a listing that moves while it is read, newest first, in windows that overlap.

A new record pushes the others to later positions, a deleted one pulls them to earlier ones. Pages that merely adjoin
would repeat the one and miss the other; so each window is chosen to begin before the last one ended, and shows that
nothing is missing by containing a record seen before.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """Positions `start` … `start + limit - 1` of a listing (from 0), as the page (from 1) of `limit` records."""

    page: int
    limit: int

    @property
    def start(self) -> int:
        return (self.page - 1) * self.limit


def window_at(position: int, most: int, not_before: int = 0) -> Window:
    """The window of at most `most` records that contains `position` and reaches furthest beyond it.

    A page can only begin at a multiple of its own size, so the size is chosen to fit: for most = 100 and position 199
    that is page 3 of 99 (198 … 296). None begins before `not_before`.
    """
    windows = (Window(position // size + 1, size) for size in range(1, most + 1))
    allowed = (window for window in windows if window.start >= min(position, not_before))
    return max(allowed, key=lambda window: (window.start + window.limit, window.limit))


def window_after(end: int, most: int, not_before: int = 0) -> Window:
    """The next window where the last one ended before position `end`: overlapping it, or adjoining if none can.

    (Only windows of a few records can fail to overlap: of two, only positions 0, 2, 4, … can begin one.)
    """
    overlapping = window_at(max(0, end - 1), most, not_before)
    if overlapping.start + overlapping.limit > end and overlapping.start >= not_before:
        return overlapping
    return window_at(end, most, end)
