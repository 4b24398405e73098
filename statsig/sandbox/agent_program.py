"""`python -m statsig.sandbox.agent`: an Agent host as a program that another process can drive, kill and restart."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from statsig.commands.conf_yaml import load_configuration
from statsig.sandbox.agent import AgentHost, CheckLoadError, Run, RunningCheck
from statsig.sandbox.agent_cache import PersistentCache
from statsig.sandbox.agent_intake import Submission, as_json_object
from statsig.sandbox.embedded import block_what_the_agent_lacks

DESCRIPTION = """\
Loads a check as the Datadog Agent's loader does, runs it, and prints one line per run and instance.
Nothing is sent anywhere.
"""
EXIT_CODES = """\
exit codes: 0 every run went well; 1 a run ended with an error; 2 the configuration or the check could not be loaded
"""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    sys.path[:0] = options.checks_d
    if options.only_embedded:
        block_what_the_agent_lacks(also_allow=[options.check])
    try:
        init_config, instances = load_configuration(options.config)
        host = AgentHost(options.cache, dict(options.agent_option))
        if options.journal:
            host.intake.on_submission = _journal(options.journal)
        _break_cache(host.cache, options.cache_fault)
        checks = [host.start(options.check, instance, init_config) for instance in instances]
    except (ValueError, CheckLoadError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    waited = _asked if options.on_demand else _pause(options.interval)
    return 0 if _run(checks, options.runs, waited, options.json) else 1


def _run(checks: Sequence[RunningCheck], runs: int, waited: Callable[[], bool], as_json: bool) -> bool:
    """Whether every run went well. `waited()` returns when the next may start, False when there is to be none."""
    went_well = True
    for number in range(runs):
        if not waited():
            break
        for index, check in enumerate(checks):
            run = check.run()
            went_well = went_well and not run.error
            line = {'run': number + 1, 'instance': index, 'instances': len(checks), **run.as_json_object()}
            print(json.dumps(line) if as_json else _readable(number + 1, index, run), flush=True)
    return went_well


def _pause(interval: float) -> Callable[[], bool]:
    """Runs start every `interval` seconds; one that overruns delays the next."""
    due = time.monotonic()

    def waited() -> bool:
        nonlocal due
        time.sleep(max(0.0, due - time.monotonic()))
        due = time.monotonic() + interval
        return True

    return waited


def _asked() -> bool:
    """Waits for a line on standard input; False when it is closed."""
    return bool(sys.stdin.readline())


def _readable(number: int, instance: int, run: Run) -> str:
    lines = [
        f'run {number}, instance {instance}: {len(run.metrics)} metrics, {len(run.events)} events, '
        f'{len(run.refused)} refused, {run.seconds:.2f} s'
    ]
    lines += [f'  warning: {warning}' for warning in run.warnings]
    lines += [f'  refused: {refused.reason}' for refused in run.refused]
    lines += [f'  error: {run.error}'] if run.error else []
    return '\n'.join(lines)


def _journal(path: str) -> Any:
    """A function that appends each submission to `path` in one write, before the check goes on: it survives SIGKILL."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(submission: Submission) -> None:
        os.write(file, json.dumps(as_json_object(submission)).encode() + b'\n')

    return write


def _break_cache(cache: PersistentCache, fault: str | None) -> None:
    if fault is None:
        return
    if fault == 'lost':
        cache.writes_are_lost = True
    elif fault == 'unreadable':
        cache.reads_fail = True
    elif match := re.fullmatch('torn=([0-9]+)', fault):
        cache.tear_after = int(match[1])
    elif match := re.fullmatch('full=([0-9]+)', fault):
        cache.full_after = int(match[1])
    elif match := re.fullmatch('killed=([0-9]+):([0-9]+)', fault):
        cache.killed_in = int(match[1]), int(match[2])
    else:
        raise ValueError(
            f'--cache-fault is {fault!r}, expected lost, unreadable, torn=<bytes>, full=<writes> or '
            'killed=<writes>:<bytes>'
        )


def _agent_option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition('=')
    if not equals:
        raise argparse.ArgumentTypeError(f'{text!r} is not <name>=<value>')
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m statsig.sandbox.agent',
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--check', default='statsig', help='name of the check (default: statsig)')
    parser.add_argument('--checks-d', action='append', default=[], metavar='DIR', help='look for checks here first')
    parser.add_argument('--config', required=True, type=Path, help='conf.yaml with init_config and instances')
    parser.add_argument('--cache', required=True, type=Path, help="directory of the Agent's persistent cache")
    parser.add_argument('--runs', type=int, default=1, help='how many runs (default: 1)')
    parser.add_argument('--interval', type=float, default=15.0, help='seconds from start to start (default: 15)')
    parser.add_argument('--on-demand', action='store_true', help='a run for each line on standard input, instead')
    parser.add_argument('--json', action='store_true', help='one JSON object per line instead of text')
    parser.add_argument('--journal', help='append every submission to this file as it is made')
    parser.add_argument('--only-embedded', action='store_true', help='refuse packages that no Agent embeds')
    parser.add_argument(
        '--cache-fault',
        help='lost, unreadable, torn=<bytes>; full=<writes>: empty after so many; killed=<writes>:<bytes>: SIGKILL in '
        'the next one, when so many bytes of it are in the file',
    )
    parser.add_argument(
        '--agent-option',
        type=_agent_option,
        action='append',
        default=[],
        metavar='NAME=VALUE',
        help='an option of datadog.yaml, such as logs_enabled=true or log_level=trace',
    )
    return parser
