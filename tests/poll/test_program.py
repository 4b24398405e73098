"""How it starts, stops, and keeps a second one out."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from statsig.cli import main
from statsig.sandbox.knobs import Fault
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import SandboxServer
from tests.cli.conftest import Command, environment
from tests.poll.conftest import Conf, StartPoll, entry_ids, ids, wait_for_run
from tests.relay.dogstatsd_receiver import DogStatsdReceiver, wait_until

AUDIT_LOGS = '/console/v1/audit_logs'
KEY = 'console-0123456789abcdefghij'


def test_a_restart_repeats_nothing_whatever_else_is_edited(
    conf: Conf, start_poll: StartPoll, unix_receiver: DogStatsdReceiver, project: SandboxProject, state: Path
) -> None:
    for options in ({}, {'tags': ['env:prod']}, {'collect_inventory': False}):
        project.add_audit_entry()
        assert start_poll(conf(**options), unix_receiver, '--once').wait() == 0
    unix_receiver.stop()

    assert ids(unix_receiver) == entry_ids(project)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in [state, *state.iterdir()]}
    assert len(modes) == 4
    assert {mode for name, mode in modes.items() if name != 'state'} == {'0o600'}
    assert modes['state'] == '0o700'


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_it_stops_while_statsig_does_not_answer_and_forgets_nothing(
    conf: Conf,
    start_poll: StartPoll,
    unix_receiver: DogStatsdReceiver,
    project: SandboxProject,
    server: SandboxServer,
    number: signal.Signals,
) -> None:
    config = conf(min_collection_interval=1)
    project.add_audit_entry()
    poll = start_poll(conf(timeout=600, min_collection_interval=1000), unix_receiver)
    wait_until(lambda: len(ids(unix_receiver)) == 1)
    assert poll.stop(number) == 0

    server.knobs.status_for[AUDIT_LOGS] = Fault('timeout', seconds=50)
    hanging = start_poll(conf(timeout=600, min_collection_interval=1000), unix_receiver)
    before = len(server.requests)
    wait_until(lambda: any(each.path == AUDIT_LOGS for each in list(server.requests)[before:]))
    assert hanging.stop(number) == 0
    assert 'A request to Statsig did not end within 5 s' in hanging.log

    server.knobs.status_for.clear()
    assert start_poll(config, unix_receiver, '--once').wait() == 0
    unix_receiver.stop()
    assert ids(unix_receiver) == entry_ids(project)


@pytest.mark.parametrize('options', [{}, {'project': 'sandbox'}], ids=['project asked for', 'project given'])
def test_a_second_process_on_the_same_audit_log_refuses_to_start(
    conf: Conf, start_poll: StartPoll, unix_receiver: DogStatsdReceiver, state: Path, options: dict[str, str]
) -> None:
    config = conf(min_collection_interval=1, **options)
    first = start_poll(config, unix_receiver)
    wait_until(lambda: any(state.glob('*.lock')) and bool(unix_receiver.gauges()))

    second = start_poll(config, unix_receiver)
    assert second.wait() == 1
    (lock,) = state.glob('*.lock')
    assert f'{lock} is locked by process {first.process.pid}, which reads the same audit log.' in second.log
    assert first.process.poll() is None

    # However the first one ends, the next may begin; one with a name of its own need not wait.
    named = start_poll(conf(name='other', **options), unix_receiver, '--once')
    assert named.wait() == 0, named.log
    first.process.kill()
    first.wait()
    assert start_poll(config, unix_receiver, '--once').wait() == 0


def test_two_instances_that_would_share_one_position_are_refused(
    conf: Conf, start_poll: StartPoll, unix_receiver: DogStatsdReceiver
) -> None:
    poll = start_poll(conf({}, {'collect_inventory': False}), unix_receiver)
    assert poll.wait() == 1
    assert 'Another instance of this configuration reads the same audit log' in poll.log
    assert 'Give each instance its own `name`' in poll.log


def test_instances_run_side_by_side_each_at_its_own_interval(
    conf: Conf, start_poll: StartPoll, unix_receiver: DogStatsdReceiver, project: SandboxProject, server: SandboxServer
) -> None:
    slow, quick = (
        {'name': 'slow', 'tags': ['of:slow']},
        {'name': 'quick', 'min_collection_interval': 1, 'tags': ['of:quick']},
    )
    config = conf(slow, quick, max_requests_per_minute=1000)
    project.add_audit_entry()
    poll = start_poll(config, unix_receiver)
    wait_until(lambda: len(ids(unix_receiver)) == 2)
    project.add_audit_entry()
    wait_until(lambda: len(ids(unix_receiver)) == 3)
    wait_for_run(server)
    assert poll.stop() == 0
    unix_receiver.stop()

    senders = [next(tag for tag in event.tags if tag.startswith('of:')) for event in unix_receiver.received_events()]
    assert sorted(senders) == ['of:quick', 'of:quick', 'of:slow']


def test_it_tells_of_trouble_once_a_run_and_goes_on(
    conf: Conf, start_poll: StartPoll, unix_receiver: DogStatsdReceiver, server: SandboxServer
) -> None:
    server.knobs.status_for[AUDIT_LOGS] = 403
    poll = start_poll(conf(min_collection_interval=1, send_logs=True, colect_inventory=True), unix_receiver)
    wait_until(lambda: poll.log.count('The API key lacks a permission') == 2)
    assert poll.stop() == 0
    assert poll.log.count('`send_logs` is on, but logs cannot go over DogStatsD') == 1
    assert poll.log.count('did you mean `collect_inventory`?') == 1
    assert unix_receiver.gauges()['statsig.api.can_connect', 'statsig_project:sandbox'] == 1


# The first time that DogStatsD's address is looked up, memory has run out: that is outside of what a run catches.
OUT_OF_MEMORY = """
import socket, sys
from statsig.cli import main

