"""The command line teaches its own use."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.cli.conftest import Command, environment


@pytest.mark.parametrize(
    'arguments',
    [['--help'], *([command, '--help'] for command in ('demo', 'check', 'poll', 'relay', 'triggers', 'sandbox'))],
)
def test_help_has_an_example_and_the_exit_codes(statsig_datadog: Command, arguments: list[str]) -> None:
    done = statsig_datadog(*arguments)
    assert done.returncode == 0
    assert re.search(r'^  (.*=.* )?statsig-datadog \w+', done.stdout, re.MULTILINE)
    assert '2  wrong usage or configuration' in done.stdout


def test_without_arguments_it_shows_its_help(statsig_datadog: Command) -> None:
    done = statsig_datadog()
    assert done.returncode == 2
    assert done.stdout == statsig_datadog('--help').stdout


def test_version(statsig_datadog: Command) -> None:
    done = statsig_datadog('--version')
    assert done.returncode == 0
    assert re.fullmatch(r'statsig-datadog \d+\.\d+\.\d+\n', done.stdout)


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['chekc'], "invalid choice: 'chekc'"),
        (['check'], 'the following arguments are required: --config'),
        (['poll'], 'the following arguments are required: --config'),
        (['relay'], 'the following arguments are required: --config'),
        (['sandbox', '--port', '99999'], "argument --port: '99999' is not a port: expected 0 to 65535"),
        (['sandbox', '--speed', '-1'], "argument --speed: '-1' is not a speed: expected a number from 0 to 100000"),
        (['demo', '--seed', 'x'], "argument --seed: invalid int value: 'x'"),
    ],
)
def test_wrong_usage_is_said_in_one_line(statsig_datadog: Command, arguments: list[str], said: str) -> None:
    done = statsig_datadog(*arguments)
    assert done.returncode == 2
    assert done.stdout == ''
    assert said in done.stderr.splitlines()[-1]


def test_a_port_in_use_is_said(statsig_datadog: Command) -> None:
    import socket

    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        done = statsig_datadog('sandbox', '--port', str(port))
    assert done.returncode == 2
    assert done.stderr == f'error: --port {port} cannot be listened on: Address already in use\n'


def _on_a_terminal(arguments: list[str], **variables: str) -> str:
    ours, theirs = os.openpty()
    command = [sys.executable, '-m', 'statsig.cli', *arguments]
    environ = environment(TERM='xterm', COLUMNS='90', **variables)
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environ) as process:
        process.wait(timeout=60)
    os.close(theirs)
    with open(ours, 'rb') as terminal:
        try:
            return terminal.read1(65536).decode()
        except OSError:  # nothing was written
            return ''


@pytest.mark.parametrize(('variables', 'coloured'), [({}, True), ({'NO_COLOR': '1'}, False)])
def test_colours_appear_on_a_terminal_unless_no_color_is_set(variables: dict[str, str], coloured: bool) -> None:
    said = _on_a_terminal(['check', '--config', '/does/not/exist'], **variables)
    assert 'cannot be read' in said
    assert ('\x1b[' in said) == coloured


def test_no_colours_go_into_a_pipe(statsig_datadog: Command) -> None:
    said = statsig_datadog('check', '--config', '/does/not/exist')
    assert said.stderr == 'error: /does/not/exist cannot be read: No such file or directory\n'


def test_the_sandbox_needs_nothing_that_only_the_check_needs() -> None:
    """`statsig-datadog sandbox` starts on a machine that has Python and no Datadog package at all."""
    program = """
import sys
class NoAgent:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in ('datadog_checks', 'requests', 'pydantic', 'yaml'):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NoAgent())
import statsig.sandbox.run
import statsig.cli
statsig.cli.main(['sandbox', '--help'])
"""
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, env=environment())
    assert (done.returncode, done.stderr) == (0, '')


def test_the_relay_says_what_to_install_where_its_packages_are_missing() -> None:
    program = """
import sys
class NoRelay:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in ('datadog', 'uvloop', 'httptools', 'msgspec', 'xxhash'):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, NoRelay())
import statsig.cli
sys.exit(statsig.cli.main(['relay', '--config', 'relay.yaml']))
"""
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, env=environment())
    assert done.returncode == 2
    assert re.fullmatch(r"error: \w+ is not installed: pip install 'datadog-statsig\[relay\]'\n", done.stderr)


def test_the_webhooks_sender_needs_nothing_but_python() -> None:
    program = """
import sys
class NoPackages:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] not in {*sys.stdlib_module_names, 'statsig'}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NoPackages())
import statsig.sandbox.webhook_sender
"""
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, env=environment())
    assert (done.returncode, done.stderr) == (0, '')
