from __future__ import annotations

import re
import shutil
import sysconfig
from pathlib import Path

import pytest
import yaml

from tests.packaging.agent_tree import AgentTree
from tests.packaging.commands import run
from tests.packaging.documentation import INSTALLATION
from tests.packaging.image import DOCKERFILE, build, instructions

PROJECT = Path(__file__).parents[2]


def agent_image() -> str:
    (image,) = (arguments.removeprefix('AGENT=') for name, arguments in instructions() if name == 'ARG')
    return image


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    run(Path(sysconfig.get_path('scripts')) / 'hadolint', '--no-color', '--failure-threshold', 'style', DOCKERFILE)


def test_its_steps_install_the_check_into_the_agents_python(image: AgentTree) -> None:
    assert (image.site_packages / 'datadog_checks/statsig/check.py').exists()
    assert (image.etc / 'conf.d/statsig.d/conf.yaml.example').exists()
    assert list((image.root / 'tmp').iterdir()) == [], 'the wheel itself is not left behind'


def test_two_wheels_in_the_build_context_are_not_taken_for_one(our_wheel: Path, tmp_path: Path) -> None:
    context = tmp_path / 'dist'
    context.mkdir()
    shutil.copy(our_wheel, context)
    shutil.copy(our_wheel, context / 'datadog_statsig-0.0.1-py3-none-any.whl')

    with pytest.raises(pytest.fail.Exception, match='Too many arguments'):
        build(context, tmp_path / 'image')


def test_the_versions_agree_wherever_they_are_written() -> None:
    about = (PROJECT / 'datadog_checks/statsig/__about__.py').read_text(encoding='utf-8')
    check = about.split("'")[1]
    agent = agent_image().rpartition(':')[2]
    page = INSTALLATION.read_text(encoding='utf-8')
    kustomization = yaml.safe_load((PROJECT / 'deploy/agent/kubernetes/one-agent/kustomization.yaml').read_text())

    assert re.fullmatch(r'7\.\d+\.\d+', agent), 'pinned'
    assert set(re.findall(r'datadog_statsig-([\d.]+)-py3', page)) == {check}
    assert set(re.findall(r'statsig-datadog-agent-([\d.]+)\.zip', page)) == {check}
    assert set(re.findall(r'datadog-agent-statsig:(\S+)', page)) == {f'{agent}-{check}'}
    assert set(re.findall(r'datadog-agent-statsig:(\S+)', DOCKERFILE.read_text())) == {f'{agent}-{check}'}
    assert [image['newTag'] for image in kustomization['images']] == [f'{agent}-{check}']
    assert set(re.findall(r'registry\.datadoghq\.com/agent:([\d.]+)', page)) == {agent}