def look_up(host, port, *others, failures=[MemoryError()], real=socket.getaddrinfo, **named):
    if port == 1 and failures:
        raise failures.pop()
    return real(host, port, *others, **named)

socket.getaddrinfo = look_up
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize('names', [['only'], ['one', 'other']], ids=['alone', 'one of two'])
def test_an_instance_that_cannot_go_on_ends_all_with_exit_code_1(conf: Conf, state: Path, names: list[str]) -> None:
    config = conf(*({'name': name} for name in names), min_collection_interval=1)
    arguments = ['poll', '--config', config, '--dogstatsd', 'udp://127.0.0.1:1', '--state-dir', str(state)]
    done = subprocess.run(
        [sys.executable, '-c', OUT_OF_MEMORY, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(),
    )
    assert done.returncode == 1
    assert done.stderr.count('Polling ended for a reason that is not known, so all instances are stopped') == 1
    assert 'MemoryError' in done.stderr


def test_once_fails_when_statsig_refuses_the_key_which_is_in_no_line(
    conf: Conf, start_poll: StartPoll, unix_receiver: DogStatsdReceiver, state: Path
) -> None:
    poll = start_poll(conf(api_key=KEY), unix_receiver, '--once')
    assert poll.wait() == 1
    assert 'Statsig refused the API key' in poll.log
    assert KEY not in poll.log
    unix_receiver.stop()
    assert unix_receiver.gauges()['statsig.api.can_connect', ''] == 0
    assert not any(KEY in path.read_text() for path in state.iterdir())


def test_a_key_that_a_library_would_log_is_not_seen(capsys: pytest.CaptureFixture[str]) -> None:
    import logging

    from statsig.commands.logs import start_logging

    root = logging.getLogger()
    before = root.handlers[:], root.level
    start_logging('poll', [KEY])
    try:
        logging.getLogger('urllib3').warning('GET %s', f'https://example.com/?key={KEY}')
        try:
            raise ValueError(KEY)
        except ValueError:
            logging.getLogger('statsig').exception('It failed')
    finally:
        root.handlers[:], level = before
        root.setLevel(level)
    told = capsys.readouterr().err
    assert KEY not in told
    assert 'GET https://example.com/?key=***' in told
    assert 'ValueError: ***' in told


def test_the_http_options_of_the_instance_are_used(
    conf: Conf, start_poll: StartPoll, unix_receiver: DogStatsdReceiver, server: SandboxServer
) -> None:
    options = {'headers': {'X-Ours': 'yes'}, 'proxy': {'http': 'http://127.0.0.1:9', 'no_proxy': ['127.0.0.1']}}
    assert start_poll(conf(**options), unix_receiver, '--once').wait() == 0
    assert {request.headers.get('X-Ours') for request in server.requests} == {'yes'}

    through = {'proxy': {'http': 'http://127.0.0.1:9'}}
    poll = start_poll(conf(**through), unix_receiver, '--once')
    assert poll.wait() == 1
    assert 'GET /console/v1/project' in poll.log


WRONG: list[tuple[dict[str, object], str]] = [
    ({'api_key': None}, 'Option `api_key` is missing.'),
    ({'api_key': 'ENC[key]'}, 'an `ENC[...]` handle, which only an Agent can resolve. Give the key in the environment'),
    ({'min_collection_interval': 0}, 'Option `min_collection_interval` must be a number of seconds from 1 to 86400'),
    ({'tags': 'team:growth'}, 'Option `tags` must be a list of texts, got "team:growth". Write ["team:growth"].'),
    (
        {'persist_connections': 'perhaps'},
        'Option `persist_connections` must be true or false, got text.',
    ),
    ({'proxy': {'no_proxy': 5}}, 'Option `proxy.no_proxy` must be a list, got a number.'),
]


@pytest.mark.parametrize(('options', 'said'), WRONG, ids=[str(*options) for options, _ in WRONG])
def test_a_wrong_configuration_is_one_line_and_exit_code_2(
    conf: Conf, state: Path, options: dict[str, object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['poll', '--config', conf(**options), '--state-dir', str(state)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith('error: ')
    assert said in line
    assert 'console-sandbox' not in line
    assert not state.exists()


@pytest.mark.parametrize(
    ('written', 'said'),
    [
        ('instances:\n- tags: [2026-13-01]', 'is not valid YAML, line 2: a value cannot be read as timestamp'),
        ('instances:\n- api_key: !!int hunter2', 'is not valid YAML, line 2: a value cannot be read as int'),
        (f'instances:\n- timeout: {"9" * 5_000}', 'is not valid YAML, line 2: a value cannot be read as int'),
        ('[' * 100_000, 'is not valid YAML'),
    ],
    ids=['month', 'text', 'digits', 'depth'],
)
def test_what_is_no_configuration_file_is_one_line_and_exit_code_2(
    tmp_path: Path, state: Path, written: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / 'conf.yaml'
    config.write_text(written, encoding='utf-8')
    assert main(['poll', '--config', str(config), '--state-dir', str(state)]) == 2
    assert capsys.readouterr().err == f'error: {config} {said}\n'


@pytest.mark.parametrize(
    ('arguments', 'variables', 'said'),
    [
        (['--dogstatsd', 'localhost:8125'], {}, '--dogstatsd must be a datagram socket or a host and a port'),
        ([], {'DD_DOGSTATSD_URL': 'unixstream:///x'}, 'DD_DOGSTATSD_URL must be a datagram socket or a host and a'),
        ([], {'DD_DOGSTATSD_PORT': 'many'}, 'DD_AGENT_HOST and DD_DOGSTATSD_PORT must be a datagram socket'),
        (['--state-dir', '/dev/null/x'], {}, '--state-dir cannot be used: no files can be made in /dev/null/x: Not a'),
    ],
)
def test_wrong_arguments_are_one_line_and_exit_code_2(
    conf: Conf,
    state: Path,
    arguments: list[str],
    variables: dict[str, str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert main(['poll', '--config', conf(), '--state-dir', str(state), *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_switched_off_client_is_no_way_to_send(statsig_datadog: Command, conf: Conf, state: Path) -> None:
    done = statsig_datadog('poll', '--config', conf(), '--state-dir', str(state), DD_DOGSTATSD_DISABLE='true')
    assert done.returncode == 2
    assert 'DogStatsD cannot be used: the environment variable DD_DOGSTATSD_DISABLE is set' in done.stderr


@pytest.mark.parametrize('variable', ['DD_DOGSTATSD_URL', 'DD_AGENT_HOST and DD_DOGSTATSD_PORT'])
def test_the_environment_says_where_dogstatsd_is(
    statsig_datadog: Command, conf: Conf, state: Path, variable: str, project: SandboxProject
) -> None:
    project.add_audit_entry()
    receiver = DogStatsdReceiver().start()
    port = re.sub(r'\D', '', receiver.url.rpartition(':')[2])
    variables = {
        'DD_DOGSTATSD_URL': {'DD_DOGSTATSD_URL': receiver.url, 'DD_AGENT_HOST': 'no-such-host.invalid'},
        'DD_AGENT_HOST and DD_DOGSTATSD_PORT': {'DD_AGENT_HOST': '127.0.0.1', 'DD_DOGSTATSD_PORT': port},
    }[variable]
    done = statsig_datadog('poll', '--once', '--config', conf(), '--state-dir', str(state), **variables)
    receiver.stop()
    assert done.returncode == 0, done.stderr
    assert ids(receiver) == entry_ids(project)


@pytest.mark.parametrize('url', ['udp://127.0.0.1', 'udp://127.0.0.1/', 'udp://127.0.0.1:8125'])
def test_the_port_of_dogstatsd_may_be_left_out_in_the_environment(
    statsig_datadog: Command, conf: Conf, state: Path, url: str
) -> None:
    arguments = ['poll', '--once', '--config', conf(), '--state-dir', str(state)]
    assert 'Sending to udp://127.0.0.1:8125; ' in statsig_datadog(*arguments, DD_DOGSTATSD_URL=url).stderr


def test_the_key_of_the_environment_stands_for_one_key_only(
    conf: Conf, state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv('STATSIG_CONSOLE_API_KEY', 'console-sandbox')
    two = conf({'api_key': 'ENC[one]'}, {'api_key': 'ENC[two]'})
    assert main(['poll', '--config', two, '--state-dir', str(state)]) == 2
    assert 'STATSIG_CONSOLE_API_KEY is set, but the instances have different keys' in capsys.readouterr().err
