"""The same sources make the same bytes, wherever, whenever and by whomever they are packed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.packaging.commands import package, run
from tests.packaging.documentation import commands

PROJECT = Path(__file__).parents[2]
PACKED = ('statsig', 'datadog_checks', 'deploy', 'setup.py', 'README.md', 'LICENSE')
A_YEAR = 31_536_000


def checkout(directory: Path, mode: int = 0o644) -> Path:
    """A copy of what is packed, without anything that Git does not have."""
    directory.mkdir()
    for name in PACKED:
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, directory / name, ignore=shutil.ignore_patterns('__pycache__'))
        else:
            shutil.copy(PROJECT / name, directory)
    for path in directory.rglob('*'):
        if path.is_file():
            path.chmod(mode)
    return directory


def git(directory: Path, *arguments: str, date: str = '2026-11-25T10:00:00Z') -> None:
    who = {f'GIT_{role}_{what}': 'x' for role in ('AUTHOR', 'COMMITTER') for what in ('NAME', 'EMAIL')}
    run('git', '-C', directory, *arguments, environment={**who, 'GIT_COMMITTER_DATE': date})


@pytest.mark.parametrize('form', ['bundle', 'wheel'])
def test_two_checkouts_make_the_same_bytes(form: str, tmp_path: Path) -> None:
    commit = {'SOURCE_DATE_EPOCH': '1795600000'}
    ours = checkout(tmp_path / 'ours')
    theirs = checkout(tmp_path / 'a checkout of somebody else', mode=0o664)
    for path in theirs.rglob('*'):
        os.utime(path, (path.stat().st_mtime - A_YEAR,) * 2)
    (theirs / 'build/lib/statsig/console').mkdir(parents=True)
    (theirs / 'build/lib/statsig/console/gone.py').write_text('# built before it was removed\n')
    (theirs / 'statsig/console/__pycache__').mkdir()
    (theirs / 'statsig/console/__pycache__/records.cpython-313.pyc').write_bytes(b'compiled')

    first = package(form, ours, tmp_path / 'first', commit, umask=0o022)
    second = package(form, theirs, tmp_path / 'second', commit, umask=0o007)

    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize('form', ['bundle', 'wheel'])
def test_the_files_have_the_time_of_the_commit(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('SOURCE_DATE_EPOCH', raising=False)
    source = checkout(tmp_path / 'source')
    git(source, 'init', '--quiet')
    git(source, 'add', '.')
    git(source, 'commit', '--quiet', '--message', 'x', date='2026-11-25T10:00:00Z')

    with ZipFile(package(form, source, tmp_path / 'made')) as archive:
        times = {entry.date_time for entry in archive.infolist()}

    assert times == {(2026, 11, 25, 10, 0, 0)}


def test_without_git_the_files_have_the_time_of_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('SOURCE_DATE_EPOCH', raising=False)
    source = checkout(tmp_path / 'source')
    for path in source.rglob('*'):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    os.utime(source / 'statsig/cli.py', (1_795_600_000, 1_795_600_000))  # 2026-11-25

    with ZipFile(package('bundle', source, tmp_path / 'made')) as archive:
        dates = {entry.date_time[:3] for entry in archive.infolist()}

    assert dates == {(2026, 11, 25)}


@pytest.mark.parametrize(('block', 'form'), [('make the bundle', 'bundle'), ('make the wheel', 'wheel')])
def test_make_makes_them(block: str, form: str) -> None:
    options = ('--silent', '--dry-run', '--old-file=.venv/.installed', '--directory', PROJECT)

    recipe = run(*commands(block).split(), *options)

    assert recipe.strip().endswith(f'deploy/agent/package.py {form}')
