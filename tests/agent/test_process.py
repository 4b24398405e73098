"""A host as a process of its own can be killed and started again."""

from __future__ import annotations

import pytest

from statsig.sandbox.agent_process import AgentEndedError, AgentProcess
from tests.agent.conftest import AgentProgram

COUNTING = """
def check(self, _):
    runs = int(self.read_persistent_cache('runs') or 0) + 1
    self.write_persistent_cache('runs', str(runs))
    self.gauge('toy.runs', runs)
"""


def _process(agent: AgentProgram, runs: int = 1000) -> AgentProcess:
    options = ('--check', 'toy', '--checks-d', str(agent.directory))
    return AgentProcess(agent.config, agent.cache, interval=None, runs=runs, options=options)


def test_a_killed_agent_goes_on_where_it_was_when_it_is_started_again(agent: AgentProgram) -> None:
    agent.write_check(COUNTING)
    with _process(agent) as first:
        counted = [first.next_run().metrics[0].value for _ in range(2)]
        first.kill()
    with _process(agent) as second:
        assert second.pid != first.pid
        went_on = second.next_run().metrics[0].value
    assert counted == [1, 2]
    assert went_on == 3


def test_waiting_for_a_run_that_never_comes_says_what_the_process_said_last(agent: AgentProgram) -> None:
    with (
        _process(agent) as process,
        pytest.raises(AgentEndedError, match=r'neither a module .* nor toy'),
    ):
        process.next_run()


def test_the_end_of_the_last_run_is_no_error_of_the_process(agent: AgentProgram) -> None:
    agent.write_check(COUNTING)
    with _process(agent, runs=1) as process:
        assert process.next_run().metrics[0].value == 1
        with pytest.raises(AgentEndedError, match='exit code 0'):
            process.next_run()
