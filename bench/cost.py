"""What a piece of work took of this process: CPU, time, memory."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SELF = Path('/proc/self')


@dataclass(slots=True)
class Cost:
    """Seconds. `cpu` is user and system time of all threads of the process."""

    cpu: float = 0.0
    wall: float = 0.0


@contextmanager
def measured() -> Iterator[Cost]:
    """The cost of what happens inside; filled in at the end."""
    cost = Cost()
    cpu, wall = time.process_time(), time.perf_counter()
    yield cost
    cost.cpu, cost.wall = time.process_time() - cpu, time.perf_counter() - wall


def peak_above_idle(work: Callable[[], object]) -> int:
    """Bytes of resident memory that this process had at the most during `work`, beyond those it had before. Linux."""
    (_SELF / 'clear_refs').write_text('5')  # the peak so far, that of the imports, is forgotten
    before = _status('VmRSS')
    work()
    return max(0, _status('VmHWM') - before)


def _status(field: str) -> int:
    found = re.search(rf'{field}:\s+(\d+) kB', (_SELF / 'status').read_text())
    if found is None:
        raise OSError(f'/proc/self/status has no {field}: memory can be measured on Linux only')
    return int(found[1]) * 1024
