"""What a client of the sandbox's Console API meets: the real API's limits, messages and pages."""

from __future__ import annotations

from itertools import chain

import requests

from statsig.sandbox.api import READ_ONLY
from statsig.sandbox.knobs import PUBLISHED_RATE_LIMITS, Request
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer
from tests.clock import NOW, Clock
from tests.sandbox.conftest import Get


def ids_of(answer: requests.Response) -> list[str]:
    return [each['id'] for each in answer.json()['data']]


def test_exposure_counts_are_those_of_the_project(get: Get, project: SandboxProject) -> None:
    answer = get('exposure_count', gates=['checkout_v2', 'dark_mode'], experiments='pricing_page_redesign')

    assert answer.json()['data']['gates'] == [
        dict(zip(('id', 'pastDay', 'past7Days'), (name, *project.exposures('gate', name)), strict=True))
        for name in ('checkout_v2', 'dark_mode')
    ]
    assert answer.json()['data']['experiments'][0]['pastDay'] > 0
    assert answer.json()['data']['dynamicConfigs'] == []


def test_ids_that_do_not_exist_are_left_out(get: Get) -> None:
    answer = get('exposure_count', gates=['checkout_v2', 'no_such_gate'])

    assert answer.status_code == 200
    assert [each['id'] for each in answer.json()['data']['gates']] == ['checkout_v2']


def test_25_ids_are_allowed_and_26_are_not(get: Get) -> None:
    names = [f'gate_{number}' for number in range(26)]

    assert get('exposure_count', gates=names[:25], experiments=names[:25], dynamicConfigs=names[:25]).status_code == 200
    for parameter in ('gates', 'experiments', 'dynamicConfigs'):
        refused = get('exposure_count', **{parameter: names})
        assert refused.status_code == 400
        assert refused.json() == {'status': 400, 'message': f'{parameter} must contain no more than 25 elements'}


def test_a_refused_key_is_repeated_in_the_message(server: SandboxServer) -> None:
    answer = requests.get(f'{server.url}/console/v1/gates', headers={'STATSIG-API-KEY': 'console-stolen'}, timeout=10)

    assert answer.status_code == 401
    assert answer.json() == {
        'status': 401,
        'message': (
            'This endpoint only accepts an active CONSOLE key, but an invalid key was sent. Key: console-stolen'
        ),
    }


def test_a_missing_key_is_refused(server: SandboxServer) -> None:
    assert requests.get(f'{server.url}/console/v1/project', timeout=10).status_code == 401


def test_a_key_may_use_only_what_it_was_given(project: SandboxProject) -> None:
    keys = {'console-reader': READ_ONLY, 'console-counts': frozenset({'exposure_count'})}
    with SandboxServer(project, keys=keys) as server:

        def status(key: str, method: str, path: str) -> int:
            url = f'{server.url}/console/v1/{path}'
            return requests.request(method, url, headers={'STATSIG-API-KEY': key}, timeout=10).status_code

        assert status('console-reader', 'GET', 'gates') == 200
        assert status('console-reader', 'PUT', 'gates/checkout_v2/disable') == 403
        assert status('console-counts', 'GET', 'exposure_count') == 200
        assert status('console-counts', 'GET', 'audit_logs') == 403
    assert project.gates['checkout_v2']['isEnabled']


def test_what_statsig_does_not_have_is_404(get: Get, server: SandboxServer) -> None:
    assert get('nothing').json() == {'status': 404, 'message': 'Not Found. The requested resource could not be found.'}
    assert get('gates/no_such_gate').status_code == 404
    assert get('experiments/no_such_experiment').json()['message'] == 'Experiment not found.'
    assert get('gates', method='DELETE').status_code == 404
    assert requests.get(f'{server.url}/', timeout=10).status_code == 404


def test_bad_pages_limits_and_dates_are_400(get: Get) -> None:
    for parameter, value in (('page', '0'), ('page', 'two'), ('limit', '-1'), ('limit', '1.5')):
        answer = get('audit_logs', **{parameter: value})
        assert (answer.status_code, answer.json()['message']) == (400, f'{parameter} must be a positive number')
    for query in ({'startDate': 'yesterday'}, {'sortKey': 'colour'}, {'sortOrder': 'up'}, {'page': ['1', '2']}):
        assert get('audit_logs', **query).status_code == 400


def test_every_gate_is_on_exactly_one_page(get: Get, project: SandboxProject) -> None:
    pages = [ids_of(get('gates', limit=5, page=page)) for page in (1, 2, 3, 4)]

    assert [len(page) for page in pages] == [5, 5, 2, 0]
    assert list(chain.from_iterable(pages)) == list(project.gates)


def test_links_to_other_pages_look_as_statsigs_do(get: Get, server: SandboxServer, project: SandboxProject) -> None:
    for _ in range(7):
        project.add_audit_entry()

    log = get('audit_logs', limit=3, page=2).json()['pagination']
    gates = get('gates', limit=3, page=2, type='TEMPORARY').json()['pagination']

    assert log == {
        'itemsPerPage': 3,
        'pageNumber': 2,
        'totalItems': 7,
        'nextPage': f'{server.address}/console/v1/audit_logs?page=3&limit=3',
        'previousPage': f'{server.address}/console/v1/audit_logs?page=1&limit=3',
        'all': f'{server.address}/console/v1/audit_logs',
    }
    assert gates['previousPage'] == '/console/v1/gates?type=TEMPORARY&page=1&limit=3'
    assert get('audit_logs', limit=3, page=3).json()['pagination']['nextPage'] is None


