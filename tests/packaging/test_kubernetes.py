"""The manifests agree with Kubernetes' schemas, and what they put together is an Agent that runs the check."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from statsig.sandbox.agent import Run
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer
from tests.packaging.agent_tree import AgentTree
from tests.packaging.commands import run
from tests.packaging.documentation import INSTALLATION, commands
from tests.packaging.pod import MANIFESTS, VARIANTS, deployment, kubectl, manifests, resolve_secrets, start_pod

SECRET = {'datadog-api-key': '0123', 'statsig-console-key': f'{DEFAULT_KEY}\n'}
SWITCHED_OFF = 'Gate checkout_v2 disabled by Jane Doe'


def run_check(agent: AgentTree, configuration: dict[str, Any], statsig: SandboxServer) -> Run:
    configuration = resolve_secrets(agent, configuration)
    configuration['instances'][0]['api_url'] = statsig.url
    agent.conf_yaml.parent.mkdir(parents=True, exist_ok=True)
    agent.conf_yaml.write_text(yaml.safe_dump(configuration))
    (run,) = agent.runs()
    return run


@pytest.mark.parametrize('variant', VARIANTS)
@pytest.mark.parametrize('version', ['1.29', '1.32', kubernetes_validate.latest_version()])
def test_the_manifests_agree_with_the_schemas(variant: str, version: str) -> None:
    objects = manifests(variant)

    assert {each['kind'] for each in objects} == {'ConfigMap', 'PersistentVolumeClaim', 'Deployment'}
    for each in objects:
        kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize('variant', VARIANTS)
def test_nothing_is_mounted_that_is_not_there(variant: str) -> None:
    objects = manifests(variant)
    pod = deployment(objects)['spec']['template']['spec']
    (container,) = pod['containers']
    made = {(each['kind'], each['metadata']['name']) for each in objects}
    wanted = {('ConfigMap', each['configMap']['name']) for each in pod['volumes'] if 'configMap' in each}
    wanted |= {
        ('PersistentVolumeClaim', each['persistentVolumeClaim']['claimName'])
        for each in pod['volumes']
        if 'persistentVolumeClaim' in each
    }
    keys = {item['key'] for each in pod['volumes'] if 'secret' in each for item in each['secret']['items']}
    from_secrets = [each['valueFrom'].get('secretKeyRef') for each in container['env'] if 'valueFrom' in each]
    keys |= {each['key'] for each in from_secrets if each and each['name'] == 'statsig-agent'}

    assert wanted | {(kind, name) for kind, name in made if kind == 'Deployment'} == made
    assert {each['name'] for each in pod['volumes']} == {each['name'] for each in container['volumeMounts']}
    assert keys == set(re.findall(r'^ *([\w-]+-key)=', INSTALLATION.read_text(), re.MULTILINE)), 'as the page has them'


def test_the_secret_is_made_of_a_file_so_that_no_key_is_on_a_command_line(tmp_path: Path) -> None:
    (tmp_path / 'keys.env').write_text('datadog-api-key=0123\nstatsig-console-key=console-a=b#c\n')
    # Without a cluster: what would be sent to it.
    command = commands('make the secret').replace(
        ' create secret generic ', ' create secret --dry-run=client -o yaml generic '
    )
    path = {'PATH': f'{kubectl().parent}:{os.environ["PATH"]}'}

    secret = yaml.safe_load(run('sh', '-ec', f'cd {tmp_path}\n{command}', environment=path))

    assert (secret['metadata']['name'], secret['metadata']['namespace']) == ('statsig-agent', 'datadog')
    decoded = {key: base64.b64decode(value).decode() for key, value in secret['data'].items()}
    assert decoded == {'datadog-api-key': '0123', 'statsig-console-key': 'console-a=b#c'}
    assert not (tmp_path / 'keys.env').exists()


@pytest.mark.parametrize('variant', VARIANTS)
def test_two_never_read_the_audit_log_at_once_and_the_position_is_on_a_volume(variant: str) -> None:
    spec = deployment(manifests(variant))['spec']
    pod = spec['template']['spec']
    (run_directory,) = (
        mount['name']
        for mount in pod['containers'][0]['volumeMounts']
        if mount['mountPath'] == '/opt/datadog-agent/run'
    )

    assert (spec['replicas'], spec['strategy']) == (1, {'type': 'Recreate'})
    assert [each for each in pod['volumes'] if each['name'] == run_directory and 'persistentVolumeClaim' in each]


@pytest.mark.parametrize('variant', VARIANTS)
def test_the_pod_is_allowed_where_pods_are_restricted(variant: str) -> None:
    # The Pod Security Standard `restricted`, and no token of the cluster.
    pod = deployment(manifests(variant))['spec']['template']['spec']
    (container,) = pod['containers']

    assert pod['automountServiceAccountToken'] is False
    assert pod['securityContext']['runAsNonRoot'] is True
    assert pod['securityContext']['runAsUser'] > 0
    assert pod['securityContext']['seccompProfile'] == {'type': 'RuntimeDefault'}
    assert container['securityContext'] == {
        'allowPrivilegeEscalation': False,
        'readOnlyRootFilesystem': True,
        'capabilities': {'drop': ['ALL']},
    }
    assert {next(iter(set(each) - {'name'})) for each in pod['volumes']} <= {
        'configMap',
        'secret',
        'emptyDir',
        'persistentVolumeClaim',
    }


def test_one_agent_runs_the_check_and_a_new_pod_goes_on_where_the_old_one_was(
    image: AgentTree, statsig: SandboxServer, tmp_path: Path
) -> None:
    objects, volume = manifests('one-agent'), tmp_path / 'volume'

    def pod(name: str, volume: Path = volume) -> Run:
        agent = start_pod(image, objects, SECRET, volume, root=tmp_path / name)
        assert not (agent.etc / 'conf.d/cpu.d').exists(), "the default checks are the DaemonSet's"
        return run_check(agent, yaml.safe_load(agent.conf_yaml.read_text()), statsig)

    first, second = pod('first'), pod('second')
    without_the_volume = pod('third', volume=tmp_path / 'another volume')

    assert {'statsig.check_gate.count', 'statsig.gates.count'} <= {metric.name for metric in first.metrics}
    assert [event.title for event in first.events] == [SWITCHED_OFF]
    assert [event.title for event in second.events] == []
    assert [event.title for event in without_the_volume.events] == [SWITCHED_OFF], 'as the page says'


def test_the_runner_runs_what_the_cluster_agent_dispatches(
    image: AgentTree, statsig: SandboxServer, tmp_path: Path
) -> None:
    values = yaml.safe_load((MANIFESTS / 'cluster-check/cluster-agent-values.yaml').read_text())
    dispatched = yaml.safe_load(values['clusterAgent']['confd']['statsig.yaml'])
    objects = manifests('cluster-check')
    environment = {
        each['name']: each.get('value')
        for each in deployment(objects)['spec']['template']['spec']['containers'][0]['env']
    }

    agent = start_pod(image, objects, SECRET, tmp_path / 'volume', root=tmp_path / 'runner')
    assert not (agent.etc / 'conf.d').exists(), 'a file here would run the check twice'
    run = run_check(agent, dispatched, statsig)

    assert dispatched['cluster_check'] is True
    assert environment['DD_EXTRA_CONFIG_PROVIDERS'] == 'clusterchecks'
    assert values['clusterChecksRunner'] == {'enabled': True, 'replicas': 0}, 'no other runner may get it'
    assert [event.title for event in run.events] == [SWITCHED_OFF]
