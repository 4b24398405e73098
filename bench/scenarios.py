"""What is measured, in rounds: in each, the check and what it is compared with do the same work one after the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from bench.cost import Cost
from bench.figures import Compared, Memory
from bench.processes import Remote
from bench.programs import BareCheck, BareProgram, Check, Outcome
from bench.sandbox import LOOKBACK, Sandbox

ENTRIES = 200
SIZE = (1000, 300, 200)  # gates, experiments, dynamic configs
TENFOLD = (10_000, 3000, 2000)
BURST = 5000
BACKLOG = 100_000

ROUNDS, BURST_ROUNDS = 7, 3
ROUNDS_TO_A_TENFOLD = 4


@dataclass(frozen=True, slots=True)
class Runs:
    """Compared with the floor unless said otherwise."""

    usual: Compared
    to_bare_check: Compared
    nothing_new: Compared
    listing: Compared
    first: Compared
    tenfold: Compared
    floor_twice: Compared


def measure_runs() -> Runs:
    """CPU of single runs. Ten times the size is measured in every fourth round."""
    with ExitStack() as stack:
        sandbox, tenfold_sandbox = (stack.enter_context(Remote(Sandbox, *size)) for size in (SIZE, TENFOLD))
        url = sandbox.do(Sandbox.url)
        usual, first = (stack.enter_context(Remote(Check, url)) for _ in range(2))
        listing = stack.enter_context(Remote(Check, url, {'inventory_interval': 0}))
        tenfold = stack.enter_context(Remote(Check, tenfold_sandbox.do(Sandbox.url)))
        race = _Race(stack)

        # Imports, connections and the first listing are not part of a usual run.
        sandbox.do(Sandbox.add_entries, ENTRIES)
        tenfold_sandbox.do(Sandbox.add_entries, 10 * ENTRIES)
        for check in (usual, first, listing, tenfold):
            check.do(Check.run)
        for number in range(ROUNDS):
            sandbox.do(Sandbox.add_entries, ENTRIES)
            race.run('usual', sandbox, usual, Check.run, ENTRIES, twice=True)
            race.run('nothing new', sandbox, usual, Check.run, 0)
            race.run('listing', sandbox, listing, Check.run, ENTRIES)
            race.run('first', sandbox, first, Check.first_run, ENTRIES)
            if number % ROUNDS_TO_A_TENFOLD == 0:
                tenfold_sandbox.do(Sandbox.add_entries, 10 * ENTRIES)
                race.run('tenfold', tenfold_sandbox, tenfold, Check.run, 10 * ENTRIES)
    return Runs(
        usual=race.result('usual'),
        to_bare_check=race.result('bare check'),
        nothing_new=race.result('nothing new'),
        listing=race.result('listing'),
        first=race.result('first'),
        tenfold=race.result('tenfold'),
        floor_twice=race.result('floor twice'),
    )


class _Race:
    """The check and what it is compared with do the same work, one right after the other, in processes of their own."""

    def __init__(self, stack: ExitStack) -> None:
        self._floor = stack.enter_context(Remote(BareProgram))
        self._bare_check = stack.enter_context(Remote(BareCheck))
        self._costs: dict[str, list[tuple[Cost, Cost]]] = defaultdict(list)

    def run(
        self,
        name: str,
        sandbox: Remote[Sandbox],
        check: Remote[Check],
        method: Callable[[Check], Outcome],
        entries: int,
        twice: bool = False,
    ) -> None:
        """One round. twice: with a bare Agent check, and the floor once more."""
        sandbox.do(Sandbox.take_urls)
        outcome = _checked(check.do(method), entries)
        urls = sandbox.do(Sandbox.take_urls)
        floor = self._floor.do(BareProgram.run, urls, outcome)
        self._costs[name].append((outcome.cost, floor))
        if twice:
            bare_check = self._bare_check.do(BareCheck.run, urls, outcome)
            self._costs['bare check'].append((outcome.cost, bare_check))
            self._costs['floor twice'].append((floor, self._floor.do(BareProgram.run, urls, outcome)))

    def result(self, name: str) -> Compared:
        check, other = zip(*self._costs[name], strict=True)
        return Compared(check, other)


def measure_bursts() -> tuple[Compared, Compared]:
    """Nothing but the audit log: a tenth of the burst, and the burst, within five minutes, each after a quiet time."""
    with ExitStack() as stack:
        sandbox = stack.enter_context(Remote(Sandbox, *SIZE))
        options = {'collect_exposures': False, 'collect_inventory': False}
        check = stack.enter_context(Remote(Check, sandbox.do(Sandbox.url), options))
        race = _Race(stack)
        for number in range(2 * BURST_ROUNDS):
            entries = BURST if number % 2 else BURST // 10
            sandbox.do(Sandbox.add_entries, 100)  # so that what is read again, for late entries, holds no burst
            _checked(check.do(Check.run), 100)
            sandbox.do(Sandbox.add_entries, entries, seconds=300.0)
            race.run(str(entries), sandbox, check, Check.run, entries)
    return race.result(str(BURST // 10)), race.result(str(BURST))


def measure_memory(entries: int, seconds: float, size: tuple[int, int, int] = (12, 4, 3)) -> Memory:
    """Of a check that has just been started, and of the bare program, each in a process of its own."""
    with ExitStack() as stack:
        sandbox, empty = stack.enter_context(Remote(Sandbox, *size)), stack.enter_context(Remote(Sandbox))
        sandbox.do(Sandbox.add_entries, entries, seconds=seconds)
        check = stack.enter_context(Remote(Check, sandbox.do(Sandbox.url)))
        peak, runs = check.do(Check.peak, empty.do(Sandbox.url), entries)
        urls = sandbox.do(Sandbox.take_urls)
        floor = stack.enter_context(Remote(BareProgram))
        return Memory(peak, floor.do(BareProgram.peak, empty.do(Sandbox.url), urls), runs)


def measure_backlog(entries: int) -> Memory:
    """Entries of the past 16 hours, all of them new."""
    return measure_memory(entries, seconds=LOOKBACK - 60.0)


def _checked(outcome: Outcome, entries: int) -> Outcome:
    if len(outcome.events) != entries:
        raise RuntimeError(f'{len(outcome.events)} events for {entries} entries: what was measured is not the work')
    return outcome
