"""Change events and logs beside the events, as an Agent gets them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from statsig.sandbox.agent import SETTING_OF_EVENT_MANAGEMENT, Run
from statsig.sandbox.project import SandboxProject
from tests.check.conftest import Agent
from tests.datadog.official import refusal_of_change_event

OLD_AGENT = ('--agent-option', f'{SETTING_OF_EVENT_MANAGEMENT}=null')
WITH_LOGS = ('--agent-option', 'logs_enabled=true')


def change_events(run: Run) -> list[Any]:
    assert {event.track for event in run.platform_events} <= {'event-management'}
    return [json.loads(event.body)['data']['attributes'] for event in run.platform_events]


@pytest.fixture
def three_changes(project: SandboxProject) -> list[str]:
    """Ids of entries of a gate, a log-in and a role, in this order."""
    actions = [('gate_update', 'new_nav'), ('user_login', ''), ('user_role_update', 'John Roe')]
    entries = [
        project.add_audit_entry(action, name, timestamp=time.time() - 60 + number)
        for number, (action, name) in enumerate(actions)
    ]
    return [str(entry['id']) for entry in entries]


def test_unless_asked_for_an_entry_is_an_event_only(agent: Agent, three_changes: list[str]) -> None:
    agent.options = WITH_LOGS

    run = agent.run_once()

    assert [event.aggregation_key for event in run.events] == three_changes
    assert (run.platform_events, run.logs, run.warnings, run.refused) == ((), (), (), ())


def test_change_events_go_beside_the_events_of_what_is_a_change(agent: Agent, three_changes: list[str]) -> None:
    gate, _, role = three_changes
    agent.configure({'send_change_events': True})

    run = agent.run_once()

    assert [event.aggregation_key for event in run.events] == three_changes
    sent = change_events(run)
    assert [event['aggregation_key'] for event in sent] == [gate, role]
    assert [event['attributes']['changed_resource'] for event in sent] == [
        {'name': 'new_nav', 'type': 'feature_flag'},
        {'name': 'John Roe', 'type': 'configuration'},
    ]
    assert [refusal_of_change_event(json.loads(event.body)) for event in run.platform_events] == ['', '']
    assert (run.warnings, run.refused) == ((), ())


def test_an_agent_that_does_not_know_the_track_gets_one_warning_and_the_events(
    agent: Agent, three_changes: list[str]
) -> None:
    agent.configure({'send_change_events': True})
    agent.options = OLD_AGENT

    run = agent.run_once()

    assert [event.aggregation_key for event in run.events] == three_changes
    assert run.warnings == (
        'Option `send_change_events` is on, but this Agent (7.85.0) does not seem to know the track '
        '`event-management`, and would drop them. Use a newer Agent, or set `send_change_events: false`. Events go on '
        'as usual.',
    )
    assert run.platform_events == ()


def test_logs_go_beside_the_events(agent: Agent, three_changes: list[str]) -> None:
    agent.configure({'send_logs': True, 'tags': ['env:prod']})
    agent.options = WITH_LOGS

    run = agent.run_once()

    assert [event.aggregation_key for event in run.events] == three_changes
    assert [log.attributes['evt']['id'] for log in run.logs] == three_changes
    assert [log.attributes['evt']['name'] for log in run.logs] == ['gate_update', 'user_login', 'user_role_update']
    assert [log.attributes['timestamp'] for log in run.logs] == [event.timestamp * 1000 for event in run.events]
    assert all(log.attributes['ddtags'].endswith(',env:prod') for log in run.logs)
    assert (run.warnings, run.refused) == ((), ())


def test_where_logs_are_off_in_the_agent_there_is_a_warning_and_no_log(agent: Agent, three_changes: list[str]) -> None:
    agent.configure({'send_logs': True})

    run = agent.run_once()

    assert [event.aggregation_key for event in run.events] == three_changes
    (warning,) = run.warnings
    assert warning.startswith('Option `send_logs` is on, but logs are off in this Agent, so none are sent.')
    assert (run.logs, run.refused) == ((), ())


def test_nothing_is_sent_twice_after_a_restart(agent: Agent, three_changes: list[str]) -> None:
    agent.configure({'send_change_events': True, 'send_logs': True})
    agent.options = WITH_LOGS
    agent.run_once()

    run = agent.run_once()

    assert (run.events, run.platform_events, run.logs) == ((), (), ())
