"""`statsig-datadog demo`: the real check against the sandbox, in a real process that is killed and started again; then
the relay and its triggers, where they are installed.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from statsig.commands.preview import count_sums, gauge_series, many, print_event, print_gauges
from statsig.commands.terminal import Terminal, shortened
from statsig.datadog.metrics import AUDIT_LOG_SKIPPED, EXPERIMENT_HEALTHY, METRICS
from statsig.sandbox.agent import Run
from statsig.sandbox.agent_intake import Event
from statsig.sandbox.agent_process import AgentEndedError, AgentProcess
from statsig.sandbox.life import Life
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer

SPEED = 360.0  # an hour of the project's life in 10 seconds: some 50 changes while the demo runs
RUNS = (3, 3)  # before the restart, and after it
INTERVAL = 3.0  # seconds
LOOKBACK = 20  # minutes
EVENTS_SHOWN = 7
SERIES_SHOWN = 2
NOT_SHOWN = ('.past_7_days.', '.exposures.', '.api.request')

# Not every project has an active experiment whose health is known; nothing is filtered here.
EXPECTED_METRICS = frozenset(
    f'statsig.{metric.name}' for metric in METRICS if metric not in (EXPERIMENT_HEALTHY, AUDIT_LOG_SKIPPED)
)


class DemoFailedError(Exception):
    """Something that the demo promises did not happen; the message says what."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The audit log of the sandbox compared with what was delivered. Ids of entries, each in order of delivery.

    due: all that were written between the start of the first look-back and the moment people stopped working; the last
    run began after that.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    due: frozenset[str]
    known: frozenset[str]

    @property
    def repeated(self) -> list[str]:
        return [entry for entry, times in Counter(self.before + self.after).items() if times > 1]

    @property
    def lost(self) -> list[str]:
        return sorted(self.due.difference(self.before, self.after))

    @property
    def unknown(self) -> list[str]:
        return sorted({*self.before, *self.after} - self.known)


def demo(terminal: Terminal, seed: int = 1, interval: float = INTERVAL) -> None:
    """Run it and print what would reach Datadog, the check running every `interval` seconds. Raises DemoFailedError."""
    project = SandboxProject(seed)
    life = Life(project, seed)
    life.write_history(days=1)
    terminal.line(terminal.style('Statsig in Datadog: what you would get', 'bold'))
    terminal.line('A Statsig project in a box, the real Agent check, a restart, then the relay and a trigger.')
    terminal.line('Nothing leaves this machine.')
    terminal.line()
    with (
        tempfile.TemporaryDirectory(prefix='statsig-datadog-demo-') as directory,
        SandboxServer(project, life=life, speed=SPEED) as server,
    ):
        terminal.step(
            f'sandbox project: {len(project.gates)} gates, {len(project.experiments)} experiments, '
            f'{len(project.dynamic_configs)} configs; life is {SPEED:.0f} times as fast',
        )
        before, after, delivery = _run_agents(terminal, life, _configure(Path(directory), server.url), interval)
    runs = [*before, *after]
    _show_gauges(terminal, runs)
    _show_events(terminal, [event for run in runs for event in run.events])
    _show_summary(terminal, runs, delivery)
    reasons = [
        *_broken(runs, delivery),
        *show_relay_where_installed(terminal, project, seed),
        *show_triggers_where_installed(terminal, seed),
    ]
    if reasons:
        raise DemoFailedError('; '.join(reasons))


def _configure(directory: Path, url: str) -> Path:
    """The directory with a conf.yaml as a user would write it; the Agent's cache will be in it, too."""
    instance = {
        'api_key': DEFAULT_KEY,
        'api_url': url,
        # An Agent would run it every minute; the demo has seconds where an Agent has hours, and runs it more often.
        'min_collection_interval': 60,
        'empty_default_hostname': True,
        'audit_log_lookback': LOOKBACK,
        'inventory_interval': 0.1,
        'max_requests_per_minute': 60,
        'tag_rules': [{'match': 'gate:checkout_*', 'tags': ['service:checkout']}],
    }
    configuration = {'init_config': {}, 'instances': [instance]}
    (directory / 'conf.yaml').write_text(yaml.safe_dump(configuration), encoding='utf-8')
    return directory


def _run_agents(
    terminal: Terminal, life: Life, directory: Path, interval: float
) -> tuple[list[Run], list[Run], Delivery]:
    with AgentProcess(directory / 'conf.yaml', directory / 'run', interval) as agent:
        terminal.step(f'Agent started (process {agent.pid})')
        before = [_next_run(terminal, agent, 1)]
        oldest_due = time.time() - LOOKBACK * 60
        before += [_next_run(terminal, agent, number) for number in range(2, RUNS[0] + 1)]
        agent.kill()
    terminal.step(terminal.style('Agent killed; life in the project goes on without it', 'yellow'), sign='✖')
    with terminal.waiting('no Agent is running'):
        time.sleep(interval)
    with AgentProcess(directory / 'conf.yaml', directory / 'run', interval) as agent:
        terminal.step(f'Agent started again (process {agent.pid}) on the cache that the first one left')
        after = [_next_run(terminal, agent, number) for number in range(RUNS[0] + 1, sum(RUNS))]
        with life.project.lock:
            life.changes_per_hour = 0
            people_stopped = time.time()
        while after[-1].started < people_stopped:
            after.append(_next_run(terminal, agent, RUNS[0] + len(after) + 1))
        agent.kill()
    due, known = _entries_since(life.project, oldest_due), _entries_since(life.project, 0)
    return before, after, Delivery(_ids(before), _ids(after), due, known)


