from __future__ import annotations

import base64
import csv
import hashlib
import re
from email import message_from_string
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

import pytest

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def contents(our_wheel: Path) -> set[str]:
    with ZipFile(our_wheel) as wheel:
        return set(wheel.namelist())


@pytest.fixture
def metadata(our_wheel: Path) -> Message:
    with ZipFile(our_wheel) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith('.dist-info/METADATA'))
        return message_from_string(wheel.read(name).decode())


def test_it_carries_every_module_and_the_example_configuration(contents: set[str]) -> None:
    modules = {
        str(path.relative_to(PROJECT))
        for folder in ('statsig', 'datadog_checks')
        for path in (PROJECT / folder).rglob('*.py')
    }

    shipped = {name for name in contents if '.dist-info/' not in name}

    assert shipped == modules | {'datadog_checks/statsig/data/conf.yaml.example'}


def test_it_leaves_alone_what_belongs_to_the_sdk_and_to_base(contents: set[str]) -> None:
    beside_the_subpackages = {name for name in contents if re.fullmatch(r'(statsig|datadog_checks)/[^/]+', name)}

    assert beside_the_subpackages == {'statsig/cli.py'}


def test_nothing_is_written_where_the_wheel_would_leave_it_out() -> None:
    # The SDK may take any name beside its own modules tomorrow: new modules go into a subpackage.
    beside_the_subpackages = {path.name for path in (PROJECT / 'statsig').glob('*.py')}

    assert beside_the_subpackages == {'cli.py'}


def test_the_agents_installer_accepts_it(our_wheel: Path, metadata: Message) -> None:
    # `agent integration install -w` wants exactly these.
    assert our_wheel.name.startswith('datadog_statsig-')
    assert metadata['Name'] == 'datadog-statsig'
    assert re.fullmatch(r'\d+\.\d+\.\d+', metadata['Version'])
    about = (PROJECT / 'datadog_checks' / 'statsig' / '__about__.py').read_text(encoding='utf-8')
    assert about == f"__version__ = '{metadata['Version']}'\n"
    assert 'datadog-checks-base>=37.21.0' in metadata.get_all('Requires-Dist', [])


def test_it_installs_the_command(our_wheel: Path) -> None:
    with ZipFile(our_wheel) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith('/entry_points.txt'))
        entry_points = wheel.read(name).decode()

    assert 'statsig-datadog = statsig.cli:main' in entry_points


def test_its_record_names_every_file_as_it_is(our_wheel: Path) -> None:
    with ZipFile(our_wheel) as wheel:
        (record,) = (name for name in wheel.namelist() if name.endswith('.dist-info/RECORD'))
        recorded = {path: digest for path, digest, _ in csv.reader(wheel.read(record).decode().splitlines())}
        digests = {
            name: base64.urlsafe_b64encode(hashlib.sha256(wheel.read(name)).digest()).rstrip(b'=').decode()
            for name in wheel.namelist()
        }

    assert recorded.pop(record) == ''
    assert recorded == {name: f'sha256={digest}' for name, digest in digests.items() if name != record}


def test_it_is_for_any_python_3_and_carries_its_license(contents: set[str], our_wheel: Path) -> None:
    assert our_wheel.name.endswith('-py3-none-any.whl')
    assert [name for name in contents if re.search(r'\.dist-info/(.*/)?LICENSE$', name)]


def test_it_shows_no_types_to_others(contents: set[str]) -> None:
    # With `py.typed` every module would be an interface to keep, and the mark would speak for the SDK beside them too.
    assert [name for name in contents if name.endswith('py.typed')] == []
