"""The persistent cache is as treacherous as the Agent's."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.sandbox.agent_cache import PersistentCache
from tests.agent.conftest import AgentProgram

COUNTING = """
def check(self, _):
    runs = int(self.read_persistent_cache('runs') or 0) + 1
    self.write_persistent_cache('runs', str(runs))
    self.gauge('toy.runs', runs)
"""
STABLE = "def persistent_cache_id(self): return 'project.one'"


def _runs_counted(agent: AgentProgram, methods: str | None = None, *options: str) -> float:
    (run,) = agent.run(methods, options=options).runs
    assert not run.error
    return run.metrics[0].value


def test_a_restarted_agent_finds_what_the_last_one_wrote(agent: AgentProgram) -> None:
    assert [_runs_counted(agent, COUNTING), _runs_counted(agent)] == [1, 2]


def test_an_edited_configuration_is_another_cache_unless_the_check_names_its_own(agent: AgentProgram) -> None:
    assert _runs_counted(agent, COUNTING) == 1
    agent.configure({'tags': ['team:growth']})
    assert _runs_counted(agent) == 1, 'the default id changes with any option'

    assert _runs_counted(agent, STABLE + COUNTING) == 1
    agent.configure({'tags': ['team:payments']})
    assert _runs_counted(agent) == 2, 'an id of its own survives the edit'


def test_the_name_of_an_instance_is_part_of_the_key(agent: AgentProgram) -> None:
    assert _runs_counted(agent, COUNTING) == 1
    agent.configure({'name': 'two'})
    assert _runs_counted(agent) == 1


def test_a_lost_write_is_silent(agent: AgentProgram) -> None:
    assert _runs_counted(agent, COUNTING, '--cache-fault', 'lost') == 1
    assert _runs_counted(agent) == 1


def test_a_torn_write_is_silent_and_leaves_a_torn_value(tmp_path: Path) -> None:
    cache = PersistentCache(tmp_path)
    cache.write('toy:a', 'the value before')
    cache.tear_after = 5
    cache.write('toy:a', 'the value after')
    assert cache.read('toy:a') == 'the v'
    cache.tear_after = 0
    cache.write('toy:a', 'the value after')
    assert cache.read('toy:a') == ''


def test_an_unreadable_value_is_a_runtime_error(agent: AgentProgram) -> None:
    (run,) = agent.run(COUNTING, options=['--cache-fault', 'unreadable']).runs
    assert run.error == 'failed to read data'


def test_a_value_that_cannot_be_written_where_it_belongs_is_lost(tmp_path: Path) -> None:
    cache = PersistentCache(tmp_path)
    cache.path('toy:a').mkdir(parents=True)
    cache.write('toy:a', 'value')
    with pytest.raises(RuntimeError, match='failed to read data'):
        cache.read('toy:a')


def test_garbage_in_the_file_is_a_value_error_and_a_nul_ends_the_value(tmp_path: Path) -> None:
    cache = PersistentCache(tmp_path)
    cache.write('a', 'x')
    cache.path('a').write_bytes(b'\xff\xfe')
    with pytest.raises(ValueError, match='utf-8'):
        cache.read('a')
    cache.path('a').write_bytes(b'seen\0unseen')
    assert cache.read('a') == 'seen'


@pytest.mark.parametrize(
    ('key', 'path'),
    [
        ('statsig:a.b', 'statsig/ab'),
        ('statsig:ab', 'statsig/ab'),
        ('statsig:https://x/y_1-2', 'statsig/httpsxy_1-2'),
        ('statsig:name:id_key', 'statsig/nameid_key'),
        ('no colon', 'nocolon'),
        ('../up:../../up', 'up/up'),
    ],
)
def test_characters_that_a_file_name_could_not_have_are_dropped(tmp_path: Path, key: str, path: str) -> None:
    assert PersistentCache(tmp_path).path(key) == tmp_path / path


@given(
    st.from_regex(r'[ab._/é]*a[ab._/é]*(:[ab._:/ é]*b)?', fullmatch=True),
    st.text(st.characters(codec='utf-8', exclude_characters='\0')),
)
def test_what_was_written_is_read_again(key: str, value: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        cache = PersistentCache(Path(directory))
        cache.write(key, value)
        assert cache.read(key) == value
        assert cache.path(key).stat().st_mode & 0o777 == 0o600
