from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.faults.hosts import HostFactory

# No deadline: how fast an example runs says more about the machine than about the code.
settings.register_profile('project', deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('project')

LONGEST = {'cli', 'faults', 'packaging', 'poll', 'relay', 'triggers'}

# Here rather than in tests/faults: with several processes, the one that prints the summary collects nothing itself.
pytest_plugins = ['tests.faults.summary', 'tests.relay.summary']


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """One more than there are cores: a third of the tests' time, they wait for a server, an interval or a timeout."""
    return (yield) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folders with the files that take longest first: a worker that began one last would keep the others waiting.

    With `--no-loadscope-reorder` files are handed out in this order.
    """
    items.sort(key=lambda item: item.path.parent.name not in LONGEST)


@pytest.fixture(scope='session')
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostFactory]:
    """What Agent hosts are forked from."""
    with HostFactory(tmp_path_factory.mktemp('hosts')) as factory:
        yield factory
