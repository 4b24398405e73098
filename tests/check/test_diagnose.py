"""`agent diagnose`: what is missing, with its remedy; one request for each thing asked, and the key nowhere."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from email.utils import formatdate
from pathlib import Path
from typing import Any, Literal

import pytest

from datadog_checks.statsig.diagnose import what_and_remedy
from statsig.sandbox.api import ALL
from statsig.sandbox.knobs import Fault
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import SandboxServer
from tests.check.conftest import Agent
from tests.messages import ANYTHING, messages

ROOT = Path(__file__).parents[2]
KEY = 'console-VerySecret0123456789'
PERMISSIONS = {
    'project': 'the project',
    'gates': 'gates',
    'experiments': 'experiments',
    'dynamic_configs': 'dynamic configs',
    'layers': 'layers',
    'holdouts': 'holdouts',
    'segments': 'segments',
    'audit_logs': 'audit logs',
    'exposure_count': 'exposure counts',
}
RESULTS = ('success', 'fail', 'warning', 'unexpected error')

Finding = tuple[str, str, str | None]


PROGRAM = """
import json, sys, threading
from statsig.sandbox.agent import AgentHost
from statsig.sandbox.embedded import block_what_the_agent_lacks

block_what_the_agent_lacks()

def diagnose_during_the_first_run(check):
    # The run stands still in the middle of its beginning until the diagnosis has had every chance to go wrong.
    reached, may_go_on, findings = threading.Event(), threading.Event(), []
    begin = check.check.check_initializations.pop()
    def begin_slowly():
        reached.set()
        may_go_on.wait(30)
        begin()
    check.check.check_initializations.append(begin_slowly)
    run = threading.Thread(target=check.run)
    run.start()
    reached.wait(30)
    diagnosis = threading.Thread(target=lambda: findings.append(check.diagnose()))
    diagnosis.start()
    diagnosis.join(0.5)
    may_go_on.set()
    run.join(30)
    diagnosis.join(30)
    return findings

for line in sys.stdin:
    asked = json.loads(line)
    host = AgentHost(asked['cache'], asked['config'])
    for fault, value in asked['faults'].items():
        setattr(host.cache, fault, value)
    check = host.start('statsig', asked['instance'])
    if asked['run'] == 'before':
        check.run()
    if asked['run'] == 'during':
        diagnoses = diagnose_during_the_first_run(check)
    else:
        diagnoses = [check.diagnose() for _ in range(asked['times'])]
    after = [check.check.budget.available(), len(check.run().events)] if asked['run'] == 'after' else []
    print(json.dumps([diagnoses[-1], after]))
    sys.stdout.flush()
"""


class Diagnosing:
    """A process with nothing but what an Agent has, in which each diagnosis is that of a new Agent."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, '-c', PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
        )
        self.after: list[int] = []
        """Requests left to the check, and the events of a run after the last diagnosis with `run='after'`."""

    def __call__(
        self,
        agent: Agent,
        config: Mapping[str, Any] | None = None,
        faults: Mapping[str, Any] | None = None,
        times: int = 1,
        run: Literal['before', 'during', 'after', ''] = '',
    ) -> dict[str, Finding]:
        """config: options of datadog.yaml; faults: attributes of the host's cache; times: the last one is returned.

        (result, diagnosis, remedy) of each finding. All have a category and a description, and problems a remedy.
        """
        if not agent.instances:
            agent.configure({})
        asked = {'cache': str(agent.cache), 'instance': agent.instances[0], 'times': times, 'run': run}
        answer = self._answer({**asked, 'config': config or {}, 'faults': faults or {}})
        assert KEY not in answer
        diagnoses, self.after = json.loads(answer)
        assert all(each['category'] == 'statsig' and each['description'] for each in diagnoses)
        found = {each['name']: (RESULTS[each['result']], each['diagnosis'], each['remediation']) for each in diagnoses}
        assert len(found) == len(diagnoses), 'two findings of one name'
        assert [name for name, (result, _, remedy) in found.items() if result != 'success' and not remedy] == []
        return found

    def _answer(self, asked: Mapping[str, Any]) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        lines = []
        for line in self._process.stdout:
            if line.startswith('[['):
                return line
            lines.append(line)
        raise AssertionError(f'The process ended: {"".join(lines)}')

    def end(self) -> None:
        self._process.communicate(timeout=30)


@pytest.fixture(scope='module')
def diagnose() -> Iterator[Diagnosing]:
    process = Diagnosing()
    yield process
    process.end()


