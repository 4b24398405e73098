"""`statsig-datadog check`: what one run of the check would send, without an Agent and without a trace of it."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from statsig.commands.instances import UnusableConfigurationError, read_instances, warnings_of
from statsig.commands.preview import count_sums, gauge_series, many, print_event, print_gauges
from statsig.commands.terminal import Terminal
from statsig.sandbox.agent import AgentHost, CheckLoadError, Run

DEFAULT_LOOKBACK = 60
# No other run follows: this one may take its time, and all the requests of the minute.
ONLY_RUN = {'min_collection_interval': 120}
EVENTS_SHOWN = 20
SERIES_SHOWN = 15


@dataclass(frozen=True, slots=True)
class InstanceRun:
    instance: Mapping[str, Any]
    warnings: tuple[str, ...]
    run: Run

    @property
    def went_well(self) -> bool:
        """Every part of it did what it was to do: a warning of the run is a part that did not."""
        troubles = set(self.run.warnings) - set(self.warnings)
        return not self.run.error and not self.run.refused and not troubles and _can_connect(self.run)


def dry_run(config: Path, as_json: bool, terminal: Terminal) -> bool:
    """Run each instance of `config` once and print what it would send. Whether all went well.

    The check remembers what it delivered in a directory that is thrown away: the cursor of a real Agent is neither
    read nor moved. Raises UnusableConfigurationError.
    """
    read = read_instances(config, os.environ, 'check')
    with tempfile.TemporaryDirectory(prefix='statsig-datadog-check-') as cache:
        # Whether the real Agent takes logs is for it to say, when the check runs there.
        host = AgentHost(cache, {'logs_enabled': True})
        warnings = warnings_of(read)
        with terminal.waiting('asking Statsig'):
            results = [
                InstanceRun(instance, warned, _run(host, {**instance, **ONLY_RUN}, read.init_config))
                for instance, warned in zip(read.instances, warnings, strict=True)
            ]
    if as_json:
        terminal.line(json.dumps([_as_json_object(number, result) for number, result in enumerate(results, start=1)]))
    else:
        for number, result in enumerate(results, start=1):
            _print(terminal, result, f'instance {number} of {len(results)}' if len(results) > 1 else str(config))
    return all(result.went_well for result in results)


def _run(host: AgentHost, instance: Mapping[str, Any], init_config: Mapping[str, Any]) -> Run:
    try:
        return host.start('statsig', instance, init_config).run()
    except CheckLoadError as error:
        raise UnusableConfigurationError(str(error)) from None


def _can_connect(run: Run) -> bool:
    return not any(metric.name.endswith('.api.can_connect') and metric.value == 0 for metric in run.metrics)


def _has_exposures(run: Run) -> bool:
    return any(metric.name.endswith('.exposures.age') for metric in run.metrics)


def _all_warnings(result: InstanceRun) -> list[str]:
    """Once each: the check repeats those of the configuration in its first run."""
    return list(dict.fromkeys((*result.warnings, *result.run.warnings)))


def _as_json_object(number: int, result: InstanceRun) -> dict[str, Any]:
    run = {**result.run.as_json_object(), 'warnings': _all_warnings(result)}
    return {'instance': number, 'ok': result.went_well, **run}


def _print(terminal: Terminal, result: InstanceRun, name: str) -> None:
    run = result.run
    series = gauge_series([run.metrics])
    sign = terminal.style('✔', 'green') if result.went_well else terminal.style('✖', 'red')
    requests = sum(value for name, value in count_sums([run.metrics]).items() if name.endswith('.api.requests'))
    sent = [(run.metrics, 'metric'), (run.events, 'event'), (run.platform_events, 'change event'), (run.logs, 'log')]
    counted = ', '.join(many(len(records), what) for records, what in sent if records or what in ('metric', 'event'))
    terminal.line(
        f'{sign} {terminal.style(name, "bold")}: {counted}, {many(int(requests), "request")}, {run.seconds:.1f} s'
    )
    lookback = result.instance.get('audit_log_lookback', DEFAULT_LOOKBACK)
    terminal.line(
        f'  Nothing was sent, no cursor written. Like any first run, it looks back {lookback} minutes in the audit log.'
    )
    if run.error:
        terminal.line(f'  {terminal.style("error:", "red")} {run.error}')
    for warning in _all_warnings(result):
        terminal.line(f'  {terminal.style("warning:", "yellow")} {warning}')
    for reason, times in Counter(refused.reason for refused in run.refused).items():
        terminal.line(f'  {terminal.style("Datadog would refuse", "red")} {times} of these: {reason}')
    if result.went_well and result.instance.get('collect_exposures', True) and not _has_exposures(run):
        terminal.line(
            '  No exposure counts yet: the requests of this run went to the listings. They come in later runs.'
        )
    if series:
        terminal.heading('Gauges', f'{len(series)} series')
        print_gauges(terminal, series, per_metric=SERIES_SHOWN)
    if run.events:
        shown = sorted(run.events, key=lambda event: event.timestamp, reverse=True)[:EVENTS_SHOWN]
        terminal.heading('Events', f'{len(shown)} of {len(run.events)}, newest first')
        for event in shown:
            print_event(terminal, event)
