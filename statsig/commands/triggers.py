"""`statsig-datadog triggers`: what happened, what would happen, and what to set up in Datadog."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from statsig.commands.terminal import Terminal
from statsig.relay.configuration import DEFAULT_STATE_DIR, RelayConfiguration, load, state_dir_of
from statsig.relay.options import ConfigurationError
from statsig.relay.triggers.configuration import TriggersConfiguration, Watch, is_safe_address
from statsig.relay.triggers.database import FILE
from statsig.relay.triggers.executor import Executor
from statsig.relay.triggers.journal import Journal
from statsig.relay.triggers.kill_switch import KillSwitch
from statsig.relay.triggers.log import read_requests
from statsig.relay.triggers.notification import Notification, template
from statsig.relay.triggers.rules import Rule
from statsig.relay.triggers.setup_texts import HEADERS, MENTION, VARIABLE, WEBHOOK, terraform

_GOOD = ('would_disable', 'would_do_nothing')
_COLOURS = {
    'disabled': 'yellow',
    'enabled': 'green',
    'refused': 'red',
    'failed': 'red',
    'gave_up': 'red',
    'unknown': 'red',
}


def show_template(terminal: Terminal) -> None:
    """The payload of the webhook, alone, so that it can be piped."""
    terminal.line(template())


def show_setup(terminal: Terminal, config: Path, environment: Mapping[str, str], address: str) -> None:
    """What to set up in Datadog. No secret is needed for it, and none is shown. Raises ConfigurationError."""
    triggers = _triggers_in(load(config, _Placeholders(environment)), config)
    if triggers.watch:
        _show_watch_setup(terminal, triggers.watch, triggers.rules)
    else:
        _show_webhook_setup(terminal, triggers.rules, address)


def _show_webhook_setup(terminal: Terminal, rules: Sequence[Rule], address: str) -> None:
    if not is_safe_address(address):
        raise ConfigurationError(
            '--address must begin with https://, since the token travels there, and have no user, query or fragment, '
            f'got {"something else" if "@" in address else repr(address)}.'
        )
    url = f'{address.rstrip("/")}/webhooks/datadog'
    terminal.heading('1. A hidden variable', 'Integrations > Webhooks > Custom Variables > New')
    terminal.line(f'  Name: {VARIABLE}    Hide from view: yes')
    terminal.line('  Value: the token of `triggers.token`; `openssl rand -hex 32` makes one')
    terminal.heading('2. The webhook', 'Integrations > Webhooks > Webhooks > New')
    terminal.line(f'  Name: {WEBHOOK}')
    terminal.line(f'  URL: {url}')
    terminal.line('  Encode as form: no')
    terminal.line(f'  Custom Headers: {json.dumps(HEADERS)}')
    terminal.line('  Payload:')
    terminal.line(_indented(template()))
    terminal.heading('3. The message of the monitors', 'at its end, outside of any {{#is_alert}}: recoveries count too')
    terminal.line(f'  {MENTION}')
    _show_rules(terminal, rules)
    terminal.heading('Or the same as Terraform', 'provider DataDog/datadog')
    terminal.line(terraform(url))


def _show_watch_setup(terminal: Terminal, watch: Watch, rules: Sequence[Rule]) -> None:
    """Datadog sends nothing then: it is asked."""
    terminal.heading('1. An API key', 'Organization Settings > API Keys > New Key')
    terminal.line('  Value: into the variable that `triggers.mode.watch.datadog_api_key` refers to')
    terminal.heading('2. An application key', 'Organization Settings > Application Keys > New Key')
    terminal.line('  Scope: monitors_read, and nothing else; best of a service account')
    terminal.line('  Value: into the variable that `triggers.mode.watch.datadog_app_key` refers to')
    terminal.heading('3. The monitors', 'they stay as they are: nothing goes into their messages')
    terminal.line(f'  {watch.api_url} is asked for these every {watch.interval:g} s; the relay must reach it, over TLS')
    _show_rules(terminal, rules)


def _show_rules(terminal: Terminal, rules: Sequence[Rule]) -> None:
    for rule in rules:
        scope = f', what alerts tagged {", ".join(sorted(rule.scope))}' if rule.scope else ''
        what = 'is rehearsed (dry_run)' if rule.dry_run else 'is turned off'
        terminal.line(f'  monitor {rule.monitor_id}{scope}: gate {rule.gate} {what} by rule {rule.name!r}')


def rehearse(terminal: Terminal, config: Path, environment: Mapping[str, str], name: str) -> bool:
    """Runs one rule against the real gate, all but the change; whether it would have done its work.

    Raises ConfigurationError, JournalError, sqlite3.Error.
    """
    configuration = load(config, environment)
    triggers = _triggers_in(configuration, config)
    rule = next((rule for rule in triggers.rules if rule.name == name), None)
    if rule is None:
        names = ', '.join(repr(each.name) for each in triggers.rules)
        raise ConfigurationError(f'There is no rule {name!r}. There are {names}.')
    journal = Journal(configuration.state_dir, [rule], triggers.limits, time.time, triggers.give_up_after)
    try:
        return _rehearse(terminal, journal, triggers, rule)
    finally:
        journal.close()


def _rehearse(terminal: Terminal, journal: Journal, triggers: TriggersConfiguration, rule: Rule) -> bool:
    notification = Notification(
        monitor_id=rule.monitor_id,
        transition='Triggered',
        scope=','.join(sorted(rule.scope)),
        title=f'[TEST] statsig-datadog triggers test --rule {rule.name}',
        is_test=True,
    )
    ((decided,),) = journal.receive([(notification, 'test', '')], by='test')
    terminal.line(f'Rule {rule.name!r}: monitor {rule.monitor_id} turns off gate {rule.gate}')
    if rule.dry_run:
        terminal.line('  the rule itself is in dry run: set `dry_run: false` once you trust it')
    if decided.action_id is None:
        terminal.line(f'  {terminal.style("would do nothing now", "red")}: {decided.decision.why}')
        return False

    def new_switch() -> KillSwitch:
        return KillSwitch(triggers.api_url, triggers.api_key, triggers.respect_review_settings)

    executor = Executor(journal.actions, new_switch, time.time, threading.Event())
    executor.attempt(journal.actions.action(decided.action_id))
    ended = journal.actions.action(decided.action_id)
    good = ended.outcome in _GOOD
    terminal.line(f'  {terminal.style(ended.outcome.replace("_", " "), "green" if good else "red")}: {ended.why}')
    terminal.line('  Nothing was changed. Whether the key may write gates shows when it does: Statsig has no dry run.')
    return good


def show_log(terminal: Terminal, state_dir: Path, last: int, as_json: bool, acted: bool = False) -> None:
    """What came in and what became of it, newest last. Raises JournalError, sqlite3.Error."""
    requests = read_log(state_dir, last, acted)
    if as_json:
        terminal.line(json.dumps(requests, ensure_ascii=False, indent=1))
        return
    terminal.line(_summary(requests))
    for request in requests:
        _show_request(terminal, request)


def read_log(state_dir: Path, last: int, acted: bool = False) -> list[dict[str, Any]]:
    """Oldest first; acted: only those that an action followed from.

    Raises ConfigurationError where there is no journal, JournalError, sqlite3.Error.
    """
    if not (state_dir / FILE).is_file():
        raise ConfigurationError(f'There is no journal in {state_dir}: no relay with triggers has run with it.')
    return read_requests(state_dir, last, acted)[::-1]


def _summary(requests: list[dict[str, Any]]) -> str:
    actions = [each['action'] for request in requests for each in request['decisions'] if each['action']]
    outcomes = Counter(action['outcome'] or 'under way' for action in actions)
    refused = sum(each['verdict'] == 'refused' for request in requests for each in request['decisions'])
    turned_away = sum(request['times'] for request in requests if not request['transition'] and not request['title'])
    parts = [f'{number} {outcome.replace("_", " ")}' for outcome, number in outcomes.most_common()]
    parts += [f'{refused} refused'] if refused else []
    parts += [f'{turned_away} turned away at the door'] if turned_away else []
    return f'{len(requests)} lines: {", ".join(parts) or "nothing was decided"}'


def _show_request(terminal: Terminal, request: dict[str, Any]) -> None:
    times = f' ({request["times"]} times within a minute)' if request['times'] > 1 else ''
    what = request['transition'] or request['outcome']
    monitor = f' monitor {request["monitor_id"]}' if request['monitor_id'] else ''
    cycle = f' cycle {request["cycle"]}' if request['cycle'] else ''
    test = ' [TEST]' if request['is_test'] else ''
    terminal.line()
    terminal.line(
        f'{terminal.style(_time(request["at"]), "bold")} {request["source"]}: {what}{test}{monitor}{cycle}{times}'
    )
    if request['outcome'] == 'no_rule':
        terminal.line('  no rule names this monitor')
    for decision in request['decisions']:
        reason = f' ({decision["reason"]})' if decision['reason'] else ''
        terminal.line(f'  {decision["rule"]}: {decision["verdict"]}{reason}: {decision["why"]}')
        if action := decision['action']:
            _show_action(terminal, action)


def _show_action(terminal: Terminal, action: dict[str, Any]) -> None:
    outcome = action['outcome'] or 'under way'
    gate = f'gate {action["gate"]}'
    states = f', {action["gate_before"]} → {action["gate_after"]}' if action['gate_after'] else ''
    begun = action['decided_at' if action['kind'] == 'disable' else 'begin_at']
    took = f', {max(0.0, action["ended_at"] - begun):.2f} s' if action['ended_at'] else ''
    shown = terminal.style(outcome.replace('_', ' '), _COLOURS.get(outcome, 'cyan'))
    why = f': {action["why"]}' if action['why'] else ''
    terminal.line(f'    {shown} {gate}{states}, {action["changes"]} PUTs{took}{why}')
    for step in action['steps']:
        terminal.line(f'      {_time(step["at"])} {step["what"]}')


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime('%Y-%m-%d %H:%M:%S.%f')[:-3] + 'Z'


def log_directory(config: Path | None, state_dir: Path | None, environment: Mapping[str, str]) -> Path:
    """Where the journal is. Raises ConfigurationError."""
    if state_dir is not None:
        return state_dir
    return state_dir_of(config, _Placeholders(environment)) if config else Path(DEFAULT_STATE_DIR)


def _triggers_in(configuration: RelayConfiguration, config: Path) -> TriggersConfiguration:
    if configuration.triggers is None:
        raise ConfigurationError(f'{config} has no section `triggers`.')
    return configuration.triggers


def _indented(text: str) -> str:
    return '\n'.join(f'    {line}' for line in text.splitlines())


class _Placeholders(dict[str, str]):
    """Variables of the environment; one that is not set has some value. For what needs no secret."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name) or 'a-placeholder-of-some-length'
