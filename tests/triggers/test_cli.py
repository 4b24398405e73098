"""`statsig-datadog triggers`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from statsig.relay.triggers.notification import TEMPLATE
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer
from tests.cli.conftest import Command, statsig_datadog
from tests.triggers.conftest import Start
from tests.triggers.relay_with_triggers import RULE, is_on, payload, puts, rows, rule

__all__ = ['statsig_datadog']

SECRETS = {'TOKEN': 'token-0123456789abcdef', 'KEY': DEFAULT_KEY}
Configure = Callable[..., str]


@pytest.fixture
def configure(tmp_path: Path, statsig: SandboxServer) -> Configure:
    def write(**options: Any) -> str:
        triggers = {'token': '${TOKEN}', 'api_key': '${KEY}', 'api_url': statsig.url, 'rules': [rule()], **options}
        file = tmp_path / 'relay.yaml'
        whole = {'metric_namespace': 'statsig', 'state_dir': str(tmp_path / 'state'), 'triggers': triggers}
        file.write_text(yaml.safe_dump(whole), encoding='utf-8')
        return str(file)

    return write


def test_the_template_is_json_and_nothing_else(statsig_datadog: Command) -> None:
    assert json.loads(statsig_datadog('triggers', 'template').stdout) == TEMPLATE


def test_a_rehearsal_reads_the_gate_and_changes_nothing(
    statsig_datadog: Command, configure: Configure, statsig: SandboxServer, tmp_path: Path
) -> None:
    done = statsig_datadog('triggers', 'test', '--config', configure(), '--rule', RULE, **SECRETS)
    assert done.returncode == 0, done.stderr
    assert 'would disable: the gate is on and would be turned off' in done.stdout
    assert is_on(statsig)
    assert puts(statsig) == []
    (line,) = rows(tmp_path / 'state', 'SELECT source, is_test FROM requests')
    assert line == {'source': 'test', 'is_test': 1}


def test_a_rehearsal_that_cannot_reach_its_gate_fails(statsig_datadog: Command, configure: Configure) -> None:
    config = configure(rules=[rule(gate='no_such_gate')])
    done = statsig_datadog('triggers', 'test', '--config', config, '--rule', RULE, **SECRETS)
    assert done.returncode == 1
    assert 'there is no gate of this id' in done.stdout


def test_a_rehearsal_says_what_stands_in_the_way(
    statsig_datadog: Command, configure: Configure, tmp_path: Path
) -> None:
    config = configure(max_actions_per_hour=0)
    done = statsig_datadog('triggers', 'test', '--config', config, '--rule', RULE, **SECRETS)
    assert done.returncode == 1
    assert 'would do nothing now: 0 actions in an hour, and max_actions_per_hour is 0' in done.stdout


def test_a_rule_that_is_not_there(statsig_datadog: Command, configure: Configure) -> None:
    done = statsig_datadog('triggers', 'test', '--config', configure(), '--rule', 'another', **SECRETS)
    assert done.returncode == 2
    assert done.stderr == f"error: There is no rule 'another'. There are {RULE!r}.\n"


def test_setup_needs_no_secret_and_shows_none(statsig_datadog: Command, configure: Configure) -> None:
    done = statsig_datadog('triggers', 'setup', '--config', configure(), '--address', 'https://r.example')
    assert done.returncode == 0, done.stderr
    for said in (
        *('https://r.example/webhooks/datadog', '"Bearer $STATSIG_TRIGGER_TOKEN"', '@webhook-statsig-triggers'),
        *('"cycle_key": "$ALERT_CYCLE_KEY"', 'resource "datadog_webhook" "statsig_triggers"', 'is_secret = true'),
        f"monitor 123: gate checkout_v2 is turned off by rule '{RULE}'",
    ):
        assert said in done.stdout


def test_setup_for_watching_asks_for_keys_and_for_nothing_that_listens(
    statsig_datadog: Command, configure: Configure
) -> None:
    watch = {'datadog_api_key': '${DD_KEY}', 'datadog_app_key': '${DD_APP_KEY}', 'interval': 45}
    rules = [rule(), rule(name='another', monitor_id=456, scope='env:production', dry_run=True)]
    config = configure(mode={'watch': watch}, datadog_site='us5.datadoghq.com', rules=rules)

    done = statsig_datadog('triggers', 'setup', '--config', config, DD_KEY='d' * 32)

    assert done.returncode == 0, done.stderr
    for said in (
        *('An API key', 'An application key', 'monitors_read', 'https://api.us5.datadoghq.com', 'every 45 s'),
        f"monitor 123: gate checkout_v2 is turned off by rule '{RULE}'",
        "monitor 456, what alerts tagged env:production: gate checkout_v2 is rehearsed (dry_run) by rule 'another'",
    ):
        assert said in done.stdout
    for unsaid in ('webhook', 'TOKEN', 'Payload', 'resource "', 'd' * 32):
        assert unsaid not in done.stdout


def test_the_log_tells_what_happened(
    statsig_datadog: Command, start: Start, configure: Configure, tmp_path: Path
) -> None:
    relay = start()
    relay.notify(payload())
    relay.wait_for_end()
    relay.notify(payload('Renotify'))

    done = statsig_datadog('triggers', 'log', '--config', configure())

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('2 lines: 1 disabled\n')
    for said in ('webhook: Triggered monitor 123 cycle cycle-1', 'on → off, 1 PUTs', 'read back: the gate is off'):
        assert said in done.stdout
    listed = json.loads(statsig_datadog('triggers', 'log', '--state-dir', str(relay.state_dir), '--json').stdout)
    assert [each['transition'] for each in listed] == ['Triggered', 'Renotify']
    acted = statsig_datadog('triggers', 'log', '--state-dir', str(relay.state_dir), '--json', '--acted').stdout
    assert [each['transition'] for each in json.loads(acted)] == ['Triggered']


def test_no_journal_is_said(statsig_datadog: Command, tmp_path: Path) -> None:
    done = statsig_datadog('triggers', 'log', '--state-dir', str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith(f'error: There is no journal in {tmp_path}')


@pytest.mark.parametrize(
    'address', ['nonsense', 'http://relay.example', 'https://a:b@r.example', 'https://r.example/"${x}']
)
def test_setup_takes_no_address_to_which_a_token_must_not_be_sent(
    statsig_datadog: Command, configure: Configure, address: str
) -> None:
    done = statsig_datadog('triggers', 'setup', '--config', configure(), '--address', address)
    assert (done.returncode, done.stdout) == (2, '')
    assert done.stderr.startswith('error: --address must begin with https://')
