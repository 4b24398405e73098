"""What the check really submits, from a project in which about everything happens that can."""

from __future__ import annotations

import time

import pytest

from statsig.sandbox.agent import Run
from statsig.sandbox.life import Life
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import SandboxServer
from tests.check.conftest import Agent
from tests.faults.hosts import HostFactory


@pytest.fixture(scope='session')
def submitted(tmp_path_factory: pytest.TempPathFactory, hosts: HostFactory) -> Run:
    """One run of the real check, in an Agent's process, on half a day of a busy project."""
    now = time.time()
    project = SandboxProject(seed=1, clock=lambda: now)
    Life(project, seed=1).write_history(0.4)
    project.set_gate_enabled('checkout_v2', False)
    project.add_audit_entry('integration_update', 'slack')
    project.add_audit_entry('experiment_start', 'pricing_page_redesign')
    running = next(each for each in project.experiments.values() if each['status'] == 'active')
    running['healthCheckStatus'] = 'FAILED'
    project.add_raw_audit_entry({'id': 'without the rest'})
    with SandboxServer(project) as server:
        agent = Agent(tmp_path_factory.mktemp('agent'), server.url, hosts)
        agent.configure({'audit_log_lookback': 600})
        return agent.run_once()
