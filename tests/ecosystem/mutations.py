"""One way to break each file that the validators hold: each must be noticed, or a validator holds nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Mutation:
    """`break_it` changes files of an integration's directory so that the validator of that name must fail."""

    validator: str
    what: str
    break_it: Callable[[Path], None]


def _replace(file: str, old: str, new: str) -> Callable[[Path], None]:
    def break_it(integration: Path) -> None:
        path = integration / file
        text = path.read_text(encoding='utf-8')
        if old not in text:
            raise RuntimeError(f'{file} has no {old!r} to be broken: bring tests/ecosystem/mutations.py up to date')
        path.write_text(text.replace(old, new), encoding='utf-8')

    return break_it


def _delete(file: str) -> Callable[[Path], None]:
    return lambda integration: (integration / file).unlink()


def _append(file: str, text: str) -> Callable[[Path], None]:
    def break_it(integration: Path) -> None:
        with (integration / file).open('a', encoding='utf-8') as content:
            content.write(text)

    return break_it


def _asset(kind: str, content: Any) -> Callable[[Path], None]:
    """A new asset of this kind that the manifest lists."""

    def break_it(integration: Path) -> None:
        manifest = json.loads((integration / 'manifest.json').read_text(encoding='utf-8'))
        manifest['assets'].setdefault(kind, {})['Broken'] = f'assets/{kind}/broken.json'
        (integration / 'manifest.json').write_text(json.dumps(manifest), encoding='utf-8')
        path = integration / 'assets' / kind / 'broken.json'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding='utf-8')

    return break_it


_CHECK = 'datadog_checks/statsig/check.py'
_NAMESPACE = 'datadog_checks'  # apart: the validator reads this file too
_MODELS = 'datadog_checks/statsig/config_models'

MUTATIONS = (
    Mutation(
        'config', 'an option in the example alone', _append('datadog_checks/statsig/data/conf.yaml.example', '#\n')
    ),
    Mutation('config', 'no spec.yaml', _delete('assets/configuration/spec.yaml')),
    Mutation('models', 'a default changed in the models', _append(f'{_MODELS}/defaults.py', 'X = 1\n')),
    Mutation('models', 'a model deleted', _delete(f'{_MODELS}/shared.py')),
    Mutation('manifest', 'an unknown metric to check', _replace('manifest.json', '.can_connect"', '.cannot_connect"')),
    Mutation('manifest', 'no changelog', _delete('CHANGELOG.md')),
    Mutation('metadata', 'an unknown type', _replace('metadata.csv', ',gauge,', ',gouge,')),
    Mutation('metadata', 'an unknown unit', _replace('metadata.csv', ',second,', ',seconds,')),
    Mutation('metadata', 'no metadata.csv', _delete('metadata.csv')),
    Mutation(
        'dashboards', 'a dashboard without widgets', _asset('dashboards', {'title': 'x', 'layout_type': 'ordered'})
    ),
    Mutation('dashboards', 'a manifest that is none', _replace('manifest.json', '"2.0.0"', '"3.0.0"')),
    Mutation(
        'service-checks', 'a service check without statuses', _replace('assets/service_checks.json', '[]', '[{}]')
    ),
    Mutation('service-checks', 'no service_checks.json', _delete('assets/service_checks.json')),
    Mutation('saved-views', 'a saved view of an unknown page', _asset('saved_views', {'name': 'x', 'page': 'y'})),
    Mutation('package', 'another name', _replace('setup.py', "name='datadog-statsig'", "name='statsig'")),
    Mutation('dep', 'no CHECKS_BASE_REQ', _replace('setup.py', 'CHECKS_BASE_REQ', 'BASE')),
    Mutation('http', 'requests beside the wrapper', _append(_CHECK, "\nrequests.get('http://localhost')\n")),
    Mutation(
        'http',
        'no templates of HTTP options in spec.yaml',
        # Its pattern is looser than it looks: any template of instances passes for that of HTTP.
        _replace('assets/configuration/spec.yaml', 'template: instances/', 'template: instance/'),
    ),
    Mutation('imports', 'an old import', _append(_CHECK, f'from {_NAMESPACE}.checks import AgentCheck\n')),
    Mutation('readmes', 'no section Setup', _replace('README.md', '## Setup', '## Installation')),
    Mutation('readmes', 'a character out of bounds', _append('README.md', '→\n')),
    Mutation('integration-style', 'the signature of yesterday', _append(_CHECK, '\n    def check(self, instance):\n')),
    Mutation('legacy-signature', 'agentConfig', _append(_CHECK, '\n    def __init__(self, agentConfig): ...\n')),
)
