"""From a bare Agent to a running check with the commands of docs/installation.md: the bundle, and the wheel."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from statsig.sandbox.agent import Run
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer
from tests.packaging.agent_tree import AgentTree, embed_python
from tests.packaging.commands import package, run
from tests.packaging.documentation import commands
from tests.packaging.test_reproducible import checkout

SWITCHED_OFF = 'Gate checkout_v2 disabled by Jane Doe'
UNPACK = 'unpack the bundle'
LOOK = 'look before an Agent in checks.d sends anything'
LOOK_WITH_THE_WHEEL = 'look before an Agent with the wheel sends anything'
MODULES = ('checks.d/statsig', 'checks.d/datadog_checks/statsig')


def edit_conf_yaml(agent: AgentTree, statsig: SandboxServer) -> None:
    """As somebody does who has the example before them, and a Statsig of their own."""
    text = agent.conf_yaml.read_text()
    assert text.count('<CONSOLE_API_KEY>') == 1
    text = text.replace('<CONSOLE_API_KEY>', f'{DEFAULT_KEY}\n    api_url: {statsig.url}')
    agent.conf_yaml.write_text(text)


def titles(runs: list[Run]) -> list[str]:
    return [event.title for each in runs for event in each.events]


def assert_it_works(runs: list[Run]) -> None:
    names = {metric.name for each in runs for metric in each.metrics}
    assert {'statsig.check_gate.count', 'statsig.gates.count', 'statsig.audit_log.lag'} <= names
    assert titles(runs) == [SWITCHED_OFF]
    assert [each.error for each in runs] == [''] * len(runs)


@pytest.fixture
def agent_with_bundle(agent: AgentTree, our_bundle: Path, statsig: SandboxServer) -> AgentTree:
    agent.shell(commands(UNPACK), cwd=our_bundle.parent)
    edit_conf_yaml(agent, statsig)
    return agent


def changed(project: Path, version: str) -> None:
    """Another version of the check, whose module with the number keeps its size."""
    about = project / 'datadog_checks/statsig/__about__.py'
    about.write_text(f"__version__ = '{version}'\n")


def installed_version(agent: AgentTree) -> str:
    code = 'import sys; sys.path.append(sys.argv[1]); from datadog_checks.statsig import __version__ as v; print(v)'
    return run(agent.opt / 'embedded/bin/python3', '-I', '-c', code, agent.etc / 'checks.d').strip()


def test_the_bundle_unpacked_runs_on_what_the_agent_has(agent_with_bundle: AgentTree) -> None:
    agent = agent_with_bundle
    agent.shell(commands('restart the Agent'), cwd=agent.root)

    assert_it_works(agent.runs())

    assert agent.conf_yaml.stat().st_mode & 0o777 == 0o640
    where = 'import sys; sys.path.append(sys.argv[1]); import datadog_checks.statsig as c, statsig.console as s; '
    where += 'print(c.__file__, s.__file__)'
    found = run(agent.opt / 'embedded/bin/python3', '-I', '-c', where, agent.etc / 'checks.d').split()
    assert [Path(file).is_relative_to(agent.etc / 'checks.d') for file in found] == [True, True]


def test_without_unzip_the_agents_own_python_unpacks_it(
    agent: AgentTree, our_bundle: Path, statsig: SandboxServer
) -> None:
    agent.shell(commands('unpack the bundle without unzip'), cwd=our_bundle.parent)
    shutil.copy(agent.conf_yaml.with_suffix('.yaml.example'), agent.conf_yaml)
    edit_conf_yaml(agent, statsig)

    assert_it_works(agent.runs())


def test_looking_first_shows_what_would_be_sent_and_takes_nothing_from_the_agent(
    agent_with_bundle: AgentTree,
) -> None:
    shown = agent_with_bundle.shell(commands(LOOK), cwd=agent_with_bundle.root)

    assert 'statsig.check_gate.count' in shown
    assert list(agent_with_bundle.run_path.iterdir()) == []
    assert titles(agent_with_bundle.runs()) == [SWITCHED_OFF]


def test_an_upgrade_keeps_configuration_and_position_and_runs_the_new_version(
    agent_with_bundle: AgentTree, statsig: SandboxServer, tmp_path: Path
) -> None:
    agent = agent_with_bundle
    before = titles(agent.runs())
    newer = checkout(tmp_path / 'newer')
    changed(newer, '9.9.9')
    package('bundle', newer, tmp_path / 'made').rename(tmp_path / 'statsig-datadog-agent-0.1.0.zip')
    configuration = agent.conf_yaml.read_text()

    agent.shell(commands('upgrade the bundle'), cwd=tmp_path)
    statsig.project.set_gate_enabled('checkout_v2', True, 'Jane Doe')
    after = titles(agent.runs())

    assert installed_version(agent) == '9.9.9'
    assert agent.conf_yaml.read_text() == configuration
    assert before == [SWITCHED_OFF]
    assert after == ['Gate checkout_v2 enabled by Jane Doe']


def test_unpacked_over_an_older_one_the_new_modules_run_although_time_may_be_all_that_differs(
    agent_with_bundle: AgentTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever forgets to remove the old modules: their bytecode is still there, and so are modules that are gone.
    agent = agent_with_bundle
    monkeypatch.delenv('SOURCE_DATE_EPOCH', raising=False)
    first = titles(agent.runs())
    assert list(agent.etc.rglob('__about__.*.pyc')), 'this Agent may write there, the worst case'
    (agent.etc / 'checks.d/statsig/console/gone.py').write_text('raise RuntimeError("of a version before")\n')
    newer = checkout(tmp_path / 'newer')
    changed(newer, '0.1.1')

    agent.shell(f'unzip -qo {package("bundle", newer, tmp_path / "made")} -d /etc/datadog-agent', cwd=tmp_path)

    assert installed_version(agent) == '0.1.1'
    assert first == [SWITCHED_OFF]
    assert titles(agent.runs()) == []


def test_an_upgrade_of_the_agent_leaves_the_bundle_and_the_position(agent_with_bundle: AgentTree) -> None:
    before = titles(agent_with_bundle.runs())

    embed_python(agent_with_bundle)

    assert before == [SWITCHED_OFF]
    assert titles(agent_with_bundle.runs()) == []


def test_what_is_removed_leaves_the_agent_as_it_was(agent_with_bundle: AgentTree) -> None:
    agent = agent_with_bundle
    agent.runs()

    agent.shell(commands('remove the bundle'), cwd=agent.root)

    left = {str(path.relative_to(agent.etc)) for path in agent.etc.rglob('*') if path.is_file()}
    assert left == {'datadog.yaml', 'conf.d/cpu.d/conf.yaml.default'}
    assert list(agent.run_path.iterdir()) == []


def test_checks_that_are_there_already_go_on_working(agent_with_bundle: AgentTree) -> None:
    agent = agent_with_bundle
    other = agent.etc / 'checks.d/datadog_checks/other'
    other.mkdir()
    (other / '__init__.py').write_text('ANSWER = 42\n')

    # In two lines: `ddev validate imports` reads tests line by line, and takes this for an import of its own.
    load = 'import sys; sys.path.append(sys.argv[1]); from importlib import import_module as load'
    code = f'{load}; print(load("datadog_checks.other").ANSWER)'
    answer = run(agent.opt / 'embedded/bin/python3', '-I', '-c', code, agent.etc / 'checks.d')

    assert answer.strip() == '42'
    assert_it_works(agent.runs())


@pytest.mark.parametrize('hiding', ['etc/datadog-agent/checks.d/statsig.py', 'the SDK'])
def test_what_the_page_says_hides_it_does(hiding: str, agent_with_bundle: AgentTree) -> None:
    agent = agent_with_bundle
    if hiding == 'the SDK':
        (agent.site_packages / 'statsig').mkdir()
        (agent.site_packages / 'statsig/__init__.py').touch()
    else:
        (agent.root / hiding).touch()

    with pytest.raises(pytest.fail.Exception, match=r'the Agent exited 1'):
        agent.runs()
    with pytest.raises(pytest.fail.Exception, match=r"(No module named|specification for) '?statsig\.cli"):
        agent.shell(commands(LOOK), cwd=agent.root)


def test_the_wheel_installed_as_the_agent_does_runs_on_what_the_agent_has_until_it_is_removed(
    agent: AgentTree, our_wheel: Path, statsig: SandboxServer
) -> None:
    agent.shell(commands('install the wheel'), cwd=our_wheel.parent)
    shutil.copy(agent.conf_yaml.with_suffix('.yaml.example'), agent.conf_yaml)
    edit_conf_yaml(agent, statsig)

    shown = agent.shell(commands(LOOK_WITH_THE_WHEEL), cwd=agent.root)
    runs = agent.runs()
    agent.shell(commands('remove the wheel'), cwd=agent.root)

    assert 'statsig.check_gate.count' in shown
    assert_it_works(runs)
    assert list((agent.etc / 'checks.d').iterdir()) == []
    assert not (agent.site_packages / 'datadog_checks/statsig').exists()
    assert not (agent.site_packages / 'statsig').exists()
    assert (agent.site_packages / 'datadog_checks/base').exists()


def test_of_a_wheel_and_a_copy_in_checks_d_the_agent_takes_the_wheel_and_the_position_stays(
    agent_with_bundle: AgentTree, our_wheel: Path
) -> None:
    agent = agent_with_bundle
    before = titles(agent.runs())
    for directory in MODULES:
        for module in (agent.etc / directory).rglob('*.py'):
            module.write_text('raise RuntimeError("this is the copy in checks.d")\n')

    agent.shell(commands('install the wheel'), cwd=our_wheel.parent)

    assert before == [SWITCHED_OFF]
    assert titles(agent.runs()) == []
