"""The wheel as users get it, and Statsig's own SDK from PyPI, each built or fetched once for all tests here."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.packaging.commands import pip, run

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope='session')
def our_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: setuptools would pick up leftovers in a `build` folder of the checkout."""
    source = tmp_path_factory.mktemp('source')
    for folder in ('statsig', 'datadog_checks'):
        shutil.copytree(PROJECT / folder, source / folder, ignore=shutil.ignore_patterns('__pycache__'))
    for file in ('setup.py', 'LICENSE', 'README.md'):
        if (PROJECT / file).exists():
            shutil.copy(PROJECT / file, source)
    wheels = tmp_path_factory.mktemp('wheels')
    run(sys.executable, '-m', 'build', '--wheel', '--no-isolation', '--outdir', wheels, source)
    (wheel,) = wheels.glob('*.whl')
    return wheel


@pytest.fixture(scope='session')
def sdk_wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of the SDK and of everything it needs."""
    wheels = tmp_path_factory.mktemp('sdk')
    pip('download', '--only-binary', ':all:', '--dest', wheels, 'statsig')
    return wheels