def results(found: dict[str, Finding]) -> dict[str, str]:
    return {name: result for name, (result, _, _) in found.items()}


def permission(endpoint: str) -> str:
    return f'Permission: {PERMISSIONS[endpoint]}'


def asked(server: SandboxServer) -> list[str]:
    return [request.path.rsplit('/', 1)[1] for request in server.requests]


def test_when_all_is_well_everything_is_asked_once(diagnose: Diagnosing, server: SandboxServer, agent: Agent) -> None:
    found = diagnose(agent)

    names = ['Configuration', 'Reachability', 'API key', *map(permission, PERMISSIONS), 'Clock', 'Cache', 'Agent']
    assert results(found) == dict.fromkeys(names, 'success')
    assert asked(server) == list(PERMISSIONS)
    assert [request.query.get('limit') for request in server.requests] == [None, *[['1']] * 7, None]


def test_it_moves_no_position_and_holds_back_no_event(
    diagnose: Diagnosing, server: SandboxServer, project: SandboxProject, agent: Agent
) -> None:
    project.add_audit_entry()

    diagnose(agent)
    before = agent.run_once()
    project.add_audit_entry()
    stored = {path.name: path.read_bytes() for path in agent.cache.rglob('*audit_log*')}
    assert len(stored) == 2
    found = diagnose(agent)

    assert found['Cache'][:2] == (
        'success',
        'The stored position in the audit log can be read, and what is written lasts.',
    )
    assert {path.name: path.read_bytes() for path in agent.cache.rglob('*audit_log*')} == stored
    assert (len(before.events), len(agent.run_once().events)) == (1, 1)


def test_only_what_the_configuration_needs_is_asked(diagnose: Diagnosing, server: SandboxServer, agent: Agent) -> None:
    agent.configure({'project': 'sandbox', 'collect_inventory': False, 'collect_exposures': False})

    found = diagnose(agent)

    assert asked(server) == ['audit_logs']
    assert [name for name in found if name.startswith('Permission')] == [permission('audit_logs')]


def test_the_address_and_the_key_are_tested_even_where_nothing_is_collected(
    diagnose: Diagnosing, server: SandboxServer, agent: Agent
) -> None:
    nothing = dict.fromkeys(('collect_inventory', 'collect_exposures', 'collect_audit_log'), False)
    agent.configure({'project': 'sandbox', **nothing})

    assert results(diagnose(agent))['API key'] == 'success'
    assert asked(server) == ['project']


def test_statsig_cannot_be_reached(diagnose: Diagnosing, agent: Agent) -> None:
    with socket.socket() as unused:
        unused.bind(('127.0.0.1', 0))
        address = f'127.0.0.1:{unused.getsockname()[1]}'
    agent.configure({'api_url': f'http://{address}', 'api_key': KEY})

    found = diagnose(agent)

    assert found['Reachability'] == (
        'fail',
        f'GET /console/v1/project at {address} failed: no connection, or it was closed without an answer.',
        'Check `api_url`, the network and the proxy between this host and Statsig; nothing is lost, the next run tries '
        'again.',
    )
    assert set(found) == {'Configuration', 'Reachability', 'Cache', 'Agent'}


def test_something_else_answers(diagnose: Diagnosing, server: SandboxServer, agent: Agent) -> None:
    server.fail_next('/', Fault('html'), times=None)

    found = diagnose(agent)

    result, diagnosis, remedy = found['Reachability']
    assert result == 'fail'
    assert 'bytes that are not JSON.' in diagnosis
    assert remedy is not None
    assert 'check `api_url` and the proxy' in remedy


def test_the_key_is_refused(diagnose: Diagnosing, server: SandboxServer, agent: Agent) -> None:
    agent.configure({'api_key': KEY})

    found = diagnose(agent)

    assert found['Reachability'][0] == 'success'
    assert found['API key'] == (
        'fail',
        f'Statsig refused the API key: GET /console/v1/project at {server.address} answered 401.',
        'Set `api_key` to an active Console API key (in Statsig: Project Settings > Keys & Environments); a client key '
        'or a server secret key is not one.',
    )
    assert not any(name.startswith('Permission') for name in found)
    assert len(server.requests) == 1


