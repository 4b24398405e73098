"""deploy/relay/Dockerfile, and the pods of deploy/relay/kubernetes that run it."""

from __future__ import annotations

import re
import sysconfig
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import kubernetes_validate
import pytest
import yaml

from statsig.relay import run as relay_run
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.webhook_sender import WebhookEvents, WebhookSender
from tests.packaging.commands import run
from tests.packaging.documentation import RELAY
from tests.packaging.pod import Manifest, deployment, manifests
from tests.packaging.relay_machine import DOCKERFILE, PROJECT, SOCKET, Image, build, relay_with, sums

KUBERNETES = PROJECT / 'deploy/relay/kubernetes'
VARIANTS = ('relay', 'with-ingress')
EVERYWHERE = {'ConfigMap', 'Deployment', 'Service', 'HorizontalPodAutoscaler', 'PodDisruptionBudget'}


@pytest.fixture(scope='module')
def image(our_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Image:
    return build(our_wheel.parent, tmp_path_factory.mktemp('image'))


@pytest.fixture
def short_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a Unix socket has room for 107 bytes."""
    return tmp_path_factory.mktemp('pod')


def by_kind(variant: str = 'relay') -> dict[str, Manifest]:
    objects = manifests(KUBERNETES / variant)
    assert len({each['kind'] for each in objects}) == len(objects)
    return {each['kind']: each for each in objects}


def pod_of(objects: dict[str, Manifest]) -> dict[str, Any]:
    pod: dict[str, Any] = deployment(objects.values())['spec']['template']['spec']
    return pod


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    run(Path(sysconfig.get_path('scripts')) / 'hadolint', '--no-color', '--failure-threshold', 'style', DOCKERFILE)


def test_the_image_runs_as_nobody_in_particular_and_gets_its_signals_itself(image: Image) -> None:
    assert re.fullmatch(r'[1-9]\d+:[1-9]\d+', image.settings['USER'])
    assert image.settings['STOPSIGNAL'] == 'SIGTERM'
    assert image.entry_point == ['/opt/statsig-datadog/bin/statsig-datadog']
    assert image.command == ['relay', '--config', '/etc/statsig-datadog/relay.yaml']
    assert 'SECRET' not in DOCKERFILE.read_text()
    assert not (image.root / 'etc').exists(), 'no configuration is built in'
    assert not list(image.root.glob('opt/statsig-datadog/lib/python*/site-packages/pip')), (
        'nothing can be installed later'
    )


@pytest.mark.parametrize('variant', VARIANTS)
@pytest.mark.parametrize('version', ['1.29', '1.32', kubernetes_validate.latest_version()])
def test_the_manifests_agree_with_the_schemas(variant: str, version: str) -> None:
    objects = by_kind(variant)

    assert objects.keys() == EVERYWHERE | ({'Ingress'} if variant == 'with-ingress' else set())
    for each in objects.values():
        kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize('variant', VARIANTS)
def test_they_name_each_other(variant: str) -> None:
    objects = by_kind(variant)
    labels = objects['Deployment']['spec']['template']['metadata']['labels']
    ports = {each['name'] for each in pod_of(objects)['containers'][0]['ports']}
    (service_port,) = objects['Service']['spec']['ports']

    for selector in (
        objects['Deployment']['spec']['selector']['matchLabels'],
        objects['Service']['spec']['selector'],
        objects['PodDisruptionBudget']['spec']['selector']['matchLabels'],
        pod_of(objects)['topologySpreadConstraints'][0]['labelSelector']['matchLabels'],
    ):
        assert selector == labels
    target = objects['HorizontalPodAutoscaler']['spec']['scaleTargetRef']
    assert (target['kind'], target['name']) == ('Deployment', objects['Deployment']['metadata']['name'])
    assert service_port['targetPort'] in ports
    if 'Ingress' in objects:
        (rule,) = objects['Ingress']['spec']['rules']
        (path,) = rule['http']['paths']
        assert (path['path'], path['pathType']) == ('/webhooks/statsig', 'Exact')
        backend = path['backend']['service']
        assert backend == {'name': objects['Service']['metadata']['name'], 'port': {'name': service_port['name']}}


def test_there_is_always_one_more_than_may_be_missing() -> None:
    objects = by_kind()

    assert 'replicas' not in objects['Deployment']['spec'], "that number is the autoscaler's"
    missing = objects['PodDisruptionBudget']['spec']['maxUnavailable']
    assert objects['HorizontalPodAutoscaler']['spec']['minReplicas'] > missing
    assert objects['Deployment']['spec']['strategy']['rollingUpdate'] == {'maxUnavailable': 0, 'maxSurge': 1}


def test_a_pod_has_the_time_that_the_relay_takes_to_stop() -> None:
    pod = pod_of(by_kind())
    before = int(pod['containers'][0]['lifecycle']['preStop']['exec']['command'][1])

    assert pod['terminationGracePeriodSeconds'] > before + relay_run._STOP_GRACE


def test_but_for_the_agents_socket_the_pod_is_allowed_where_pods_are_restricted(image: Image) -> None:
    pod = pod_of(by_kind())
    (container,) = pod['containers']
    volumes = {each['name']: each for each in pod['volumes']}
    mounts = {each['mountPath']: each for each in container['volumeMounts']}

    assert pod['automountServiceAccountToken'] is False
    assert pod['securityContext']['runAsNonRoot'] is True
    user = f'{pod["securityContext"]["runAsUser"]}:{pod["securityContext"]["runAsGroup"]}'
    assert user == image.settings['USER']
    assert pod['securityContext']['seccompProfile'] == {'type': 'RuntimeDefault'}
    assert container['securityContext'] == {
        'allowPrivilegeEscalation': False,
        'readOnlyRootFilesystem': True,
        'capabilities': {'drop': ['ALL']},
    }
    agent = mounts.pop(str(Path(SOCKET).parent))
    assert volumes.pop(agent['name'])['hostPath'] == {'path': str(Path(SOCKET).parent), 'type': 'Directory'}
    assert {next(iter(set(each) - {'name'})) for each in volumes.values()} == {'configMap'}
    assert all(each['readOnly'] for each in (agent, *mounts.values()))


def test_what_the_pod_runs_answers_its_probes_counts_and_hands_over_when_it_is_told_to_stop(
    image: Image, short_path: Path
) -> None:
    objects = by_kind()
    (container,) = pod_of(objects)['containers']
    (configuration,) = objects['ConfigMap']['data'].items()
    (mount,) = (each['mountPath'] for each in container['volumeMounts'] if each['name'] == 'configuration')
    (secret,) = container['env']
    happenings = WebhookEvents(SandboxProject(seed=1)).take(500)

    assert 'command' not in container, "the image's own"
    assert container['args'] == ['relay', '--config', f'{mount}/{configuration[0]}']
    values = yaml.safe_load(configuration[1])
    assert values['listen'].endswith(f':{container["ports"][0]["containerPort"]}')
    assert values['statsig_webhook']['signing_secret'] == f'${{{secret["name"]}}}'
    with relay_with(values, 'webhook-secret', image.program, short_path) as (relay, agent):
        for probe in ('startupProbe', 'livenessProbe', 'readinessProbe'):
            address = f'http://127.0.0.1:{relay.port}{container[probe]["httpGet"]["path"]}'
            assert urlopen(address, timeout=10).status == 200
        with WebhookSender(relay.webhook, 'webhook-secret') as statsig:
            assert statsig.deliver(happenings) == 200
        assert relay.stop() == 0
        agent.stop()
        assert sum(sums(agent, 'statsig.events').values()) == 500
        assert agent.wrong == []


def test_the_secret_is_made_as_the_page_says() -> None:
    (container,) = pod_of(by_kind())['containers']
    wanted = container['env'][0]['valueFrom']['secretKeyRef']
    page = RELAY.read_text(encoding='utf-8')

    assert re.findall(r'create secret generic (\S+) --from-env-file=secret.env', page) == [wanted['name']]
    assert re.findall(r'`([\w-]+)=…` into a file `secret.env`', page) == [wanted['key']]


def test_the_versions_agree_wherever_they_are_written() -> None:
    about = (PROJECT / 'datadog_checks/statsig/__about__.py').read_text(encoding='utf-8')
    version = about.split("'")[1]
    page = RELAY.read_text(encoding='utf-8')
    kustomization = yaml.safe_load((KUBERNETES / 'relay/kustomization.yaml').read_text())

    assert set(re.findall(r'/statsig-datadog:([\d.]+)', page + DOCKERFILE.read_text())) == {version}
    assert [image['newTag'] for image in kustomization['images']] == [version]
