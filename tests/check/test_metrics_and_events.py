"""What a healthy project gives: every metric with the figures the project holds, every change as one event."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from statsig.datadog.metrics import METRICS
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import SandboxServer
from tests.check.conftest import OTHER_KEY, Agent, values

OVER = {'Archived', 'archived', 'experiment_stopped', 'assignment_stopped'}


def followed(project: SandboxProject, kind: str) -> list[str]:
    return [name for name, entity in project.entities(kind).items() if entity.get('status') not in OVER]


def test_every_metric_of_the_table_is_sent_and_no_other(project: SandboxProject, agent: Agent) -> None:
    project.add_audit_entry()
    project.add_raw_audit_entry({'id': 'without the rest'})

    run = agent.run_once()

    assert {metric.name for metric in run.metrics} == {f'statsig.{metric.name}' for metric in METRICS}
    types = {f'statsig.{metric.name}': metric.type for metric in METRICS}
    assert {metric.name: metric.type for metric in run.metrics} == types
    assert (run.error, run.refused) == ('', ())
    assert run.warnings == (
        '1 audit-log entry could not be read or shown and was skipped (`statsig.audit_log.skipped` counts such). '
        'The first problem: `name` is None, expected text',
    )


@pytest.mark.parametrize(
    ('kind', 'metric'),
    [('gate', 'check_gate'), ('experiment', 'get_experiment'), ('dynamic_config', 'get_config')],
)
def test_exposures_are_the_figures_of_the_project(
    project: SandboxProject, agent: Agent, kind: str, metric: str
) -> None:
    run = agent.run_once()

    wanted = {(f'name:{name}',): project.exposures(kind, name) for name in followed(project, kind)}
    assert values(run, f'{metric}.count') == {tags: past_day for tags, (past_day, _) in wanted.items()}
    assert values(run, f'{metric}.past_7_days.count') == {tags: past_week for tags, (_, past_week) in wanted.items()}


def test_a_layer_has_the_sum_of_its_followed_experiments(project: SandboxProject, agent: Agent) -> None:
    wanted: Counter[tuple[str, ...]] = Counter()
    for name in followed(project, 'experiment'):
        if layer := project.experiments[name]['layerID']:
            wanted[(f'name:{layer}',)] += project.exposures('experiment', name)[0]

    assert values(agent.run_once(), 'get_layer.count') == dict(wanted)


def test_the_inventory_is_counted_by_state(project: SandboxProject, agent: Agent) -> None:
    run = agent.run_once()

    def state(entity: dict[str, Any], **fields: str) -> tuple[str, ...]:
        return tuple(f'{tag}:{str(entity[name]).lower().replace(" ", "_")}' for tag, name in fields.items())

    gates = Counter(
        state(gate, status='status', type='type', type_reason='typeReason', enabled='isEnabled')
        for gate in project.gates.values()
    )
    assert values(run, 'gates.count') == dict(gates)
    experiments = Counter(
        state(experiment, status='status', health='healthCheckStatus') for experiment in project.experiments.values()
    )
    assert values(run, 'experiments.count') == dict(experiments)
    configs = Counter(state(config, enabled='isEnabled') for config in project.dynamic_configs.values())
    assert values(run, 'dynamic_configs.count') == dict(configs)
    assert values(run, 'layers.count') == {(): len(project.layers)}
    assert sum(values(run, 'holdouts.count').values()) == len(project.holdouts)
    assert sum(values(run, 'segments.count').values()) == len(project.segments)


def test_health_of_active_experiments_and_check_rates_of_gates(project: SandboxProject, agent: Agent) -> None:
    run = agent.run_once()

    health = {'PASSED': 1, 'WARNING': 1, 'FAILED': 0}
    assert values(run, 'experiment.healthy') == {
        (f'name:{name}',): health[experiment['healthCheckStatus']]
        for name, experiment in project.experiments.items()
        if experiment['status'] == 'active' and experiment['healthCheckStatus'] != 'WAITING'
    }
    assert values(run, 'gate.checks_per_hour') == {
        (f'name:{name}',): project.checks_per_hour(name) for name in followed(project, 'gate')
    }


def test_the_check_tells_of_itself(server: SandboxServer, project: SandboxProject, agent: Agent) -> None:
    project.add_audit_entry(action='gate_create')
    project.add_audit_entry(action='gate_create')
    project.add_audit_entry(action='user_role_update')
    project.add_raw_audit_entry({'id': 'without the rest'})
    agent.configure({'gates': {'limit': 5}, 'audit_log_exclude': ['access']})

    run = agent.run_once()

    assert values(run, 'audit_log.entries') == {('action:gate_create', 'group:rollouts'): 2}
    assert values(run, 'audit_log.skipped') == {('reason:filtered',): 1, ('reason:malformed',): 1}
    assert 0 <= values(run, 'audit_log.lag')[()] < 60
    gates = len(followed(project, 'gate'))
    assert values(run, 'exposures.entities')[('kind:gates',)] == 5
    assert values(run, 'exposures.dropped')[('kind:gates',)] == gates - 5
    assert set(values(run, 'exposures.age')) == {('kind:gates',), ('kind:experiments',), ('kind:dynamic_configs',)}
    assert values(run, 'api.can_connect') == {(): 1}
    assert values(run, 'api.rate_limited') == {(): 0}
    made = Counter(request.path.rsplit('/', 1)[1] for request in server.requests)
    assert values(run, 'api.requests') == {(f'endpoint:{name}', 'status:200'): count for name, count in made.items()}
    assert set(values(run, 'api.request.duration')) == set(values(run, 'api.requests'))


def test_an_event_says_what_changed_when_and_by_whom(project: SandboxProject, agent: Agent) -> None:
    project.set_gate_enabled('checkout_v2', False, author='Jane Doe')
    (entry,) = project.audit_log.since(0)
    agent.configure({'tags': ['env:test'], 'tag_rules': [{'match': 'gate:checkout_*', 'tags': ['service:checkout']}]})

    (event,) = agent.run_once().events

    assert event.title == 'Gate checkout_v2 disabled by Jane Doe'
    assert event.text.startswith('%%% \n')
    assert event.text.endswith('\n %%%')
    assert 'https://console.statsig.com/sandbox/gates/checkout_v2' in event.text
    assert event.timestamp == int(entry.timestamp)
    assert event.alert_type == 'warning'
    assert event.aggregation_key == entry.value['id']
    assert event.source_type_name == 'statsig'
    for tag in (
        *('statsig_action:config_state_toggle', 'statsig_kind:gate', 'statsig_group:rollouts', 'name:checkout_v2'),
        *('statsig_project:sandbox', 'environment:production', 'service:checkout', 'env:test'),
    ):
        assert tag in event.tags


def test_the_team_that_owns_a_gate_is_known_from_the_inventory_in_the_first_run_already(
    project: SandboxProject, agent: Agent
) -> None:
    project.gates['checkout_v2']['team'] = 'Payments'
    project.add_audit_entry(action='gate_update', name='checkout_v2')
    agent.configure({'tag_rules': [{'match': 'team:Payments', 'tags': ['service:pay']}]})

    (event,) = agent.run_once().events

    assert {'statsig_team:payments', 'service:pay'} <= set(event.tags)


def test_tag_rules_put_their_tags_on_the_figures_of_what_they_match(project: SandboxProject, agent: Agent) -> None:
    project.gates['checkout_v2']['team'] = 'Payments'
    layer = next(e['layerID'] for n, e in project.experiments.items() if e['layerID'] and e['status'] == 'active')
    agent.configure(
        {
            'tag_rules': [
                {'match': 'gate:checkout_*', 'tags': ['service:checkout']},
                {'match': 'team:Payments', 'tags': ['team:pay']},
                {'match': f'layer:{layer}', 'tags': ['service:web']},
            ]
        }
    )

    run = agent.run_once()

    for metric in ('check_gate.count', 'check_gate.past_7_days.count', 'gate.checks_per_hour'):
        assert ('name:checkout_v2', 'service:checkout', 'team:pay') in values(run, metric)
        assert ('name:new_search_ranking',) in values(run, metric)
    assert (f'name:{layer}', 'service:web') in values(run, 'get_layer.count')


def test_hidden_authors_stay_hidden(project: SandboxProject, agent: Agent) -> None:
    project.set_gate_enabled('checkout_v2', False, author='Jane Doe')
    agent.configure({'hide_author': True})

    (event,) = agent.run_once().events

    assert event.title == 'Gate checkout_v2 disabled'
    assert 'jane' not in f'{event}'.lower()


def test_tags_and_namespace_are_on_every_metric(agent: Agent) -> None:
    agent.configure({'tags': ['team:a'], 'metric_namespace': 'flags.statsig', 'project': 'Acme'})

    run = agent.run_once()

    assert all(metric.name.startswith('flags.statsig.') for metric in run.metrics)
    assert all({'team:a', 'statsig_project:acme'} <= set(metric.tags) for metric in run.metrics)
    assert not any('/project' in metric.name for metric in run.metrics)


def test_only_what_is_included_is_followed(project: SandboxProject, agent: Agent) -> None:
    agent.configure({'gates': {'include': ['*a*'], 'exclude': ['checkout_*']}, 'experiments': {'limit': 1}})

    run = agent.run_once()

    wanted = {name for name in followed(project, 'gate') if 'a' in name and not name.startswith('checkout_')}
    assert set(values(run, 'check_gate.count')) == {(f'name:{name}',) for name in wanted}
    assert len(values(run, 'get_experiment.count')) == 1


def test_what_is_switched_off_is_neither_asked_for_nor_sent(
    server: SandboxServer, project: SandboxProject, agent: Agent
) -> None:
    project.add_audit_entry()
    agent.configure({'collect_exposures': False, 'collect_inventory': False, 'collect_audit_log': False})

    run = agent.run_once()

    assert {metric.name.split('.')[1] for metric in run.metrics} == {'api'}
    assert run.events == ()
    assert {request.path for request in server.requests} == {'/console/v1/project'}


def test_a_state_that_is_left_goes_to_zero(project: SandboxProject, agent: Agent) -> None:
    agent.configure({'inventory_interval': 0})
    with agent.start() as process:
        before = values(process.next_run(), 'gates.count')
        for gate in project.gates.values():
            gate['status'] = 'Archived'
        after = values(process.next_run(), 'gates.count')

    left = {tags for tags in before if 'status:archived' not in tags}
    assert left
    assert {after[tags] for tags in left} == {0}
    assert sum(after.values()) == len(project.gates)


def test_stale_gates_and_failing_experiments_are_zero_before_there_is_one(
    project: SandboxProject, agent: Agent
) -> None:
    for gate in project.gates.values():
        gate.update(type='TEMPORARY', typeReason='NONE')
    for experiment in project.experiments.values():
        experiment['healthCheckStatus'] = 'PASSED'

    run = agent.run_once()

    stale = {tags: count for tags, count in values(run, 'gates.count').items() if 'type:stale' in tags}
    assert list(stale.values()) == [0]
    assert len(*stale) == 4, 'status, type, type_reason, enabled'
    assert values(run, 'experiments.count')['status:active', 'health:failed'] == 0


def test_the_lag_is_that_of_what_was_delivered_and_0_when_nothing_waits(
    server: SandboxServer, project: SandboxProject, agent: Agent
) -> None:
    project.add_audit_entry(timestamp=project.clock() - 600)
    with agent.start() as process:
        delivered = values(process.next_run(), 'audit_log.lag')[()]
        nothing_new = values(process.next_run(), 'audit_log.lag')
        server.knobs.status_for['/console/v1/audit_logs'] = 503
        not_read = values(process.next_run(), 'audit_log.lag')

    assert 590 < delivered < 700
    assert nothing_new == {(): 0}
    assert not_read == {}


def test_a_second_agent_on_the_same_cache_sends_only_what_is_new(project: SandboxProject, agent: Agent) -> None:
    first = [project.add_audit_entry()['id'] for _ in range(3)]
    assert [event.aggregation_key for event in agent.run_once().events] == first
    new = project.add_audit_entry()['id']

    assert [event.aggregation_key for event in agent.run_once().events] == [new]
    assert agent.run_once().events == ()


def test_an_edited_configuration_and_a_new_key_repeat_nothing(server: SandboxServer, agent: Agent) -> None:
    server.project.add_audit_entry()
    assert len(agent.run_once().events) == 1
    agent.configure({'api_key': OTHER_KEY, 'tags': ['new:tag'], 'gates': {'limit': 3}})

    assert agent.run_once().events == ()


def test_a_quiet_run_writes_nothing(project: SandboxProject, agent: Agent) -> None:
    project.add_audit_entry()
    with agent.start() as process:
        process.next_run()
        before = _written(agent.cache)
        process.next_run()

    assert before
    assert _written(agent.cache) == before


def _written(directory: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mtime_ns for file in directory.rglob('*') if file.is_file()}