def test_the_key_lacks_one_permission(diagnose: Diagnosing, project: SandboxProject, agent: Agent) -> None:
    with SandboxServer(project, keys={KEY: ALL - {'audit_logs'}}) as server:
        agent.configure({'api_url': server.url, 'api_key': KEY})

        found = diagnose(agent)

    lacking = permission('audit_logs')
    assert found[lacking] == (
        'fail',
        f'The API key lacks a permission: GET /console/v1/audit_logs at {server.address} answered 403.',
        'Give it read access to audit logs (in Statsig: Project Settings > Keys & Environments), or set '
        '`collect_audit_log: false`.',
    )
    assert [name for name, result in results(found).items() if result != 'success'] == [lacking]


def test_the_key_has_no_permission_at_all(diagnose: Diagnosing, project: SandboxProject, agent: Agent) -> None:
    with SandboxServer(project, keys={KEY: frozenset()}) as server:
        agent.configure({'api_url': server.url, 'api_key': KEY})

        found = diagnose(agent)

    assert found['API key'][0] == 'success'
    lacking = [endpoint for endpoint in PERMISSIONS if found[permission(endpoint)][0] == 'fail']
    assert lacking == [endpoint for endpoint in PERMISSIONS if endpoint != 'exposure_count']
    assert found[permission('exposure_count')][:2] == (
        'warning',
        'Not tested: no gate, experiment or dynamic config could be listed to ask for.',
    )


def test_an_endpoint_has_trouble(diagnose: Diagnosing, server: SandboxServer, agent: Agent) -> None:
    server.fail_next('/console/v1/layers', Fault.of_status(500))

    found = diagnose(agent)

    result, diagnosis, _ = found[permission('layers')]
    assert (result, diagnosis) == ('warning', f'GET /console/v1/layers at {server.address} answered 500.')
    assert found[permission('exposure_count')][0] == 'success'


def test_the_connection_breaks_in_between(diagnose: Diagnosing, server: SandboxServer, agent: Agent) -> None:
    server.fail_next('/console/v1/layers', Fault('reset'))

    found = diagnose(agent)

    assert found['Reachability'][0] == 'success'
    assert found[permission('layers')][0] == 'warning'
    assert found[permission('audit_logs')][:2] == ('warning', 'Not tested, because of the problem above.')
    assert asked(server)[-1] == 'layers'


def test_statsig_limits_the_rate(
    diagnose: Diagnosing, server: SandboxServer, project: SandboxProject, agent: Agent
) -> None:
    project.add_audit_entry()
    server.fail_next('/console/v1/gates', Fault.of_status(429, retry_after='7'))

    found = diagnose(agent, run='after')

    assert found[permission('gates')][0] == 'warning'
    assert 'No request is made for 7 s' in (found[permission('gates')][2] or '')
    assert found[permission('experiments')][0] == 'warning'
    assert found[permission('experiments')][1].startswith('Not tested: Statsig asked for a pause (429): ')
    assert asked(server) == ['project', 'gates']
    assert diagnose.after == [0, 0], 'the check pauses as well'


def test_the_check_pauses_because_statsig_limits_the_rate(
    diagnose: Diagnosing, server: SandboxServer, agent: Agent
) -> None:
    server.fail_next('/console/v1/project', Fault.of_status(429, retry_after='60'))

    found = diagnose(agent, run='before')

    assert found['Reachability'][0] == 'warning'
    assert found['Reachability'][1].startswith('Not tested: Statsig asked for a pause (429): ')
    assert asked(server) == ['project']


@pytest.mark.parametrize(
    ('seconds', 'result', 'told'),
    [
        (5, 'success', "It agrees with Statsig's."),
        (125, 'warning', r'is 12\d s ahead of'),
        (-3600, 'fail', r'is 3\d\d\d s behind'),
    ],
)
def test_the_clock_of_this_host(
    diagnose: Diagnosing, server: SandboxServer, agent: Agent, seconds: int, result: str, told: str
) -> None:
    server.knobs.headers = {'Date': formatdate(time.time() - seconds, usegmt=True)}

    found = diagnose(agent)['Clock']

    assert found[0] == result
    assert re.search(told, found[1]) is not None
    assert result == 'success' or 'NTP' in (found[2] or '')


def test_answers_without_a_readable_date(diagnose: Diagnosing, server: SandboxServer, agent: Agent) -> None:
    server.knobs.headers = {'Date': 'yesterday'}

    assert diagnose(agent)['Clock'][0] == 'warning'


@pytest.mark.parametrize(
    'fault', [{'writes_are_lost': True}, {'tear_after': 3}, {'reads_fail': True}, {'full_after': 0}], ids=str
)
def test_the_cache_cannot_be_written(diagnose: Diagnosing, agent: Agent, fault: dict[str, Any]) -> None:
    found = diagnose(agent, faults=fault)

    result, diagnosis, remedy = found['Cache']
    assert (result, diagnosis) == ('fail', 'What is written to the cache of the Agent does not last.')
    assert 'the owner of the files in the run directory' in (remedy or '')


