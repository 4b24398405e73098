"""Pods of the manifests, put together on a directory as a kubelet would do it."""

from __future__ import annotations

import shutil
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.packaging.agent_tree import AgentTree
from tests.packaging.commands import run

MANIFESTS = Path(__file__).resolve().parents[2] / 'deploy/agent/kubernetes'
VARIANTS = ('one-agent', 'cluster-check')
Manifest = dict[str, Any]


def kubectl() -> Path:
    """The one that `make setup` installs; elsewhere than on Linux, the one of the machine."""
    installed = Path(sysconfig.get_path('scripts')) / 'kubectl'
    found = str(installed) if installed.exists() else shutil.which('kubectl')
    if found is None:
        pytest.skip('kubectl is not installed: `make setup` brings it on Linux only')
    return Path(found)


def manifests(variant: str | Path) -> list[Manifest]:
    """What `kubectl apply -k` would send to a cluster. variant: one of the Agent's, or a directory."""
    return list(yaml.safe_load_all(run(kubectl(), 'kustomize', MANIFESTS / variant)))


def deployment(objects: Iterable[Manifest]) -> Manifest:
    (found,) = (each for each in objects if each['kind'] == 'Deployment')
    return found


def start_pod(
    image: AgentTree, objects: list[Manifest], secret: Mapping[str, str], volume: Path, root: Path
) -> AgentTree:
    """A container of the image in `root`, with everything mounted over it that the Deployment says.

    secret: key → value. volume: the directory behind the claim.
    """
    shutil.copytree(image.root, root, symlinks=True)
    config_maps = {each['metadata']['name']: each['data'] for each in objects if each['kind'] == 'ConfigMap'}
    pod = deployment(objects)['spec']['template']['spec']
    volumes = {each['name']: each for each in pod['volumes']}
    (container,) = pod['containers']
    for mount in sorted(container['volumeMounts'], key=lambda mount: str(mount['mountPath'])):
        target, source = root / mount['mountPath'].lstrip('/'), volumes[mount['name']]
        if 'configMap' in source:
            _write(target, config_maps[source['configMap']['name']], mount.get('subPath'))
        elif 'secret' in source:
            _write(target, {item['path']: secret[item['key']] for item in source['secret']['items']})
        else:
            shutil.rmtree(target, ignore_errors=True)  # hidden by what is mounted over it
            if 'persistentVolumeClaim' in source:
                volume.mkdir(exist_ok=True)
                target.symlink_to(volume, target_is_directory=True)
            else:
                target.mkdir(parents=True)
    return AgentTree(root)


def resolve_secrets(agent: AgentTree, configuration: Manifest) -> Manifest:
    """`ENC[name]` in the instances replaced as the Agent does it, with the secret backend of its datadog.yaml."""
    settings = yaml.safe_load((agent.etc / 'datadog.yaml').read_text())
    assert settings['secret_backend_type'] == 'file.text'
    path = agent.root / settings['secret_backend_config']['secrets_path'].lstrip('/')

    def resolved(value: Any) -> Any:
        if not (isinstance(value, str) and value.startswith('ENC[') and value.endswith(']')):
            return value
        text = (path / value[4:-1]).read_text()
        return text.removesuffix('\n') if settings['secret_backend_remove_trailing_line_break'] else text

    instances = [{key: resolved(value) for key, value in each.items()} for each in configuration['instances']]
    return {**configuration, 'instances': instances}


def _write(target: Path, files: Mapping[str, str], sub_path: str | None = None) -> None:
    if sub_path is not None:
        target.write_text(files[sub_path])
        return
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name, text in files.items():
        (target / name).write_text(text)
