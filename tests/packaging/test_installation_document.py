"""Every command on docs/installation.md is run by a test, or says why not."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from datadog_checks.statsig.config_models import InstanceConfig
from tests.packaging.documentation import INSTALLATION, blocks, links_to_nowhere

PAGE = INSTALLATION.read_text(encoding='utf-8')
TESTS = Path(__file__).parent


def test_every_block_of_commands_is_run_by_a_test_or_says_why_not() -> None:
    tests = ''.join(path.read_text(encoding='utf-8') for path in TESTS.parent.rglob('test_*.py'))
    found = blocks()
    named = [block['text'] for block in found if block['kind'] == 'run']

    assert len(found) == PAGE.count('```sh')
    assert [block['commands'] for block in found if block['kind'] is None] == []
    assert len(named) == len(set(named))
    assert [name for name in named if f"'{name}'" not in tests] == []


def test_the_commands_of_the_readme_are_those_of_this_page() -> None:
    readme = (TESTS.parents[1] / 'README.md').read_text(encoding='utf-8')
    setup = readme[readme.index('## Setup') : readme.index('## Data Collected')]
    shown = re.findall(r'```sh\n(.*?)```', setup, re.DOTALL)

    assert len(shown) >= 4
    assert [commands for commands in shown if commands not in [block['commands'] for block in blocks()]] == []


def test_what_it_links_to_exists() -> None:
    assert links_to_nowhere(INSTALLATION) == []


def test_the_options_it_names_exist() -> None:
    known = {field.alias or name for name, field in InstanceConfig.model_fields.items()}
    named = set(re.findall(r'`((?:collect|audit_log|metric)_[a-z_]+)', PAGE))

    assert named
    assert named - known == set()


def test_its_secret_backend_is_that_of_the_manifests() -> None:
    (shown,) = re.findall(r'```yaml\n(.*?)```', PAGE, re.DOTALL)
    manifest = yaml.safe_load((TESTS.parents[1] / 'deploy/agent/kubernetes/one-agent/datadog.yaml').read_text())

    assert yaml.safe_load(shown).keys() <= manifest.keys()
    assert yaml.safe_load(shown)['secret_backend_type'] == manifest['secret_backend_type']
