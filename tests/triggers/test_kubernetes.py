"""deploy/triggers: valid, one replica, and with a configuration that the relay takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from statsig.relay import run
from statsig.relay.configuration import parse

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'deploy' / 'triggers' / 'kubernetes'


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding='utf-8'))


def pod() -> Any:
    return read('deployment.yaml')['spec']['template']['spec']


@pytest.mark.parametrize('name', read('kustomization.yaml')['resources'])
def test_manifests_are_valid(name: str) -> None:
    kubernetes_validate.validate(read(name), '1.31', strict=True)


def test_there_is_one_and_its_journal_outlives_it() -> None:
    spec = read('deployment.yaml')['spec']
    (container,) = pod()['containers']
    configuration = read('relay.yaml')
    assert (spec['replicas'], spec['strategy']['type']) == (1, 'Recreate')
    mounts = {mount['name']: mount['mountPath'] for mount in container['volumeMounts']}
    assert mounts['journal'] == configuration['state_dir']
    volumes = {volume['name']: volume for volume in pod()['volumes']}
    claim = volumes['journal']['persistentVolumeClaim']['claimName']
    assert claim == read('volume-claim.yaml')['metadata']['name']
    assert configuration['dogstatsd_url'].startswith(f'unix://{mounts["dogstatsd"]}/')


def test_the_volume_holds_the_largest_journal_and_can_be_written() -> None:
    # 200,000 requests and as many decisions: up to 1 GiB, and as much again where all of it is written anew.
    assert read('volume-claim.yaml')['spec']['resources']['requests']['storage'] == '2Gi'
    security = pod()['securityContext']
    image = (ROOT / 'deploy' / 'relay' / 'Dockerfile').read_text(encoding='utf-8')
    assert f'USER {security["runAsUser"]}:{security["runAsGroup"]}\n' in image
    assert security['fsGroup'] == security['runAsGroup']


def test_it_has_the_time_that_the_relay_takes_to_stop() -> None:
    assert pod()['terminationGracePeriodSeconds'] > run._STOP_GRACE


def test_an_agent_that_takes_nothing_keeps_no_alert_away() -> None:
    (container,) = pod()['containers']
    probes = [container[f'{name}Probe']['httpGet'] for name in ('startup', 'readiness', 'liveness')]
    # Not /readyz: that is for several replicas, and depends on the Agent.
    assert probes == [{'path': '/healthz', 'port': 'http'}] * 3


def test_what_has_to_be_put_in_is_marked() -> None:
    lines = (FOLDER / 'relay.yaml').read_text(encoding='utf-8').splitlines()
    marked = {line.strip(' -').partition(':')[0] for line in lines if '# replace' in line}
    assert marked == {'project', 'monitor_id', 'gate'}


def test_the_configuration_is_taken_and_changes_nothing_yet() -> None:
    (container,) = pod()['containers']
    variables = {variable['name']: 'a-secret-0123456789' for variable in container['env']}
    triggers = parse(read('relay.yaml'), variables).triggers
    assert triggers is not None
    assert all(rule.dry_run for rule in triggers.rules)
