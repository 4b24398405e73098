"""Secrets in a wrong configuration, in the dry run, in `agent diagnose` and in the `repr` of any object."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from statsig.sandbox.agent_process import AgentEndedError
from tests.faults.leaks import KEY, PASSWORD, REFUSED_KEY, leaks_in
from tests.faults.world import World

ROOT = Path(__file__).resolve().parent.parent.parent

WRONG_OPTIONS: list[dict[str, Any]] = [
    {'api_key': [KEY]},
    {'api_key': {KEY: KEY}},
    {'api_key': f' {KEY}'},
    {'api_key': f'{KEY}\n'},
    {'api_key': f'{KEY}ü'},
    {'api_key': f'<{KEY}>'},
    {'api_key': f'ENC[{KEY}]'},
    {'api_key': KEY.removeprefix('console-')},
    *(
        {'api_key': KEY, option: value}
        for value in (KEY, [KEY], {KEY: KEY})
        for option in (
            *('api_url', 'project', 'name', 'metric_namespace', 'min_collection_interval', 'audit_log_lookback'),
            *('max_requests_per_minute', 'hide_author', 'collect_exposures', 'gates', 'audit_log_include', 'tag_rules'),
            *('proxy', 'headers', 'extra_headers', 'timeout', 'username', 'password', 'auth_token', 'tls_verify'),
            *('log_requests', 'skip_proxy', 'aws_region', 'disable_generic_tags', 'metric_patterns'),
        )
    ),
    {'api_key': KEY, 'tags': KEY},
    {'api_key': KEY, 'tags': [{KEY: KEY}]},
    {'api_key': KEY, 'tag_rules': [{'match': KEY, 'tags': ['a:b']}]},
    {'api_key': KEY, 'tag_rules': [{'match': 'gate:a', 'tags': [{KEY: 'b'}]}]},
    {'api_key': KEY, 'gates': {'include': [{KEY: KEY}]}},
    {'api_key': KEY, 'gates': {'limit': KEY}},
    {'api_key': KEY, 'api_url': f'https://{KEY}@statsigapi.net'},
    {'api_key': KEY, 'api_url': f'https://statsigapi.net/?key={KEY}'},
    {'api_key': KEY, 'api_url': f'https://statsigapi.net:{KEY}'},
    {'apikey': KEY},
    {KEY: KEY},
]


def test_no_wrong_configuration_tells_a_secret(talkative_world: World) -> None:
    leaks = {}
    for number, options in enumerate(WRONG_OPTIONS):
        in_place = {'instances': [{'api_url': talkative_world.server.url, **options}], 'init_config': {}}
        talkative_world.restart()
        talkative_world.config.write_text(yaml.safe_dump(in_place), encoding='utf-8')
        host = talkative_world.start_runs(1)
        try:
            run = host.next_run()
            said = json.dumps([run.warnings, run.error, run.traceback])
        except AgentEndedError as ended:
            said = str(ended)
        talkative_world.restart()
        said += ''.join(host.output) + host.errors
        if found := leaks_in(said):
            leaks[f'{number} {options}'] = found
    assert leaks == {}


def cli(*arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """All that the command prints."""
    ended = subprocess.run(
        [sys.executable, '-m', 'statsig.cli', *arguments],
        env={**os.environ, **(environment or {})},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.stdout + ended.stderr


@pytest.mark.parametrize('output', ['--json', None])
@pytest.mark.parametrize('key', [KEY, REFUSED_KEY])
def test_the_dry_run_tells_no_secret(talkative_world: World, key: str, output: str | None) -> None:
    talkative_world.insert(2)
    talkative_world.configure({'api_key': key, 'hide_auther': True})

    told = cli('check', '--config', str(talkative_world.config), *([output] if output else []))

    assert 'hide_author' in told
    assert ('answered 401' in told) == (key == REFUSED_KEY)
    assert leaks_in(told) == []


def test_the_dry_run_tells_no_secret_from_the_environment_or_from_a_file_that_is_not_yaml(
    talkative_world: World,
) -> None:
    talkative_world.configure({'api_key': 'ENC[statsig_key]'})
    told = cli('check', '--config', str(talkative_world.config), environment={'STATSIG_CONSOLE_API_KEY': REFUSED_KEY})
    assert 'answered 401' in told
    for broken in (f'instances:\n  - api_key: "{KEY}\n', f'instances:\n - api_key: @{KEY}', KEY, f'{KEY}:\n\t- {KEY}'):
        talkative_world.config.write_text(broken, encoding='utf-8')
        told += cli('check', '--config', str(talkative_world.config))
    assert told.count('error: ') >= 4
    assert leaks_in(told) == []


INSPECTION = """
import gc, json, sys, traceback
from statsig.sandbox.agent import AgentHost
host = AgentHost(sys.argv[1])
check = host.start('statsig', json.loads(sys.argv[2]))
run = check.run()
print(json.dumps(run.as_json_object()))
print(json.dumps(check.diagnose()))
modules = ('statsig.console', 'statsig.datadog', 'datadog_checks.statsig')
ours = [each for each in gc.get_objects() if str(type(each).__module__).startswith(modules)]
ours = [each for each in ours if 'config_models' not in type(each).__module__]
ours += [check.check, check.check.config, check.check.shared_config]
print(len({type(each) for each in ours}), 'types')
for each in ours:
    print(type(each), repr(each), str(each))
try:
    check.check._collector._client.get_page('gates', 1, 10, {})
    check.check._collector._client._http.get(None)
except Exception:
    traceback.print_exc()
"""


@pytest.mark.parametrize('key', [KEY, REFUSED_KEY])
def test_neither_diagnose_nor_any_object_shows_a_secret(talkative_world: World, tmp_path: Path, key: str) -> None:
    address = f'http://agent:{PASSWORD}@127.0.0.1:9'
    instance = {
        'api_url': talkative_world.server.url,
        'api_key': key,
        'project': 'sandbox',
        'password': PASSWORD,
        'proxy': {'https': address, 'no_proxy': ['127.0.0.1']},
        'headers': {'X-Token': PASSWORD},
    }
    talkative_world.insert(2)

    ended = subprocess.run(
        [sys.executable, '-c', INSPECTION, str(tmp_path / 'cache'), json.dumps(instance)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert int(ended.stdout.partition(' types')[0].splitlines()[-1]) > 10
    assert leaks_in(ended.stdout + ended.stderr) == []
