from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.faults.hosts import HostFactory

# No deadline: how fast an example runs says more about the machine than about the code.
settings.register_profile('project', deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('project')

# Here rather than in tests/faults: with several processes, the one that prints the summary collects nothing itself.
pytest_plugins = ['tests.faults.summary', 'tests.relay.summary']


@pytest.fixture(scope='session')
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostFactory]:
    """What Agent hosts are forked from."""
    with HostFactory(tmp_path_factory.mktemp('hosts')) as factory:
        yield factory
