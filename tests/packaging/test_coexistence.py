"""Statsig's Python SDK (PyPI `statsig`) owns `statsig/__init__.py`; our wheel lives beside it and harms nothing."""

from __future__ import annotations

import base64
import csv
import hashlib
import sys
import sysconfig
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.packaging.commands import pip, run

IMPORT_THE_SDK = 'import statsig; from statsig import StatsigUser; StatsigUser("a user"); print(statsig.__file__)'
IMPORT_OURS = 'import statsig.console.records as ours; print(ours.__file__)'


@dataclass(frozen=True)
class Environment:
    """A fresh virtual environment. `libraries` holds what the SDK imports, installed once for both orders."""

    root: Path
    libraries: Path

    @property
    def python(self) -> Path:
        return self.root / 'bin' / 'python'

    @property
    def site_packages(self) -> Path:
        return Path(sysconfig.get_path('purelib', 'venv', {'base': str(self.root), 'platbase': str(self.root)}))

    def install(self, wheel: Path) -> None:
        # --no-compile: only files that a wheel brings count here.
        pip('--python', self.python, 'install', '--no-deps', '--no-index', '--no-compile', wheel)

    def uninstall(self, distribution: str) -> None:
        pip('--python', self.python, 'uninstall', '--yes', distribution)

    def imported(self, code: str) -> str:
        path = f'import sys; sys.path.append({str(self.libraries)!r}); '
        return run(self.python, '-B', '-I', '-c', path + code).strip()

    def record(self, distribution: str) -> Mapping[str, str]:
        """The files of an installed distribution: path → `sha256=…`, as its RECORD has them."""
        (record,) = self.site_packages.glob(f'{distribution}-*.dist-info/RECORD')
        with record.open(encoding='utf-8', newline='') as lines:
            return {path: digest for path, digest, _ in csv.reader(lines) if digest}

    def digests(self, paths: Mapping[str, str]) -> Mapping[str, str]:
        """The same for the files as they are now; a file that is gone is left out."""
        found = {}
        for path in paths:
            file = self.site_packages / path
            if file.exists():
                digest = base64.urlsafe_b64encode(hashlib.sha256(file.read_bytes()).digest()).rstrip(b'=')
                found[path] = f'sha256={digest.decode()}'
        return found


def modules_of(record: Mapping[str, str]) -> set[str]:
    """What `import statsig.…` finds of a distribution."""
    return {path.split('/')[1].partition('.')[0] for path in record if path.startswith('statsig/')}


@pytest.fixture(scope='module')
def sdk_libraries(sdk_wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    libraries = tmp_path_factory.mktemp('libraries')
    wheels = [wheel for wheel in sdk_wheels.glob('*.whl') if not wheel.name.startswith('statsig-')]
    pip('install', '--no-deps', '--no-index', '--no-compile', '--target', libraries, *wheels)
    return libraries


@pytest.fixture
def environment(tmp_path: Path, sdk_libraries: Path) -> Environment:
    venv.create(tmp_path / 'venv', with_pip=False, symlinks=True)
    return Environment(tmp_path / 'venv', sdk_libraries)


@pytest.mark.parametrize('order', ['the SDK first', 'ours first'])
def test_our_wheel_and_the_sdk_live_side_by_side(
    order: str, environment: Environment, our_wheel: Path, sdk_wheels: Path
) -> None:
    (sdk_wheel,) = sdk_wheels.glob('statsig-*.whl')
    for wheel in (sdk_wheel, our_wheel) if order == 'the SDK first' else (our_wheel, sdk_wheel):
        environment.install(wheel)

    site_packages = str(environment.site_packages)
    assert environment.imported(IMPORT_THE_SDK) == f'{site_packages}/statsig/__init__.py'
    assert environment.imported(IMPORT_OURS) == f'{site_packages}/statsig/console/records.py'

    ours, sdk = environment.record('datadog_statsig'), environment.record('statsig')
    assert 'statsig/console/records.py' in ours
    assert 'statsig/__init__.py' in sdk
    assert not ours.keys() & sdk.keys()
    assert not modules_of(ours) & modules_of(sdk)  # `console.py` would hide `console/`
    assert environment.digests(ours) == ours
    assert environment.digests(sdk) == sdk

    environment.uninstall('datadog-statsig')

    assert not environment.digests(ours)
    assert environment.digests(sdk) == sdk
    assert environment.imported(IMPORT_THE_SDK) == f'{site_packages}/statsig/__init__.py'


def test_without_the_sdk_ours_imports_too(environment: Environment, our_wheel: Path) -> None:
    environment.install(our_wheel)

    assert environment.imported(IMPORT_OURS) == f'{environment.site_packages}/statsig/console/records.py'
    assert sys.prefix != str(environment.root)
