from __future__ import annotations

from hypothesis import HealthCheck, settings

# No deadline: how fast an example runs says more about the machine than about the code.
settings.register_profile('project', deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('project')

# Here rather than in tests/faults: with several processes, the one that prints the summary collects nothing itself.
pytest_plugins = ['tests.faults.summary', 'tests.relay.summary']