def test_the_stored_position_belongs_to_someone_else(diagnose: Diagnosing, agent: Agent) -> None:
    agent.run_once()
    for path in agent.cache.rglob('*audit_log*'):
        path.unlink()
        path.mkdir()  # root, who may run these tests, can read every file

    result, diagnosis, remedy = diagnose(agent)['Cache']

    assert (result, 'reading it failed' in diagnosis) == ('fail', True)
    assert 'must be run as dd-agent' in (remedy or '')


def test_the_stored_position_is_damaged(diagnose: Diagnosing, agent: Agent) -> None:
    agent.run_once()
    for path in agent.cache.rglob('*audit_log*'):
        path.write_text('garbage', encoding='utf-8')

    assert diagnose(agent)['Cache'][:2] == ('warning', 'The stored position in the audit log is damaged.')


def test_logs_are_asked_for_in_an_agent_that_collects_none(diagnose: Diagnosing, agent: Agent) -> None:
    agent.configure({'send_logs': True})

    off, on = diagnose(agent)['Agent'], diagnose(agent, config={'logs_enabled': True})['Agent']

    assert off[:2] == ('fail', 'Option `send_logs` is on, but logs are off in this Agent, so none are sent.')
    assert '`logs_enabled: true` in datadog.yaml' in (off[2] or '')
    assert on[0] == 'success'
    assert 'logs: [{type: integration, source: statsig}]' in (on[2] or '')


def test_a_configuration_that_cannot_be_used(diagnose: Diagnosing, server: SandboxServer, agent: Agent) -> None:
    agent.configure({'api_key': KEY, 'min_collection_interval': -1})

    found = diagnose(agent)

    assert set(found) == {'Configuration'}
    assert found['Configuration'][:2] == (
        'fail',
        'Option `min_collection_interval` must be a number of seconds from 1 to 86400 (a day), got -1.',
    )
    assert server.requests == []


def test_a_configuration_with_a_mistake(diagnose: Diagnosing, agent: Agent) -> None:
    agent.configure({'hide_auther': True})

    found = diagnose(agent)

    assert found['Configuration'][:2] == (
        'warning',
        'Unknown option `hide_auther` is ignored: did you mean `hide_author`?',
    )
    assert found['API key'][0] == 'success'


def test_over_and_over_again_it_stays_within_ten_requests_a_minute(
    diagnose: Diagnosing, server: SandboxServer, project: SandboxProject, agent: Agent
) -> None:
    project.add_audit_entry()

    second = diagnose(agent, times=2, run='after')

    assert second[permission('gates')][:2] == (
        'warning',
        'Not tested: the 10 requests of this minute are used up.',
    )
    left, events = diagnose.after
    assert left == 20, "the check's own budget counts them"
    assert events == 1, 'and the check goes on'


def test_what_nobody_thought_of_is_a_finding_too_and_the_rest_goes_on(diagnose: Diagnosing, agent: Agent) -> None:
    found = diagnose(agent, faults={'write': 'not a function'})

    assert found['Cache'][:2] == ('fail', 'This could not be diagnosed: TypeError.')
    assert found['Agent'][0] == 'success'


def test_a_diagnosis_during_the_first_run_waits_until_the_check_has_started(diagnose: Diagnosing, agent: Agent) -> None:
    found = diagnose(agent, run='during')

    assert set(results(found).values()) == {'success'}


# Of all messages, those that a diagnosis shows.
SHOWN = [
    text
    for text, where in messages().items()
    if where.startswith(('statsig/console', 'datadog_checks/statsig/agent_sink'))
]


@pytest.mark.parametrize('message', SHOWN)
def test_a_message_falls_apart_into_what_happened_and_what_to_do(message: str) -> None:
    filled = message.replace(ANYTHING, 'api.example.com/v1')
    if filled.startswith(('.', ',')):
        filled = f'GET /console/v1/gates at api.example.com answered 500{filled}'

    what, remedy = what_and_remedy(filled)

    assert re.fullmatch(r'[A-Z].*[^.]\.', what)
    assert re.fullmatch(r'[A-Z].*[^.]\.', remedy)
    assert f'{what} {remedy}' == filled
    assert (what.count('`') % 2, what.count('(')) == (0, what.count(')')), 'cut inside of a name'
