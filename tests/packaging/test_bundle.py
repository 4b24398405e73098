from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest

PROJECT = Path(__file__).parents[2]
# Runs outside of Agents: not in the bundle.
NOT_IN_AGENTS = {'webhook', 'relay', 'poll'}


@pytest.fixture
def contents(our_bundle: Path) -> set[str]:
    with ZipFile(our_bundle) as bundle:
        return {name for name in bundle.namelist() if not name.endswith('/')}


def test_it_carries_what_the_agent_runs_the_example_and_the_license(contents: set[str]) -> None:
    modules = {
        f'checks.d/{path.relative_to(PROJECT)}'
        for folder in ('statsig', 'datadog_checks')
        for path in (PROJECT / folder).rglob('*.py')
        if path.relative_to(PROJECT).parts[1] not in NOT_IN_AGENTS
    }

    assert contents == modules | {
        'checks.d/datadog_checks/statsig/LICENSE',
        'conf.d/statsig.d/conf.yaml.example',
    }


def test_it_leaves_alone_what_belongs_to_base_and_to_the_sdk(contents: set[str]) -> None:
    # An __init__.py would hide the Agent's own `datadog_checks`, or Statsig's SDK.
    beside_the_packages = {path for path in contents if path.count('/') == 2 and path.startswith('checks.d/')}

    assert beside_the_packages == {'checks.d/statsig/cli.py'}


def test_it_configures_nothing_by_itself(contents: set[str]) -> None:
    # The Agent reads *.yaml, *.yml and *.default in conf.d.
    assert {path for path in contents if path.startswith('conf.d/')} == {'conf.d/statsig.d/conf.yaml.example'}


def test_the_agent_can_read_it_whatever_the_umask_of_who_unpacks_it(our_bundle: Path, tmp_path: Path) -> None:
    for directory in ('checks.d', 'conf.d'):
        (tmp_path / directory).mkdir(mode=0o750)

    subprocess.run(['unzip', '-q', our_bundle, '-d', tmp_path], check=True, umask=0o077)

    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob('*')}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o644}
    assert {mode for path, mode in modes.items() if path.is_dir() and path.parent != tmp_path} == {0o755}
    assert [modes[tmp_path / 'checks.d'], modes[tmp_path / 'conf.d']] == [0o750, 0o750], 'those are not ours'
    assert os.access(tmp_path / 'checks.d/statsig/cli.py', os.R_OK)
