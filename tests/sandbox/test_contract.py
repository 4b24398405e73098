"""The sandbox's real HTTP answers, held against Statsig's official OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from openapi_core import OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse
from openapi_core.validation.response.exceptions import InvalidData

from statsig.sandbox.knobs import Fault
from statsig.sandbox.life import Life
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer

JsonObject = dict[str, Any]
Validate = Callable[[requests.Response], None]

DOCUMENT = Path(__file__).parents[2].parent / 'shared' / 'statsig-console-openapi.json'
PREFIX = '/console/v1/'
LISTINGS = ('gates', 'experiments', 'dynamic_configs', 'layers', 'holdouts', 'segments')
SERVED = (
    'project',
    'exposure_count',
    'audit_logs',
    *LISTINGS,
    'environments',
    'gates/{id}',
    'experiments/{id}',
    'gates/{id}/enable',
    'gates/{id}/disable',
)

pytestmark = pytest.mark.skipif(
    not DOCUMENT.exists(), reason=f"Statsig's OpenAPI document is not here: {DOCUMENT.name} belongs into ../shared/"
)


@pytest.fixture(scope='module')
def document() -> JsonObject:
    """The served paths of the document, corrected where it contradicts itself, and nowhere else."""
    whole: JsonObject = json.loads(DOCUMENT.read_text(encoding='utf-8'))
    whole['paths'] = {PREFIX + path: whole['paths'][PREFIX + path] for path in SERVED}
    audit_logs = whole['paths'][PREFIX + 'audit_logs']['get']
    entry = _item_fields(whole, audit_logs)
    # Declared `type: object`, but a string in the document's own example, and one of an enum as a query parameter.
    entry['actionType'] = _parameter(audit_logs, 'actionType')['schema']
    # Declared `type: object`; everywhere else in the document an e-mail address is a string or null.
    entry['modifierEmail'] = {'type': 'string', 'nullable': True}
    # `type: integer` and `oneOf: string, number` at once, which no value of a query can be.
    for path in whole['paths'].values():
        for parameter in path.get('get', {}).get('parameters', []):
            if parameter['name'] in ('limit', 'page'):
                parameter['schema'] = {'type': 'integer'}
    return whole


@pytest.fixture(scope='module')
def project() -> SandboxProject:
    """Larger than the default, so that every state a thing can be in occurs, and with a busy day behind it."""
    project = SandboxProject(seed=3, gates=40, experiments=20, dynamic_configs=12, layers=4, holdouts=3, segments=4)
    Life(project, seed=3, changes_per_hour=100).write_history(days=1)
    return project


@pytest.fixture(scope='module')
def server(project: SandboxProject) -> Iterator[SandboxServer]:
    keys = {DEFAULT_KEY: frozenset(SERVED) | {'gates_write'}, 'console-limited': frozenset({'project'})}
    with SandboxServer(project, keys=keys) as running:
        yield running


@pytest.fixture(scope='module')
def validate(document: JsonObject, server: SandboxServer) -> Validate:
    api = OpenAPI.from_dict({**document, 'servers': [{'url': server.url}]})

    def validate_exchange(answer: requests.Response) -> None:
        request = RequestsOpenAPIRequest(answer.request)
        api.validate_request(request)
        api.validate_response(request, RequestsOpenAPIResponse(answer))

    return validate_exchange


def _item_fields(document: JsonObject, operation: JsonObject) -> JsonObject:
    """What the document knows of one thing in the answer's `data`: field → schema."""

    def resolved(schema: JsonObject) -> JsonObject:
        return document['components']['schemas'][schema['$ref'].rpartition('/')[2]] if '$ref' in schema else schema

    answer = operation['responses']['200']['content']['application/json']['schema']
    item = resolved(resolved(resolved(answer)['allOf'][1])['properties']['data']['items'])
    fields: JsonObject = item['properties']
    return fields


def _parameter(operation: JsonObject, name: str) -> JsonObject:
    parameter: JsonObject = next(each for each in operation['parameters'] if each['name'] == name)
    return parameter


def _ask(
    server: SandboxServer, path: str, key: str = DEFAULT_KEY, method: str = 'GET', **query: Any
) -> requests.Response:
    return requests.request(
        method, server.url + PREFIX + path, params=query, headers={'STATSIG-API-KEY': key}, timeout=10
    )


@pytest.mark.parametrize('path', ['project', 'environments', 'exposure_count', 'audit_logs', *LISTINGS])
def test_every_endpoint_answers_as_documented(path: str, server: SandboxServer, validate: Validate) -> None:
    answer = _ask(server, path)

    assert answer.status_code == 200
    validate(answer)


