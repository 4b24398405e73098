"""Bad input and bad days: one clear message each, nothing lost, nothing made up, and the key nowhere."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from statsig.sandbox.agent import Run
from statsig.sandbox.api import ALL
from statsig.sandbox.knobs import Fault
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import SandboxServer
from tests.check.conftest import Agent, values

KEY = 'console-VerySecret0123456789'
HEALTH = {'statsig.api.can_connect', 'statsig.api.requests', 'statsig.api.rate_limited'}


def names(run: Run) -> set[str]:
    return {metric.name for metric in run.metrics}


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (
            {'api_key': None},
            'Option `api_key` is missing. Set it to a Console API key, made in Statsig under Project Settings > '
            'Keys & Environments.',
        ),
        (
            {'api_key': ''},
            'Option `api_key` is empty. Set it to a Console API key, made in Statsig under Project Settings > '
            'Keys & Environments.',
        ),
        (
            {'api_url': 'statsigapi.net'},
            'Option `api_url` must be the scheme and host of the Console API, such as https://statsigapi.net, '
            'got "statsigapi.net".',
        ),
        (
            {'min_collection_interval': -1},
            'Option `min_collection_interval` must be a number of seconds from 1 to 86400 (a day), got -1.',
        ),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused_in_one_sentence(
    server: SandboxServer, agent: Agent, options: dict[str, Any], words: str
) -> None:
    agent.configure(options)

    run = agent.run_once()

    assert run.error == words
    assert (run.metrics, run.events, server.requests) == ((), (), [])


def test_an_unknown_option_is_ignored_and_the_nearest_name_suggested(agent: Agent) -> None:
    agent.configure({'min_colection_interval': 30})

    run = agent.run_once()

    assert run.error == ''
    assert run.warnings == (
        'Unknown option `min_colection_interval` is ignored: did you mean `min_collection_interval`?',
    )


def test_a_key_that_is_refused(server: SandboxServer, agent: Agent) -> None:
    agent.configure({'api_key': KEY})

    run = agent.run_once()

    assert run.warnings == (
        f'Statsig refused the API key: GET /console/v1/project at {server.address} answered 401. Set `api_key` to an '
        'active Console API key (in Statsig: Project Settings > Keys & Environments); a client key or a server secret '
        'key is not one.',
    )
    assert names(run) == HEALTH | {'statsig.api.request.duration'}
    assert {metric.value for metric in run.metrics if metric.name == 'statsig.api.can_connect'} == {0}
    assert KEY not in repr(run), 'the answer of the API repeats the key; nothing of ours may'


def test_a_key_that_is_refused_gets_one_warning_where_the_project_is_configured(agent: Agent) -> None:
    agent.configure({'api_key': KEY, 'project': 'sandbox'})

    run = agent.run_once()

    assert len(run.warnings) == 1
    assert values(run, 'api.can_connect') == {(): 0}
    assert KEY not in repr(run)


@pytest.mark.parametrize(
    ('endpoint', 'missing', 'words'),
    [
        (
            'gates',
            'statsig.gates.count',
            'Give it read access to gates (in Statsig: Project Settings > Keys & Environments), or set '
            '`collect_inventory: false`.',
        ),
        (
            'audit_logs',
            'statsig.audit_log.entries',
            'Give it read access to audit logs (in Statsig: Project Settings > Keys & Environments), or set '
            '`collect_audit_log: false`.',
        ),
        (
            'exposure_count',
            'statsig.get_config.count',
            'Give it read access to exposure counts (in Statsig: Project Settings > Keys & Environments), or set '
            '`collect_exposures: false`.',
        ),
    ],
)
def test_a_key_that_lacks_a_permission_costs_that_stream_only(
    project: SandboxProject, agent: Agent, endpoint: str, missing: str, words: str
) -> None:
    project.add_audit_entry()
    with SandboxServer(project, keys={KEY: ALL - {endpoint}}) as server:
        agent.configure({'api_url': server.url, 'api_key': KEY})

        run = agent.run_once()

    asked = f'GET /console/v1/{endpoint} at {server.address} answered 403. '
    assert run.warnings == (f'The API key lacks a permission: {asked}{words}',)
    expected = {'statsig.gates.count', 'statsig.audit_log.entries', 'statsig.get_config.count'}
    assert names(run) & expected == expected - {missing}
    assert values(run, 'api.can_connect') == {(): 1}
    assert KEY not in repr(run)


def test_a_key_that_may_not_read_the_project_needs_it_in_the_configuration(
    project: SandboxProject, agent: Agent
) -> None:
    project.add_audit_entry()
    with SandboxServer(project, keys={KEY: ALL - {'project'}}) as server:
        agent.configure({'api_url': server.url, 'api_key': KEY})
        refused = agent.run_once()
        agent.configure({'api_url': server.url, 'api_key': KEY, 'project': 'sandbox'})
        accepted = agent.run_once()

    assert refused.warnings == (
        f'The API key lacks a permission: GET /console/v1/project at {server.address} answered 403. Give it read '
        'access to the project (in Statsig: Project Settings > Keys & Environments), or set `project` to the id in the '
        'address of your Statsig console.',
    )
    assert (refused.events, len(accepted.events)) == ((), 1)


def test_with_the_api_down_nothing_is_sent_but_that_it_is_down(agent: Agent) -> None:
    with socket.socket() as unused:
        unused.bind(('127.0.0.1', 0))
        address = f'127.0.0.1:{unused.getsockname()[1]}'
    agent.configure({'api_url': f'http://{address}'})

    run = agent.run_once()

    assert run.error == ''
    assert run.warnings == (
        f'GET /console/v1/project at {address} failed: no connection, or it was closed without an answer. Check '
        '`api_url`, the network and the proxy between this host and Statsig; nothing is lost, the next run tries '
        'again.',
    )
    assert {(metric.name, metric.value) for metric in run.metrics} == {
        ('statsig.api.can_connect', 0),
        ('statsig.api.requests', 1),
        ('statsig.api.rate_limited', 0),
    }
    assert run.events == ()


def test_when_the_api_goes_down_and_comes_back_nothing_is_lost_and_old_figures_stay(
    server: SandboxServer, project: SandboxProject, agent: Agent
) -> None:
    with agent.start() as process:
        good = process.next_run()
        missed = project.add_audit_entry()['id']
        server.knobs.down = True
        down = process.next_run()
        server.knobs.down = False
        back = process.next_run()

    assert values(down, 'api.can_connect') == {(): 0}
    assert values(down, 'check_gate.count') == values(good, 'check_gate.count'), 'not stale yet'
    assert not any(metric.value < 0 for metric in down.metrics)
    assert down.events == ()
    assert [event.aggregation_key for event in back.events] == [missed]
    assert values(back, 'api.can_connect') == {(): 1}


def test_a_body_that_is_not_json(server: SandboxServer, agent: Agent) -> None:
    server.fail_next('/console/v1/project', Fault('html'))

    run = agent.run_once()

    (warning,) = run.warnings
    assert warning.startswith(f'GET /console/v1/project at {server.address} answered with ')
    assert warning.endswith(
        ' bytes that are not JSON. Something between this host and Statsig may answer in its place: check `api_url` '
        'and the proxy.'
    )
    assert names(run) == HEALTH


def test_a_429_pauses_everything_without_sleeping_and_nothing_is_lost(
    server: SandboxServer, project: SandboxProject, agent: Agent
) -> None:
    agent.configure({'project': 'sandbox'})
    entry = project.add_audit_entry()['id']
    server.fail_next('/console/v1/audit_logs', Fault.of_status(429, retry_after='1'))
    with agent.start() as process:
        limited, paused = process.next_run(), process.next_run()
        asked = [request.path.rsplit('/', 1)[1] for request in server.requests]
        assert asked.index('audit_logs') == len(asked) - 1
    later = agent.run_once()

    assert limited.warnings == (
        f'Statsig limits the rate of requests: GET /console/v1/audit_logs at {server.address} answered 429. No request '
        'is made for 1 s; nothing is lost. If it recurs, lower `max_requests_per_minute`: the limit is shared with all '
        'tools of the project.',
    )
    assert values(limited, 'api.rate_limited') == {(): 1}
    assert paused.warnings == ()
    assert [event.aggregation_key for event in later.events] == [entry]


def test_one_streams_failure_does_not_stop_the_others(
    server: SandboxServer, project: SandboxProject, agent: Agent
) -> None:
    project.add_audit_entry()
    server.knobs.status_for['/console/v1/exposure_count'] = 500

    run = agent.run_once()

    assert len(run.events) == 1
    assert 'statsig.gates.count' in names(run)
    assert 'statsig.check_gate.count' not in names(run)
    assert run.warnings == (
        f'GET /console/v1/exposure_count at {server.address} answered 500. Statsig, or something on the way to it, has '
        'a problem; nothing is lost, the next run tries again.',
    )


def test_the_same_project_twice_is_said_clearly_and_delivered_once(project: SandboxProject, agent: Agent) -> None:
    entries = [project.add_audit_entry()['id'] for _ in range(3)]
    agent.configure({}, {'tags': ['second:yes']})
    with agent.start() as process:
        first, second, again, still = (process.next_run() for _ in range(4))

    assert [event.aggregation_key for event in first.events] == entries
    assert (second.events, again.events, still.events) == ((), (), ())
    assert second.warnings == still.warnings
    (warning,) = second.warnings
    assert warning.startswith('Another instance already reads the audit log of project sandbox at http://127.0.0.1:')
    assert warning.endswith(
        ', so this one sends no events: two would share one position in it. Give each instance its own `name`, or set '
        '`collect_audit_log: false` in this one.'
    )
    assert len(values(second, 'check_gate.count')) == len(values(first, 'check_gate.count')), 'its metrics go on'


def test_the_same_project_twice_with_names_is_delivered_to_both(project: SandboxProject, agent: Agent) -> None:
    project.add_audit_entry()
    agent.configure({'name': 'one'}, {'name': 'two'})
    with agent.start() as process:
        first, second = process.next_run(), process.next_run()

    assert (len(first.events), len(second.events)) == (1, 1)
    assert (first.warnings, second.warnings) == ((), ())


def test_names_that_the_agents_cache_would_spell_alike_do_not_meet(project: SandboxProject, agent: Agent) -> None:
    project.add_audit_entry()
    agent.configure({'name': 'eu.prod'}, {'name': 'euprod'})
    with agent.start() as process:
        first, second = process.next_run(), process.next_run()

    assert (len(first.events), len(second.events)) == (1, 1)


def test_a_longer_overlap_repeats_nothing(project: SandboxProject, agent: Agent) -> None:
    now = project.clock()
    for age in (3000, 2000, 10):
        project.add_audit_entry(timestamp=now - age)
    assert len(agent.run_once().events) == 3
    agent.configure({'audit_log_overlap': 120})

    assert agent.run_once().events == ()


def test_two_projects_do_not_meet(project: SandboxProject, agent: Agent) -> None:
    other = SandboxProject(seed=2, project_id='other')
    ours, theirs = project.add_audit_entry()['id'], other.add_audit_entry()['id']
    with SandboxServer(other) as elsewhere:
        agent.configure({}, {'api_url': elsewhere.url})
        with agent.start() as process:
            first, second = process.next_run(), process.next_run()

    assert [event.aggregation_key for event in first.events] == [ours]
    assert [event.aggregation_key for event in second.events] == [theirs]


@pytest.mark.parametrize('slot', [0, 1])
def test_damage_to_one_slot_repeats_nothing(project: SandboxProject, agent: Agent, slot: int) -> None:
    project.add_audit_entry()
    agent.run_once()
    files = sorted(file for file in agent.cache.rglob('*') if file.is_file())
    assert len(files) == 2
    files[slot].write_text('')

    assert agent.run_once().events == ()
    assert all(file.stat().st_size for file in files), 'mended'


@pytest.mark.parametrize('fault', ['lost', 'torn=10', 'unreadable'])
def test_what_cannot_be_remembered_is_not_sent(project: SandboxProject, agent: Agent, fault: str) -> None:
    project.add_audit_entry()
    agent.options = ('--cache-fault', fault)

    run = agent.run_once()

    assert run.events == ()
    assert 'The position in the audit log cannot be kept: ' in run.warnings[-1]
    assert 'No event is sent until it can be' in run.warnings[-1]
    agent.options = ()
    assert len(agent.run_once().events) == 1


def test_with_both_slots_damaged_the_last_look_back_is_repeated_and_said(project: SandboxProject, agent: Agent) -> None:
    project.add_audit_entry()
    agent.run_once()
    project.add_audit_entry()
    agent.run_once()
    for file in agent.cache.rglob('*'):
        if file.is_file():
            file.write_text('garbage')

    run = agent.run_once()

    assert len(run.events) == 2
    assert run.warnings == (
        'The stored position in the audit log is damaged and cannot be used. Reading begins again 60 minutes back '
        '(`audit_log_lookback`): events of that time may be repeated.',
    )
    assert agent.run_once().events == ()
