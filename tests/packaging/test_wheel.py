from __future__ import annotations

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