def test_pages_can_be_smaller_than_asked_for(get: Get, server: SandboxServer) -> None:
    server.knobs.max_page_size = 4
    capped = get('gates', limit=100).json()
    server.knobs.max_page_size, server.knobs.ignore_limit, server.knobs.default_page_size = None, True, 7
    own = get('gates', limit=100).json()
    server.knobs.omit_total_items = True

    assert (len(capped['data']), capped['pagination']['itemsPerPage']) == (4, 4)
    assert (len(own['data']), own['pagination']['itemsPerPage']) == (7, 7)
    assert 'totalItems' not in get('gates').json()['pagination']


def test_an_entry_written_between_two_pages_pushes_the_others_on(
    get: Get, server: SandboxServer, project: SandboxProject
) -> None:
    for number in range(4):
        project.add_audit_entry(id=f'entry-{number}', timestamp=NOW - 60 + number)

    def write_one(request: Request) -> None:
        if request.query.get('page') == ['2']:
            project.add_audit_entry(id='late', timestamp=NOW)

    server.knobs.before_request = write_one

    assert ids_of(get('audit_logs', limit=2, page=1)) == ['entry-3', 'entry-2']
    assert ids_of(get('audit_logs', limit=2, page=2)) == ['entry-2', 'entry-1']


def test_listings_can_be_filtered(get: Get, project: SandboxProject) -> None:
    stale = [name for name, gate in project.gates.items() if gate['type'] == 'STALE']
    active = [name for name, experiment in project.experiments.items() if experiment['status'] == 'active']

    assert 0 < len(stale) < len(project.gates)
    assert ids_of(get('gates', type='STALE')) == stale
    assert ids_of(get('experiments', status=['active', 'nonsense'])) == active
    refused = get('gates', passRate='0')
    assert (refused.status_code, refused.json()['message']) == (400, 'The sandbox does not serve the filter passRate')


def test_switching_a_gate_off_changes_it_and_is_logged_once(
    get: Get, server: SandboxServer, project: SandboxProject
) -> None:
    for _ in range(2):
        answer = get('gates/checkout_v2/disable', method='PUT')
        assert answer.json()['data']['isEnabled'] is False

    (entry,) = get('audit_logs').json()['data']
    assert (entry['actionType'], entry['name']) == ('config_state_toggle', 'checkout_v2')
    assert entry['changes'] == {'isEnabled': {'new': False, 'old': True}}
    assert (entry['updatedBy'], entry['modifierEmail']) == ('CONSOLE API', None)
    assert get('gates/checkout_v2').json()['data']['status'] == 'Disabled'


def test_a_gate_that_needs_a_review_stays_as_it_is_for_who_respects_reviews(
    server: SandboxServer, project: SandboxProject
) -> None:
    project.gates['checkout_v2']['reviewSettings']['requiredReview'] = True
    url = f'{server.url}/console/v1/gates/checkout_v2/disable'
    headers = {'STATSIG-API-KEY': DEFAULT_KEY}

    respectful = requests.put(url, headers={**headers, 'x-respect-review-settings': 'true'}, timeout=10)
    assert respectful.status_code == 403
    assert project.gates['checkout_v2']['isEnabled']

    assert requests.put(url, headers=headers, timeout=10).status_code == 200
    assert not project.gates['checkout_v2']['isEnabled']


def test_requests_are_remembered_without_the_key(get: Get, server: SandboxServer) -> None:
    get('gates', limit=2)
    get('nothing')

    first, second = server.requests
    assert (first.method, first.path, first.query, first.status) == ('GET', '/console/v1/gates', {'limit': ['2']}, 200)
    assert second.status == 404
    assert DEFAULT_KEY not in repr(server.requests)
    server.reset_requests()
    assert server.requests == []


def test_the_published_rate_limit_refuses_the_101st_request(get: Get, server: SandboxServer) -> None:
    server.knobs.rate_limits = PUBLISHED_RATE_LIMITS

    answers = [get('project') for _ in range(101)]

    assert [answer.status_code for answer in answers] == [200] * 100 + [429]
    assert 1 <= int(answers[-1].headers['Retry-After']) <= 10
    assert answers[-1].json() == {'status': 429, 'message': 'Too Many Requests'}


def test_checks_per_hour_agrees_with_the_exposures_of_the_hour(get: Get, project: SandboxProject, clock: Clock) -> None:
    served = {gate['id']: gate['checksPerHour'] for gate in get('gates').json()['data']}
    by_hours = dict.fromkeys(served, 0)
    clock.now -= 23 * 3600
    for _ in range(24):
        for name in by_hours:
            by_hours[name] += project.checks_per_hour(name)
        clock.now += 3600
    clock.now = NOW

    assert by_hours == {name: project.exposures('gate', name)[0] for name in served}
    assert served['checkout_v2'] > 0