def _next_run(terminal: Terminal, agent: AgentProcess, number: int) -> Run:
    with terminal.waiting(f'waiting for run {number}'):
        try:
            run = agent.next_run()
        except AgentEndedError as error:
            raise DemoFailedError(f'the Agent process ended before its run did: {error}') from None
    if run.error:
        raise DemoFailedError(f'a run of the check ended with an error: {run.error}')
    newest = max(run.events, key=lambda event: event.timestamp, default=None)
    example = f', the newest: {newest.title}' if newest else ''
    line = f'run {number}: {many(len(run.metrics), "metric")}, {many(len(run.events), "event")}{example}'
    terminal.step(shortened(line, terminal.width - 4))
    for warning in run.warnings:
        terminal.line(f'      {terminal.style("warning:", "yellow")} {warning}')
    return run


def _entries_since(project: SandboxProject, moment: float) -> frozenset[str]:
    with project.lock:
        entries = project.audit_log.since(0)
        return frozenset(str(entry.value['id']) for entry in entries if entry.timestamp >= moment)


def _ids(runs: Sequence[Run]) -> tuple[str, ...]:
    return tuple(event.aggregation_key for run in runs for event in run.events)


def _show_gauges(terminal: Terminal, runs: Sequence[Run]) -> None:
    series = gauge_series([run.metrics for run in runs])
    main = [one for one in series if not any(part in one.name for part in NOT_SHOWN)]
    terminal.heading('Gauges', f'the busiest {SERIES_SHOWN} of each main metric, of {len(series)} series in all')
    print_gauges(terminal, main, SERIES_SHOWN)


def _show_events(terminal: Terminal, events: Sequence[Event]) -> None:
    shown = _varied(events, EVENTS_SHOWN)
    terminal.heading('Events', f'{len(shown)} of {len(events)}, as they would read in the event stream, newest first')
    for event in shown:
        print_event(terminal, event, brief=True)


def _varied(events: Sequence[Event], how_many: int) -> list[Event]:
    """The newest of each kind of change, those that alert most first; what is chosen, by time."""
    newest_first = sorted(events, key=lambda event: event.timestamp, reverse=True)
    by_action: dict[str, Event] = {}
    for event in newest_first:
        action = next((tag for tag in event.tags if tag.startswith('statsig_action:')), event.title)
        by_action.setdefault(action, event)
    matters = ('error', 'warning', 'success', 'info', '')
    chosen = sorted(by_action.values(), key=lambda event: matters.index(event.alert_type))[:how_many]
    return sorted(chosen, key=lambda event: event.timestamp, reverse=True)


def _show_summary(terminal: Terminal, runs: Sequence[Run], delivery: Delivery) -> None:
    requests = sum(
        value for name, value in count_sums([run.metrics for run in runs]).items() if name.endswith('.api.requests')
    )
    terminal.heading('The restart')
    terminal.verdict(
        not delivery.repeated,
        f'{many(len(delivery.before), "change")} delivered before it, {len(delivery.after)} after it: '
        f'{len(delivery.repeated)} twice',
    )
    terminal.verdict(
        not delivery.lost and not delivery.unknown,
        f"the sandbox's own audit log has {len(delivery.due)} of that time: {len(delivery.lost)} lost, "
        f'{len(delivery.unknown)} made up',
    )
    names = {metric.name for run in runs for metric in run.metrics}
    refused = sum(len(run.refused) for run in runs)
    terminal.verdict(
        not refused,
        f"{len(runs)} runs, {len(names)} metrics, {requests:.0f} requests; {refused} submissions over Datadog's limits",
    )


def _broken(runs: Sequence[Run], delivery: Delivery) -> list[str]:
    """Which promises of the check were not kept."""
    missing = EXPECTED_METRICS - {metric.name for run in runs for metric in run.metrics}
    refused = [refused.reason for run in runs for refused in run.refused]
    broken = [
        (missing, f'metrics that never came: {", ".join(sorted(missing))}'),
        (not delivery.after, 'no event was delivered after the restart'),
        (delivery.repeated, f'delivered more than once: {", ".join(delivery.repeated)}'),
        (delivery.lost, f'in the audit log and never delivered: {", ".join(delivery.lost)}'),
        (delivery.unknown, f'delivered and not in the audit log: {", ".join(delivery.unknown)}'),
        (refused, f'Datadog would refuse: {"; ".join(sorted(set(refused)))}'),
    ]
    return [reason for is_broken, reason in broken if is_broken]


def show_relay_where_installed(terminal: Terminal, project: SandboxProject, seed: int) -> list[str]:
    """Which promises of the relay were not kept. It is not part of what is installed into Agents."""
    if missing := _missing_for_the_relay():
        terminal.heading('The relay', f"not shown: {missing} is not here; pip install 'datadog-statsig[relay]'")
        return []
    from statsig.commands.relay_demo import show_relay

    return show_relay(terminal, project, seed)


def show_triggers_where_installed(terminal: Terminal, seed: int) -> list[str]:
    """Which promises of the triggers were not kept. They are part of the relay: where it is missing, that is said."""
    if _missing_for_the_relay():
        return []
    from statsig.commands.triggers_demo import show_triggers

    return show_triggers(terminal, seed)


def _missing_for_the_relay() -> str | None:
    try:
        import statsig.relay.run  # noqa: F401  (imports all that the relay needs)
    except ModuleNotFoundError as error:
        return error.name
    return None
