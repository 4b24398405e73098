"""A check is found, constructed and named as the Agent does it; what goes wrong is said in one line."""

from __future__ import annotations

import json
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.sandbox.agent import check_id
from statsig.sandbox.agent_intake import Event, LogLine, Metric, Refused, as_json_object, from_json_object
from tests.agent.conftest import AgentProgram, environment

NOTHING = 'def check(self, _): pass'


def test_each_instance_has_a_check_of_its_own(agent: AgentProgram) -> None:
    agent.configure({'size': 1}, {'size': 2}, init_config={'unit': 'm'})
    runs = agent.run("def check(self, i): self.gauge('toy.size', i['size'], tags=[self.init_config['unit']])").runs
    assert [(run.metrics[0].value, run.metrics[0].tags) for run in runs] == [(1.0, ('m',)), (2.0, ('m',))]


def test_the_check_id_is_empty_during_construction(agent: AgentProgram) -> None:
    agent.configure({'name': 'one'})
    (run,) = agent.run("""
        def __init__(self, name, init_config, instances):
            super().__init__(name, init_config, instances)
            self.id_at_first = self.check_id
        def check(self, _): self.log.info('[%s] [%s]', self.id_at_first, self.check_id)
    """).runs
    assert '[] [toy:one:' in run.log_lines[-1].message


@pytest.mark.parametrize(
    ('instance', 'begins'),
    [({}, 'toy:'), ({'name': 'one'}, 'toy:one:'), ({'namespace': 'two'}, 'toy:two:')],
)
def test_the_name_of_an_instance_is_in_its_check_id(instance: dict[str, str], begins: str) -> None:
    found = check_id('toy', instance, {})
    assert found.startswith(begins)
    assert found.count(':') == begins.count(':')


def test_the_check_id_changes_with_the_configuration_and_not_with_the_order_of_tags() -> None:
    one = check_id('toy', {'tags': ['a', 'b']}, {})
    assert one == check_id('toy', {'tags': ['b', 'a']}, {})
    assert one != check_id('toy', {'tags': ['a', 'c']}, {})
    assert one != check_id('toy', {'tags': ['a', 'b'], 'api_key': 'k'}, {})
    assert one != check_id('toy', {'tags': ['a', 'b']}, {'timeout': 5})


def test_a_constructor_that_fails_has_run_twice(agent: AgentProgram) -> None:
    outcome = agent.run("""
        tries = []
        def __init__(self, *arguments, **options):
            self.tries.append(1)
            raise ValueError(f'try {len(self.tries)}')
    """)
    assert outcome.exit_code == 2
    assert outcome.stderr == 'error: could not construct the check `toy`: try 1\n'


def test_a_check_that_does_not_exist(agent: AgentProgram) -> None:
    outcome = agent.run()
    assert outcome.exit_code == 2
    assert outcome.stderr == 'error: there is neither a module datadog_checks.toy nor toy\n'


def test_a_module_without_a_check(agent: AgentProgram) -> None:
    (agent.directory / 'toy.py').write_text('from datadog_checks.base import AgentCheck', encoding='utf-8')
    assert agent.run().stderr == 'error: the module toy has no class derived from AgentCheck\n'


def test_an_import_that_fails_inside_the_check_is_named(agent: AgentProgram) -> None:
    (agent.directory / 'toy.py').write_text('import does_not_exist', encoding='utf-8')
    assert agent.run().stderr == "error: could not import toy: No module named 'does_not_exist'\n"


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('', 'has no `instances`: expected a list of at least one (see conf.yaml.example)'),
        ('instances: []', 'has no `instances`: expected a list of at least one (see conf.yaml.example)'),
        ('instances: [7]', 'has no `instances`: expected a list of at least one (see conf.yaml.example)'),
        ('init_config: 7\ninstances: [{}]', '`init_config` is int, expected options or nothing'),
        ('instances:\n- api_key: console-secret: x', 'is not valid YAML, line 2: mapping values are not allowed here'),
    ],
)
def test_a_configuration_that_cannot_be_used(agent: AgentProgram, content: str, message: str) -> None:
    agent.write_check(NOTHING)
    agent.config.write_text(content, encoding='utf-8')
    outcome = agent.run()
    assert outcome.exit_code == 2
    assert outcome.stderr.endswith(f'{message}\n')
    assert outcome.stderr.count('\n') == 1
    assert 'console-secret' not in outcome.stderr


def test_a_configuration_that_is_not_there(agent: AgentProgram) -> None:
    agent.config.unlink()
    assert agent.run(NOTHING).stderr == f'error: {agent.config} cannot be read: No such file or directory\n'


def test_packages_that_no_agent_embeds_can_be_blocked(agent: AgentProgram) -> None:
    packages = ['datadog', 'msgspec', 'httpx', 'aiohttp', 'flask', 'uvicorn', 'pytest', 'hypothesis', 'openapi_core']
    outcome = agent.run(
        f"""
        def check(self, _):
            import importlib
            for package in {packages}:
                try:
                    importlib.import_module(package)
                except ImportError as error:
                    self.warning('%s', error)
        """,
        options=['--only-embedded'],
    )
    expected = tuple(f"No module named '{package}' (the Agent does not embed it)" for package in packages)
    assert outcome.runs[0].warnings == expected


def test_a_check_that_imports_such_a_package_cannot_be_loaded(agent: AgentProgram) -> None:
    outcome = agent.run(f'import hypothesis\n{NOTHING}', options=['--only-embedded'])
    assert outcome.exit_code == 2
    assert outcome.stderr == (
        "error: could not import toy: No module named 'hypothesis' (the Agent does not embed it)\n"
    )


def test_what_an_agent_embeds_works_while_the_rest_is_blocked(agent: AgentProgram) -> None:
    outcome = agent.run(
        """
        import cachetools, dateutil, json, pydantic, requests, sqlite3, urllib3, yaml
        def check(self, _):
            try:
                self.http.get('http://127.0.0.1:9/')
            except Exception as error:
                self.log.info('%s', type(error).__name__)
        """,
        options=['--only-embedded'],
    )
    assert outcome.stderr == ''
    assert outcome.runs[0].log_lines[-1].message.endswith('ConnectionError')


def test_the_journal_has_what_was_submitted_before_the_agent_was_killed(agent: AgentProgram) -> None:
    agent.write_check("""
        def check(self, _):
            import time
            self.event({'msg_title': 'delivered', 'msg_text': 'b', 'aggregation_key': 'id1'})
            print('submitted', flush=True)
            time.sleep(60)
            self.event({'msg_title': 'never', 'msg_text': 'b'})
    """)
    journal = agent.directory / 'journal'
    command = agent.command('--journal', str(journal))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == 'submitted\n'
        process.kill()
    written = [from_json_object(json.loads(line)) for line in journal.read_text().splitlines()]
    assert [event.aggregation_key for event in written if isinstance(event, Event)] == ['id1']


_texts = st.text(st.characters(codec='utf-8'), max_size=20)
_metrics = st.builds(
    Metric, st.sampled_from(['gauge', 'count']), _texts, st.floats(allow_nan=False), st.tuples(_texts, _texts), _texts
)
_events = st.builds(
    Event, _texts, _texts, st.integers(0, int(time.time())), st.tuples(_texts), _texts, _texts, _texts, _texts, _texts
)


@given(
    st.one_of(_metrics, _events, st.builds(LogLine, st.integers(0, 50), _texts), st.builds(Refused, _events, _texts))
)
def test_a_submission_survives_the_way_through_json(submission: Metric | Event | LogLine | Refused) -> None:
    assert from_json_object(json.loads(json.dumps(as_json_object(submission)))) == submission
