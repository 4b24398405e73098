"""`python -m bench [check] [relay] [triggers]`: measure, then say what was found.

docs/benchmarks.md says what each row means.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.figures import MIB, Compared, Memory, cpu, per_second, table
from bench.relay import bench_relay
from bench.rendering import ROUNDS as RENDERING_ROUNDS
from bench.rendering import Rendering, measure_rendering
from bench.scenarios import (
    BACKLOG,
    BURST,
    BURST_ROUNDS,
    ENTRIES,
    ROUNDS,
    SIZE,
    TENFOLD,
    Runs,
    measure_backlog,
    measure_bursts,
    measure_memory,
    measure_runs,
)
from bench.triggers import bench_triggers

MOST_RATIO, MOST_MEMORY, MOST_GROWTH = 1.3, 64, 10.0  # times the bare program, MiB, times: what is aimed at
PARTS = ('check', 'relay', 'triggers')
MOST_RENDERING = 50.0  # ms of CPU for an entry of a megabyte


def main(parts: Sequence[str]) -> int:
    """parts: any of PARTS; without any, all."""
    if unknown := [part for part in parts if part not in PARTS]:
        usage = ' '.join(f'[{part}]' for part in PARTS)
        print(f'There is no part {unknown[0]!r} to measure. Usage: python -m bench {usage}', file=sys.stderr)
        return 2
    if not Path('/proc/self/clear_refs').exists():
        print('The peak of memory is read from /proc, which only Linux has: run this on Linux.', file=sys.stderr)
        return 1
    load = os.getloadavg()[0]
    print(f'{_machine()}; load average before: {load:.1f}\n')
    if 'check' in parts or not parts:
        _bench_check()
    if 'relay' in parts or not parts:
        bench_relay()
    if 'triggers' in parts or not parts:
        bench_triggers()
    return 0


def _bench_check() -> None:
    started = time.monotonic()
    _say('measuring CPU of single runs (about a minute)')
    runs = measure_runs()
    _say('measuring bursts')
    tenth, burst = measure_bursts()
    _say('measuring entries of a megabyte')
    rendering = measure_rendering()
    _say('measuring memory (about a minute)')
    memory = _measure_memory()
    _say(f'done in {time.monotonic() - started:.0f} s\n')

    growths = _growths(runs, tenth, burst, memory)
    print('\n'.join(_summary(runs, burst, rendering, memory, growths)), end='\n\n')
    print(_cpu_table(runs, tenth, burst), end='\n\n')
    print(rendering_table(rendering), end='\n\n')
    print(_memory_table(memory), end='\n\n')
    print(table(('Ten times as much', 'once', 'ten times', 'check grows', 'floor grows'), growths), end='\n\n')


def _measure_memory() -> Mapping[str, Memory]:
    # Two at a time: memory does not depend on how busy the machine is.
    with ThreadPoolExecutor(2) as pool:
        found = {
            'backlog': pool.submit(measure_backlog, BACKLOG),
            'usual': pool.submit(measure_memory, ENTRIES, 60.0, SIZE),
            'burst': pool.submit(measure_memory, BURST, 300.0),
            'tenfold': pool.submit(measure_memory, 10 * ENTRIES, 60.0, TENFOLD),
        }
        return {name: each.result() for name, each in found.items()}


def _summary(
    runs: Runs,
    burst: Compared,
    rendering: Mapping[str, Rendering],
    memory: Mapping[str, Memory],
    growths: list[tuple[str, str, str, str, str]],
) -> list[str]:
    ratio, peak = runs.usual.ratio, max(each.check for each in memory.values()) / MIB
    slowest = 1000 * max(cpu(each.hiding) for each in rendering.values())
    steepest = max(float(row[3]) for row in growths)
    return [
        f'CPU     a usual run costs {ratio:.2f} times the bare program ({_met(ratio, MOST_RATIO)}), '
        f'{runs.to_bare_check.ratio:.2f} times a bare Agent check',
        f'Speed   {per_second(BURST, burst.check):,.0f} entries/s in a burst of {BURST:,}',
        f'Words   at most {slowest:.0f} ms for an entry of a megabyte ({_met(slowest, MOST_RENDERING)} ms)',
        f'Memory  at most {peak:.0f} MiB above idle ({_met(peak, MOST_MEMORY)} MiB)',
        f'Growth  at most {steepest:.1f} times for ten times as much ({_met(steepest, MOST_GROWTH)})',
        f'Noise   the bare program twice: {runs.floor_twice.ratio:.2f}, middle half {runs.floor_twice.spread}',
    ]


def _met(value: float, most: float) -> str:
    return f'aim: {most:g}' if value <= most else f'aim missed: {most:g}'


def _machine() -> str:
    return f'Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores'


def _cpu_table(runs: Runs, tenth: Compared, burst: Compared) -> str:
    things, ten = (f'{size[0]:,} gates, {size[1]:,} experiments, {size[2]:,} configs' for size in (SIZE, TENFOLD))
    rows = [
        (f'usual run: {things}, {ENTRIES} new entries', runs.usual),
        ('  the same, compared with a bare Agent check', runs.to_bare_check),
        ('  no new entries', runs.nothing_new),
        ('  one that lists the project as well', runs.listing),
        ('  the first one after a start', runs.first),
        (f'usual run: {ten}, {10 * ENTRIES:,} new entries', runs.tenfold),
        (f'burst of {BURST // 10:,} entries', tenth),
        (f'burst of {BURST:,} entries', burst),
    ]
    head = (
        f'CPU of a run, median of {ROUNDS} rounds (x10: {len(runs.tenfold.check)}, bursts: {BURST_ROUNDS})',
        'check ms',
        'floor ms',
        'ratio',
        'middle half',
    )
    cpu_rows = [
        (what, f'{cpu(each.check) * 1000:,.0f}', f'{cpu(each.other) * 1000:,.0f}', f'{each.ratio:.2f}', each.spread)
        for what, each in rows
    ]
    rate, floor_rate = per_second(BURST, burst.check), per_second(BURST, burst.other)
    speed_row = (f'burst of {BURST:,}', f'{rate:,.0f}', f'{floor_rate:,.0f}', f'{rate / floor_rate:.2f}')
    return f'{table(head, cpu_rows)}\n\n{table(("Entries per second", "check", "floor", "ratio"), [speed_row])}'


def rendering_table(rendering: Mapping[str, Rendering]) -> str:
    rows = [
        (
            shape,
            f'{each.size / 1e6:.2f}',
            f'{1000 * cpu(each.showing):.1f}',
            f'{1000 * cpu(each.hiding):.1f}',
            f'{1000 * max(cost.cpu for cost in each.hiding):.1f}',
        )
        for shape, each in sorted(rendering.items(), key=lambda item: -cpu(item[1].hiding))
    ]
    head = (f'CPU of one entry, {RENDERING_ROUNDS} rounds', 'MB', 'median ms', 'people hidden', 'most ms')
    return table(head, rows)


def _memory_table(memory: Mapping[str, Memory]) -> str:
    named = {
        'usual': f'first run: {SIZE[0]:,} gates, {ENTRIES} entries',
        'tenfold': f'first run: {TENFOLD[0]:,} gates, {10 * ENTRIES:,} entries',
        'burst': f'burst of {BURST:,} entries',
        'backlog': f'backlog of {BACKLOG:,} entries',
    }
    rows = [
        (
            what,
            f'{memory[name].check / MIB:.1f}',
            f'{memory[name].floor / MIB:.1f}',
            f'{memory[name].check / max(memory[name].floor, MIB):.1f}',
            str(memory[name].runs),
        )
        for name, what in named.items()
    ]
    return table(('Peak of memory above idle', 'check MiB', 'floor MiB', 'ratio', 'runs'), rows)


def _growths(
    runs: Runs, tenth: Compared, burst: Compared, memory: Mapping[str, Memory]
) -> list[tuple[str, str, str, str, str]]:
    usual, tenfold = memory['usual'], memory['tenfold']
    times = [
        ('CPU: gates, experiments, configs and entries', runs.usual, runs.tenfold),
        ('CPU: entries of a burst', tenth, burst),
    ]
    sizes = 'memory: gates, experiments, configs and entries'
    return [
        *(
            (
                what,
                f'{cpu(one.check) * 1000:,.0f} ms',
                f'{cpu(ten.check) * 1000:,.0f} ms',
                f'{cpu(ten.check) / cpu(one.check):.1f}',
                f'{cpu(ten.other) / cpu(one.other):.1f}',
            )
            for what, one, ten in times
        ),
        (
            sizes,
            f'{usual.check / MIB:.1f} MiB',
            f'{tenfold.check / MIB:.1f} MiB',
            f'{tenfold.check / usual.check:.1f}',
            f'{tenfold.floor / usual.floor:.1f}',
        ),
    ]


def _say(what: str) -> None:
    print(f'{time.strftime("%H:%M:%S")} {what}', file=sys.stderr, flush=True)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
