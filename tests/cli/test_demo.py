"""`statsig-datadog demo` shows what one gets, and fails when it would not be so."""

from __future__ import annotations

import io
import re
import textwrap
from pathlib import Path

import pytest

from statsig.commands.demo import Delivery, DemoFailedError, demo
from statsig.commands.terminal import Terminal
from tests.cli.conftest import Command


def test_the_demo_shows_gauges_and_events_and_that_a_restart_repeats_nothing(statsig_datadog: Command) -> None:
    done = statsig_datadog('demo')
    assert (done.returncode, done.stderr) == (0, ''), done.stdout
    assert 'statsig.check_gate.count' in done.stdout
    assert len(re.findall(r'^  \d\d:\d\d:\d\d  [●▲✔✖] ', done.stdout, re.MULTILINE)) >= 3
    before, after, twice = re.findall(
        r'✔ (\d+) changes? delivered before it, (\d+) after it: (\d+) twice', done.stdout
    )[0]
    assert int(before) > 0
    assert int(after) > 0
    assert int(twice) == 0
    assert re.search(r'audit log has \d+ of that time: 0 lost, 0 made up', done.stdout)
    processes = re.findall(r'\(process (\d+)\)', done.stdout)
    assert len(set(processes)) == 2, 'the restart is a real one'
    assert max(map(len, done.stdout.splitlines())) <= 120
    assert 'console-' not in done.stdout


def _check_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Put a check of our own in the place of the real one, for the demo's Agent processes."""
    package = tmp_path / 'datadog_checks' / 'statsig'
    package.mkdir(parents=True)
    source = f"""
        import requests
        from datadog_checks.base import AgentCheck

        class OtherCheck(AgentCheck):
            def check(self, instance):
                url = instance['api_url'] + '/console/v1/audit_logs?limit=1000'
                headers = {{'STATSIG-API-KEY': instance['api_key']}}
                entries = requests.get(url, headers=headers, timeout=5).json()['data']
                {body}

            def send(self, entry_id):
                self.event({{'msg_title': 'a', 'msg_text': 'b', 'aggregation_key': entry_id}})
    """
    (package / '__init__.py').write_text(textwrap.dedent(source), encoding='utf-8')
    monkeypatch.chdir(tmp_path)


def test_the_demo_fails_when_the_check_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _check_that(tmp_path, monkeypatch, "raise ValueError('boom')")
    with pytest.raises(DemoFailedError, match='a run of the check ended with an error: boom'):
        demo(Terminal(io.StringIO()), interval=0.3)


def test_the_demo_fails_with_all_reasons_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forgetful = "[self.send(entry['id']) for entry in entries[:3]]; self.send('made up'); self.send('x' * 101)"
    _check_that(tmp_path, monkeypatch, forgetful)
    with pytest.raises(DemoFailedError) as failure:
        demo(Terminal(io.StringIO()), interval=0.3)
    reasons = str(failure.value).split('; ')
    assert [re.split(': ', reason)[0] for reason in reasons] == [
        'metrics that never came',
        'delivered more than once',
        'in the audit log and never delivered',
        'delivered and not in the audit log',
        'Datadog would refuse',
    ]


def test_what_was_delivered_is_compared_with_what_is_in_the_audit_log() -> None:
    delivery = Delivery(
        before=('a', 'b', 'b'), after=('a', 'x'), due=frozenset({'a', 'b', 'c'}), known=frozenset({'a', 'b', 'c', 'z'})
    )
    assert (delivery.repeated, delivery.lost, delivery.unknown) == (['a', 'b'], ['c'], ['x'])
