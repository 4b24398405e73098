"""deploy/triggers: valid, one replica, and with a configuration that the relay takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from statsig.relay.configuration import parse

FOLDER = Path(__file__).resolve().parents[2] / 'deploy' / 'triggers' / 'kubernetes'


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding='utf-8'))


@pytest.mark.parametrize('name', read('kustomization.yaml')['resources'])
def test_manifests_are_valid(name: str) -> None:
    kubernetes_validate.validate(read(name), '1.31', strict=True)


def test_there_is_one_and_its_journal_outlives_it() -> None:
    spec = read('deployment.yaml')['spec']
    (container,) = spec['template']['spec']['containers']
    configuration = read('relay.yaml')
    assert (spec['replicas'], spec['strategy']['type']) == (1, 'Recreate')
    mounts = {mount['name']: mount['mountPath'] for mount in container['volumeMounts']}
    assert mounts['journal'] == configuration['state_dir']
    volumes = {volume['name']: volume for volume in spec['template']['spec']['volumes']}
    claim = volumes['journal']['persistentVolumeClaim']['claimName']
    assert claim == read('volume-claim.yaml')['metadata']['name']
    assert configuration['dogstatsd_url'].startswith(f'unix://{mounts["dogstatsd"]}/')


def test_the_configuration_is_taken_and_changes_nothing_yet() -> None:
    (container,) = read('deployment.yaml')['spec']['template']['spec']['containers']
    variables = {variable['name']: 'a-secret-0123456789' for variable in container['env']}
    triggers = parse(read('relay.yaml'), variables).triggers
    assert triggers is not None
    assert all(rule.dry_run for rule in triggers.rules)
