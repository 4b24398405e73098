"""`statsig-datadog check`: what one run would send, before an Agent sends it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import SandboxServer
from tests.cli.conftest import Command

Conf = Callable[..., str]


def test_it_shows_gauges_and_events_as_one_run_would_send_them(
    statsig_datadog: Command, conf: Conf, project: SandboxProject
) -> None:
    project.set_gate_enabled('checkout_v2', False, author='Jane Doe')
    past_day, _ = project.exposures('gate', 'checkout_v2')
    done = statsig_datadog('check', '--config', conf())
    assert (done.returncode, done.stderr) == (0, '')
    summary, note = done.stdout.splitlines()[:2]
    assert ' 1 event, ' in summary
    assert 'Nothing was sent, no cursor written' in note
    assert 'looks back 60 minutes' in note
    assert '▲ Gate checkout_v2 disabled by Jane Doe' in done.stdout
    assert '• enabled → disabled' in done.stdout
    assert 'statsig.check_gate.count' in done.stdout
    shown = next(line for line in done.stdout.splitlines() if 'name:checkout_v2 ' in line)
    assert abs(int(shown.split()[-1].replace(',', '')) - past_day) <= past_day / 1000


def test_it_counts_change_events_and_logs_where_they_are_asked_for(
    statsig_datadog: Command, conf: Conf, project: SandboxProject
) -> None:
    project.add_audit_entry('gate_update', 'checkout_v2')
    project.add_audit_entry('user_login', '')

    done = statsig_datadog('check', '--config', conf(send_change_events=True, send_logs=True))

    assert (done.returncode, done.stderr) == (0, '')
    assert ' 2 events, 1 change event, 2 logs, ' in done.stdout.splitlines()[0]


def test_it_looks_back_as_far_as_the_configuration_says(
    statsig_datadog: Command, conf: Conf, project: SandboxProject
) -> None:
    project.add_audit_entry(timestamp=time.time() - 90 * 60)
    assert ' 0 events, ' in statsig_datadog('check', '--config', conf()).stdout
    done = statsig_datadog('check', '--config', conf(audit_log_lookback=120))
    assert ' 1 event, ' in done.stdout
    assert 'looks back 120 minutes' in done.stdout


def test_running_it_again_shows_the_same_because_no_cursor_is_written(
    statsig_datadog: Command, conf: Conf, project: SandboxProject, tmp_path: Path
) -> None:
    project.add_audit_entry()
    config = conf()
    before = sorted(tmp_path.rglob('*'))
    outputs = [statsig_datadog('check', '--config', config, TMPDIR=str(tmp_path)).stdout for _ in range(2)]
    assert [' 1 event, ' in output for output in outputs] == [True, True]
    assert sorted(tmp_path.rglob('*')) == before


def test_json_has_an_object_for_each_instance(statsig_datadog: Command, conf: Conf, project: SandboxProject) -> None:
    project.add_audit_entry(name='dark_mode')
    done = statsig_datadog('check', '--json', '--config', conf({'name': 'one'}, {'name': 'two'}))
    assert done.returncode == 0
    answers = json.loads(done.stdout)
    assert [(answer['instance'], answer['ok'], answer['error']) for answer in answers] == [(1, True, ''), (2, True, '')]
    kinds = {submission['kind'] for answer in answers for submission in answer['submissions']}
    assert {'Metric', 'Event'} <= kinds


def test_an_unknown_option_is_a_warning_with_the_nearest_name(statsig_datadog: Command, conf: Conf) -> None:
    done = statsig_datadog('check', '--config', conf(colect_inventory=False))
    assert done.returncode == 0
    warning = 'warning: Unknown option `colect_inventory` is ignored: did you mean `collect_inventory`?'
    assert done.stdout.count(warning) == 1


def test_few_requests_a_run_leave_exposures_for_later_and_it_says_so(statsig_datadog: Command, conf: Conf) -> None:
    done = statsig_datadog('check', '--config', conf(max_requests_per_minute=3))
    assert 'No exposure counts yet: the requests of this run went to the listings.' in done.stdout


@pytest.mark.parametrize(
    ('options', 'named'),
    [
        ({'api_key': None}, 'Option `api_key` is missing.'),
        ({'api_key': ''}, 'Option `api_key` is empty.'),
        ({'api_url': 'statsigapi.net'}, 'Option `api_url` must be'),
        ({'min_collection_interval': -60}, 'Option `min_collection_interval` must be'),
    ],
)
def test_a_bad_configuration_is_one_line_that_names_the_option(
    statsig_datadog: Command, conf: Conf, options: dict[str, object], named: str
) -> None:
    done = statsig_datadog('check', '--config', conf(**options))
    assert done.returncode == 2
    assert done.stdout == ''
    assert done.stderr.startswith(f'error: {named}')
    assert done.stderr.count('\n') == 1


def test_a_bad_instance_is_named_among_several(statsig_datadog: Command, conf: Conf) -> None:
    done = statsig_datadog('check', '--config', conf({}, {'api_url': 'statsigapi.net'}))
    assert done.returncode == 2
    assert done.stderr.endswith(' (instance 2)\n')


def test_a_secret_handle_needs_the_environment(statsig_datadog: Command, conf: Conf) -> None:
    config = conf(api_key='ENC[statsig_key]')
    without = statsig_datadog('check', '--config', config)
    assert without.returncode == 2
    assert without.stderr == (
        'error: Option `api_key` is an `ENC[...]` handle, which only an Agent can resolve. Give the key '
        'in the environment instead: STATSIG_CONSOLE_API_KEY=console-... statsig-datadog check ...\n'
    )
    given = statsig_datadog('check', '--config', config, STATSIG_CONSOLE_API_KEY='console-sandbox')
    assert given.returncode == 0


SECRET = 'console-Zx81Q7mTn4'


def test_a_refused_key_fails_and_is_never_printed(statsig_datadog: Command, conf: Conf) -> None:
    for done in (
        statsig_datadog('check', '--config', conf(api_key=SECRET)),
        statsig_datadog('check', '--json', '--config', conf(), STATSIG_CONSOLE_API_KEY=SECRET),
    ):
        assert done.returncode == 1
        assert 'Statsig refused the API key' in done.stdout
        assert SECRET not in done.stdout + done.stderr


def test_an_api_that_is_down_fails(statsig_datadog: Command, conf: Conf, server: SandboxServer) -> None:
    server.knobs.down = True
    done = statsig_datadog('check', '--config', conf())
    assert done.returncode == 1
    assert f'GET /console/v1/project at {server.address} failed' in done.stdout
    assert 'check_gate.count' not in done.stdout


def test_when_a_part_of_it_fails_the_exit_code_says_so(
    statsig_datadog: Command, conf: Conf, server: SandboxServer
) -> None:
    server.knobs.status_for['/console/v1/exposure_count'] = 403

    done = statsig_datadog('check', '--config', conf())

    assert done.returncode == 1
    assert '✖' in done.stdout
    assert 'lacks a permission' in done.stdout


def test_an_address_where_no_console_api_is_fails(statsig_datadog: Command, conf: Conf, server: SandboxServer) -> None:
    server.knobs.status_for['/console/v1/'] = 404

    done = statsig_datadog('check', '--config', conf(project='sandbox'))

    assert done.returncode == 1
    assert 'Check that `api_url` is the address of the Statsig Console API' in done.stdout
