"""The relay on a host, installed by the commands of docs/relay.md, and the units that run it there."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from statsig.relay import run as relay_run
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.webhook_sender import WebhookEvents, WebhookSender
from tests.packaging.documentation import RELAY, commands
from tests.packaging.relay_machine import (
    PROGRAM,
    PROJECT,
    Machine,
    command_of,
    directives,
    lay_out,
    relay_with,
    sums,
)
from tests.packaging.test_reproducible import checkout

UNITS = sorted((PROJECT / 'deploy/relay/systemd').glob('*.service'))
RELAY_UNIT = PROJECT / 'deploy/relay/systemd/statsig-relay.service'
SECRET = 'webhook-secret'


@pytest.fixture(scope='module')
def host(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """After the commands of the page, typed in a clone of the repository."""
    directory = tmp_path_factory.mktemp('host')
    machine, clone = lay_out(directory / 'machine'), checkout(directory / 'clone')
    (clone / 'relay.yaml').write_text(example_configuration())
    machine.shell(commands('install the relay', RELAY), cwd=clone)
    machine.shell(commands('install the unit', RELAY), cwd=clone, STATSIG_WEBHOOK_SECRET=SECRET)
    return machine


@pytest.fixture
def short_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a Unix socket has room for 107 bytes."""
    return tmp_path_factory.mktemp('run')


def example_configuration() -> str:
    (example,) = re.findall(r'<!-- example -->\n```yaml\n(.*?)```', RELAY.read_text(encoding='utf-8'), re.DOTALL)
    return str(example)


def with_program_that_exists(unit: Path, directory: Path) -> Path:
    copy = directory / unit.name
    copy.write_text(unit.read_text().replace(f'/{PROGRAM}', '/bin/true'))
    return copy


def systemd_analyze(*arguments: str | Path) -> str:
    """What it said. Fails the test when it found something."""
    if not shutil.which('systemd-analyze'):
        pytest.skip('systemd-analyze is not installed (Debian: systemd)')
    done = subprocess.run(['systemd-analyze', *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize('unit', UNITS, ids=lambda unit: unit.stem)
def test_systemd_understands_every_line_of_the_units(unit: Path, tmp_path: Path) -> None:
    copy = with_program_that_exists(unit, tmp_path)

    # Directives that it does not know are said and forgiven.
    assert systemd_analyze('verify', '--man=no', '--recursive-errors=no', copy) == ''


@pytest.mark.parametrize('unit', UNITS, ids=lambda unit: unit.stem)
def test_the_units_give_away_little(unit: Path, tmp_path: Path) -> None:
    copy = with_program_that_exists(unit, tmp_path)

    # An exposure of at most 2.0 of 10, as systemd reckons it.
    systemd_analyze('security', '--offline=true', '--no-pager', '--threshold=20', copy)
    assert directives(unit)['User'] == 'statsig-datadog'
    assert 'SECRET=' not in ''.join(line for line in unit.read_text().splitlines() if not line.startswith('#'))


@pytest.mark.parametrize('unit', UNITS, ids=lambda unit: unit.stem)
def test_they_leave_the_time_that_a_stop_takes_and_try_no_wrong_configuration_again(unit: Path) -> None:
    assert int(directives(unit)['TimeoutStopSec']) > relay_run._STOP_GRACE
    assert (directives(unit)['Restart'], directives(unit)['RestartPreventExitStatus']) == ('always', '2')
    assert directives(unit)['StateDirectory'] == 'statsig-datadog', 'that is the default of state_dir'


def test_the_page_installs_a_relay_that_runs_as_its_unit_says(host: Machine, short_path: Path) -> None:
    unit = host.root / 'etc/systemd/system' / RELAY_UNIT.name
    program, *arguments = command_of(unit)
    environment_file = Path(f'{host.root}{directives(unit)["EnvironmentFile"]}')
    variables = dict(line.split('=', 1) for line in environment_file.read_text().splitlines())
    happenings = WebhookEvents(SandboxProject(seed=2)).take(200)

    assert (host.root / 'systemctl').read_text() == 'daemon-reload\nenable --now statsig-relay\n'
    assert program == f'/{PROGRAM}'
    assert arguments[:2] == ['relay', '--config']
    assert stat.S_IMODE(environment_file.stat().st_mode) == 0o600
    configuration = yaml.safe_load(Path(f'{host.root}{arguments[2]}').read_text())
    with relay_with(configuration, variables['STATSIG_WEBHOOK_SECRET'], host.program, short_path) as (relay, agent):
        with WebhookSender(relay.webhook, SECRET) as statsig:
            assert statsig.deliver(happenings) == 200
        assert relay.stop() == 0
        agent.stop()
        assert sum(sums(agent, 'statsig').values()) == 200


@pytest.mark.skipif(not shutil.which('curl'), reason='curl is not installed')
def test_the_signed_delivery_of_the_page_is_counted(host: Machine, short_path: Path, tmp_path: Path) -> None:
    with relay_with(yaml.safe_load(example_configuration()), SECRET, host.program, short_path) as (relay, agent):
        script = commands('a signed delivery', RELAY).replace('127.0.0.1:8700', f'127.0.0.1:{relay.port}')
        answer = host.shell(script, cwd=tmp_path, STATSIG_WEBHOOK_SECRET=SECRET)
        assert relay.stop() == 0
        agent.stop()

    assert answer.startswith('HTTP/1.1 200 ')
    tags = 'environment:production,name:checkout,value:true'
    assert agent.counts()['statsig.check_gate.count', tags] == 1
