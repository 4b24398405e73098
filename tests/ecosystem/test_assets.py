"""The files of the catalogue say what the check does, name each other right, and name all that is there."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
import yaml

from datadog_checks.statsig.config_models import InstanceConfig
from statsig.datadog.metrics import METRICS
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import SandboxServer
from tests.check.conftest import Agent
from tests.ecosystem.metadata import metadata
from tests.faults.hosts import HostFactory

ROOT = Path(__file__).parents[2]
MANIFEST: dict[str, Any] = json.loads((ROOT / 'manifest.json').read_text(encoding='utf-8'))
INTEGRATION: dict[str, Any] = MANIFEST['assets']['integration']


def test_metadata_is_that_of_the_table() -> None:
    # What the check sends is held to the same table by tests/check/test_metrics_and_events.py.
    assert (ROOT / 'metadata.csv').read_text(encoding='utf-8') == metadata(), '`make generate` writes it again'


@pytest.mark.parametrize('kind', ['dashboards', 'monitors', 'saved_views'])
def test_the_manifest_names_every_asset_by_its_title_and_no_other(kind: str) -> None:
    assets = sorted((ROOT / 'assets' / kind).glob('**/*.json'))
    titles = [json.loads(path.read_text(encoding='utf-8'))['title'] for path in assets]
    wanted = {title: path.relative_to(ROOT).as_posix() for title, path in zip(titles, assets, strict=True)}

    assert MANIFEST['assets'].get(kind, {}) == wanted


def test_every_file_that_the_manifest_names_exists() -> None:
    tile = MANIFEST['tile']
    pages = [tile[part] for part in ('overview', 'configuration', 'support')]
    assert {page.partition('#')[0] for page in pages} == {'README.md'}
    headings = (ROOT / 'README.md').read_text(encoding='utf-8').splitlines()
    assert [page for page in pages if f'## {page.partition("#")[2]}' not in headings] == []
    files = [
        tile['changelog'],
        INTEGRATION['configuration']['spec'],
        INTEGRATION['metrics']['metadata_path'],
        INTEGRATION['service_checks']['metadata_path'],
    ]
    assert [file for file in files if not (ROOT / file).is_file()] == []


def test_the_manifest_names_a_metric_that_is_sent_in_every_run_whatever_is_collected(
    tmp_path: Path, hosts: HostFactory
) -> None:
    nothing = {'collect_exposures': False, 'collect_inventory': False, 'collect_audit_log': False}
    with SandboxServer(SandboxProject(seed=1)) as server:
        agent = Agent(tmp_path, server.url, hosts)
        agent.configure(nothing)
        quiet = agent.run_once()
        server.knobs.down = True
        down = agent.run_once()

    for run in (quiet, down):
        assert INTEGRATION['metrics']['check'] in {metric.name for metric in run.metrics}


def test_the_manifest_names_the_prefix_of_every_metric() -> None:
    names = {f'statsig.{metric.name}' for metric in METRICS}

    assert all(name.startswith(INTEGRATION['metrics']['prefix']) for name in names)


def test_the_manifest_has_an_identity_of_its_own() -> None:
    # The tile `statsig` in Datadog's catalogue is Statsig's own integration.
    theirs = ('statsig', '57fb9235-151d-4ed9-b15e-a3e6f918dcca')

    assert str(uuid.UUID(MANIFEST['app_uuid'])) == MANIFEST['app_uuid']
    assert MANIFEST['app_id'] != theirs[0]
    assert MANIFEST['app_uuid'] != theirs[1]


def test_what_is_said_of_the_kinds_of_data_agrees() -> None:
    kinds = {'metrics', 'events'} | ({'logs'} if 'send_logs' in InstanceConfig.model_fields else set())
    flows = yaml.safe_load((ROOT / 'assets' / 'dataflows.yaml').read_text(encoding='utf-8'))['provides']

    assert {flow['data_type'] for flow in flows} == kinds
    assert {flow['id'] for flow in flows} == {f'{MANIFEST["app_id"]}-{kind}' for kind in kinds}
    # Logs are sent only where they are asked for.
    assert {flow['data_type'] for flow in flows if flow['always_on']} == kinds - {'logs'}
    tags = MANIFEST['tile']['classifier_tags']
    submitted = {tag.partition('::')[2].lower() for tag in tags if tag.startswith('Submitted Data Type::')}
    assert submitted == kinds
    assert ('logs' in MANIFEST['assets']) == ('logs' in kinds)
    assert INTEGRATION['events']['creates_events'] is True


def test_there_is_no_service_check() -> None:
    """They are on their way out: whether Statsig can be reached is the gauge `statsig.api.can_connect`."""
    assert json.loads((ROOT / 'assets' / 'service_checks.json').read_text(encoding='utf-8')) == []