@pytest.mark.parametrize('path', ['audit_logs', *LISTINGS])
def test_a_page_in_the_middle_answers_as_documented(path: str, server: SandboxServer, validate: Validate) -> None:
    answer = _ask(server, path, limit=1, page=2)

    assert answer.json()['pagination']['pageNumber'] == 2
    assert answer.json()['pagination']['previousPage']
    validate(answer)


def test_every_audit_entry_of_a_busy_project_is_as_documented(
    server: SandboxServer, project: SandboxProject, validate: Validate
) -> None:
    answer = _ask(server, 'audit_logs', limit=20_000)

    assert len(answer.json()['data']) == len(project.audit_log) > 2000
    assert len({entry['actionType'] for entry in answer.json()['data']}) > 15
    validate(answer)


def test_exposure_counts_answer_as_documented(
    server: SandboxServer, project: SandboxProject, validate: Validate
) -> None:
    ids: dict[str, Any] = {
        'gates': [*project.gates][:25],
        'experiments': [*project.experiments],
        'dynamicConfigs': 'checkout_limits',
    }

    answer = _ask(server, 'exposure_count', **ids)

    assert [len(answer.json()['data'][kind]) for kind in ids] == [25, 20, 1]
    validate(answer)


@pytest.mark.parametrize('path', ['gates/checkout_v2', 'experiments/pricing_page_redesign'])
def test_single_things_answer_as_documented(path: str, server: SandboxServer, validate: Validate) -> None:
    answer = _ask(server, path)

    assert answer.json()['data']['id'] == path.split('/')[1]
    validate(answer)


@pytest.mark.parametrize('verb', ['disable', 'enable'])
def test_switching_a_gate_answers_as_documented(verb: str, server: SandboxServer, validate: Validate) -> None:
    answer = _ask(server, f'gates/checkout_v2/{verb}', method='PUT')

    assert answer.json()['data']['isEnabled'] is (verb == 'enable')
    validate(answer)


@pytest.mark.parametrize(
    'path', ['exposure_count', 'environments', 'experiments', 'experiments/none', 'layers', 'holdouts', 'segments']
)
def test_a_refused_key_is_answered_as_documented(path: str, server: SandboxServer, validate: Validate) -> None:
    answer = _ask(server, path, key='console-nobody')

    assert answer.status_code == 401
    validate(answer)


def test_a_missing_permission_is_answered_as_documented(server: SandboxServer, validate: Validate) -> None:
    answer = _ask(server, 'gates', key='console-limited')

    assert answer.status_code == 403
    validate(answer)


def test_an_unknown_experiment_is_answered_as_documented(server: SandboxServer, validate: Validate) -> None:
    answer = _ask(server, 'experiments/no_such_experiment')

    assert answer.status_code == 404
    validate(answer)


def test_a_bad_request_is_answered_as_documented(server: SandboxServer, document: JsonObject) -> None:
    """Not sent through the validator, which rightly refuses the request already: it has 26 ids."""
    described = document['paths'][PREFIX + 'exposure_count']['get']['responses']['400']['content']['application/json']

    answer = _ask(server, 'exposure_count', gates=[f'gate_{n}' for n in range(26)])

    assert answer.status_code == 400
    assert answer.json().keys() == described['schema']['properties'].keys()
    assert answer.json()['status'] in described['schema']['properties']['status']['enum']


@pytest.mark.parametrize('path', LISTINGS)
def test_the_sandbox_invents_no_fields(path: str, server: SandboxServer, document: JsonObject) -> None:
    """The document allows fields it does not name; the sandbox uses none, or a check could come to rely on them."""
    known = _item_fields(document, document['paths'][PREFIX + path]['get']).keys()

    served = {field for thing in _ask(server, path).json()['data'] for field in thing}

    assert served <= known


@pytest.mark.parametrize(
    ('path', 'broken'),
    [
        ('project', {'message': 'ok', 'data': {}}),
        ('audit_logs', {'message': 'ok', 'data': [{'id': 'x'}], 'pagination': {}}),
        ('gates', {'message': 'ok', 'data': [], 'pagination': {'itemsPerPage': 'ten'}}),
        ('exposure_count', {'message': 'ok', 'data': {'gates': []}}),
    ],
)
def test_a_broken_answer_does_not_pass_for_a_good_one(
    path: str, broken: JsonObject, server: SandboxServer, validate: Validate
) -> None:
    server.fail_next(PREFIX + path, Fault('wrong_shape', body=broken))

    answer = _ask(server, path)

    with pytest.raises(InvalidData):
        validate(answer)


def test_one_wrong_value_in_an_entry_does_not_pass(
    server: SandboxServer, project: SandboxProject, validate: Validate
) -> None:
    entry = project.add_audit_entry(action='gate_exploded')

    answer = _ask(server, 'audit_logs', limit=1)
    project.delete_audit_entry(entry['id'])

    with pytest.raises(InvalidData):
        validate(answer)
