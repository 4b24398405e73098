"""`statsig-datadog demo` shows what one gets, and fails when it would not be so."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from statsig.commands.demo import Delivery, DemoFailedError, demo, show_relay_where_installed
from statsig.commands.terminal import Terminal
from statsig.sandbox.project import SandboxProject
from tests.cli.conftest import Command, environment


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
    agents = re.findall(r'Agent started.*\(process (\d+)\)', done.stdout)
    assert len(set(agents)) == 2, 'the restart is a real one'
    check_what_it_shows_of_the_relay(done.stdout, *agents)
    assert max(map(len, done.stdout.splitlines())) <= 120
    assert 'console-' not in done.stdout


def check_what_it_shows_of_the_relay(shown: str, *other_processes: str) -> None:
    (relay,) = re.findall(r'relay started \(process (\d+)\)', shown)
    assert relay not in other_processes
    series = re.findall(r'^  (\w+)\.count +environment:\w+ .*name:\S+ .* ([\d,]+) +([\d,]+)$', shown, re.MULTILINE)
    assert [metric for metric, _, _ in series] == [
        *('check_gate', 'get_config', 'get_experiment', 'get_holdout', 'get_layer', 'log_event')
    ]
    assert [sent for _, sent, _ in series] == [counted for _, _, counted in series]
    assert re.search(
        r'✔ 10,000 events sent in \d+ deliveries, 10,000 counted: all \d+ series equal$', shown, re.MULTILINE
    )
    assert 'made again was answered 200 and not counted again; a forged one was answered 401' in shown
    assert '✔ stopped: the last counts were sent, exit code 0' in shown


def relay_program(directory: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Put a program of our own in the place of `statsig-datadog`, for the process that is to be the relay."""
    (directory / 'statsig').mkdir()
    (directory / 'statsig' / 'cli.py').write_text(textwrap.dedent(body), encoding='utf-8')
    monkeypatch.chdir(directory)


def test_the_demo_fails_with_all_that_is_wrong_with_the_relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    relay_program(
        tmp_path,
        monkeypatch,
        """
        import http.server, socket, sys, yaml

        class SaysYes(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            def do_POST(self):
                self.rfile.read(int(self.headers['Content-Length']))
                self.send_response(200)
                self.send_header('Content-Length', '2')
                self.end_headers()
                self.wfile.write(b'{}')
            def log_message(self, *_):
                pass

        path = yaml.safe_load(open(sys.argv[3]))['dogstatsd_url'].removeprefix('unix://')
        agent = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        agent.sendto(b'statsig.events.check_gate.count:7|c|#name:made_up', path)
        agent.sendto(b'a | b', path)
        server = http.server.HTTPServer(('127.0.0.1', 0), SaysYes)
        print(f'Listening on http://127.0.0.1:{server.server_port}', flush=True)
        server.serve_forever()
        """,
    )
    shown = io.StringIO()
    reasons = show_relay_where_installed(Terminal(shown), SandboxProject(seed=1), seed=1)
    assert [re.split(': ', reason)[0] for reason in reasons] == [
        "the relay did not answer Statsig's question for its address",
        'what the relay counted is not what was sent',
        'a forged delivery was answered 200',
        'the relay ended with exit code -15',
        'an Agent would not take',
    ]
    assert '✖ 10,000 events sent in ' in shown.getvalue()
    assert re.search(r' 7 counted: (\d+) of \1 series differ$', shown.getvalue(), re.MULTILINE)


def test_the_demo_fails_when_the_relay_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    relay_program(tmp_path, monkeypatch, "raise SystemExit('error: Option `listen` cannot be used')")
    reasons = show_relay_where_installed(Terminal(io.StringIO()), SandboxProject(seed=1), seed=1)
    assert reasons == ['the relay failed: Option `listen` cannot be used']


@pytest.mark.parametrize('missing', ['statsig.relay', 'httptools'])
def test_where_the_relay_is_not_installed_the_demo_says_so_and_goes_on(missing: str) -> None:
    program = f"""
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == '{missing}':
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Missing())
from statsig.commands.demo import show_relay_where_installed
from statsig.commands.terminal import Terminal
from statsig.sandbox.project import SandboxProject
sys.exit(len(show_relay_where_installed(Terminal(), SandboxProject(seed=1), seed=1)))
"""
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, env=environment())
    assert (done.returncode, done.stderr) == (0, '')
    said = f"The relay  not shown: {missing} is not here; pip install 'datadog-statsig[relay]'"
    assert done.stdout.splitlines() == ['', said]


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
        'the audit entry of the change did not come back through the check',
    ]


def test_what_was_delivered_is_compared_with_what_is_in_the_audit_log() -> None:
    delivery = Delivery(
        before=('a', 'b', 'b'), after=('a', 'x'), due=frozenset({'a', 'b', 'c'}), known=frozenset({'a', 'b', 'c', 'z'})
    )
    assert (delivery.repeated, delivery.lost, delivery.unknown) == (['a', 'b'], ['c'], ['x'])
