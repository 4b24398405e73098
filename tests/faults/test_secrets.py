"""The API key and the proxy's password: in nothing that is said, stored or submitted, and at no other host."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pytest

from statsig.sandbox.knobs import Fault
from tests.faults.leaks import KEY, PASSWORD, REFUSED_KEY, Ear, leaks_in
from tests.faults.world import World

ENDPOINTS = '/console/v1/'


@pytest.fixture
def elsewhere() -> Iterator[Ear]:
    with Ear() as ear:
        yield ear


def told_by(world: World) -> dict[str, str]:
    """All that the Agents of this world have printed, logged, submitted and stored, by where it was found."""
    told = {'names of files': '\n'.join(str(path) for path in world.cache.rglob('*'))}
    files = [*world.cache.rglob('*'), world.directory / 'journal']
    told.update({str(path): path.read_text(errors='replace') for path in files if path.is_file()})
    for number, host in enumerate(world.started):
        told[f'output of host {number}'] = ''.join(host.output)
        told[f'errors of host {number}'] = host.errors
    return told


def run_twice_and_again(world: World) -> None:
    for _ in range(2):
        world.insert(2)
        world.run(2)
        world.restart()


def an_ordinary_run(world: World, elsewhere: Ear) -> None:
    run_twice_and_again(world)


def a_key_that_is_refused(options: Mapping[str, Any], world: World, elsewhere: Ear) -> None:
    """The sandbox repeats it, as Statsig does."""
    world.configure({'api_key': REFUSED_KEY, **options})
    run_twice_and_again(world)
    assert any('answered 401' in warning for warning in world.warnings)


def a_status(status: int, world: World, elsewhere: Ear) -> None:
    world.configure({'api_key': KEY, 'project': 'sandbox'})
    world.knobs.status_for[ENDPOINTS] = Fault.of_status(status, f'An invalid key was sent. Key: {KEY}', retry_after=KEY)
    run_twice_and_again(world)
    assert any(f'answered {status}' in warning for warning in world.warnings)


def an_answer(body: Any, world: World, elsewhere: Ear) -> None:
    world.configure({'api_key': KEY, 'project': 'sandbox', 'max_requests_per_minute': 60})
    world.knobs.headers['X-Key'] = KEY
    world.knobs.status_for[ENDPOINTS] = Fault('wrong_shape', body=body)
    run_twice_and_again(world)


def a_redirect(options: Mapping[str, Any], world: World, elsewhere: Ear) -> None:
    world.configure({'api_key': KEY, 'project': 'sandbox', **options})
    world.knobs.status_for[ENDPOINTS] = Fault('redirect', location=f'{elsewhere.url}/console/v1/audit_logs?key={KEY}')
    run_twice_and_again(world)
    assert any('a redirect, which is not followed' in warning for warning in world.warnings)


def a_broken_connection(kind: Any, world: World, elsewhere: Ear) -> None:
    world.configure({'api_key': KEY, 'timeout': 0.3})
    world.server.fail_next(ENDPOINTS, Fault(kind, seconds=0.5), times=2)
    run_twice_and_again(world)


def no_server(world: World, elsewhere: Ear) -> None:
    world.configure({'api_key': KEY, 'api_url': 'http://127.0.0.1:9'})
    run_twice_and_again(world)


def no_tls(world: World, elsewhere: Ear) -> None:
    world.configure({'api_key': KEY, 'api_url': world.server.url.replace('http:', 'https:')})
    run_twice_and_again(world)


def a_proxy(answer: Ear, world: World, elsewhere: Ear) -> None:
    """It is on the way, so of what it hears only the password is not for the Agent to tell."""
    with answer as proxy:
        address = f'http://agent:{PASSWORD}@{proxy.address}'
        for api_url in ('http://statsig.invalid', 'https://statsig.invalid'):
            world.configure({'api_key': KEY, 'api_url': api_url, 'proxy': {'http': address, 'https': address}})
            run_twice_and_again(world)
    assert proxy.heard


def a_proxy_that_is_not_there(world: World, elsewhere: Ear) -> None:
    address = f'http://agent:{PASSWORD}@127.0.0.1:9'
    for api_url in ('http://statsig.invalid', 'https://statsig.invalid'):
        world.configure({'api_key': KEY, 'api_url': api_url, 'proxy': {'http': address, 'https': address}})
        run_twice_and_again(world)


def a_proxy_address_that_is_none(world: World, elsewhere: Ear) -> None:
    for place in (f'agent:{PASSWORD}@', f'agent:{PASSWORD}@127.0.0.1:port', f'[{PASSWORD}', f'{PASSWORD}:{PASSWORD}'):
        world.configure({'api_key': KEY, 'api_url': 'http://statsig.invalid', 'proxy': {'http': f'http://{place}'}})
        run_twice_and_again(world)


def other_credentials(world: World, elsewhere: Ear) -> None:
    world.configure({'api_key': KEY, 'username': 'agent', 'password': PASSWORD, 'extra_headers': {'X-Token': PASSWORD}})
    run_twice_and_again(world)


def in_a_malformed_entry(world: World, elsewhere: Ear) -> None:
    for value in (KEY, {'id': KEY}, {'id': 'a', 'date': KEY}, {'id': 'b', 'name': {'key': KEY}}, {KEY: KEY}):
        world.insert_malformed(value)
    run_twice_and_again(world)


def in_an_entry(world: World, elsewhere: Ear) -> None:
    """Somebody has pasted the key where all can read it."""
    world.insert(name=f'key {KEY}', change_log=f'Use {KEY}', tags=[KEY], changes={'value': {'old': KEY, 'new': [KEY]}})
    world.insert(action=KEY, updatedBy=KEY)
    run_twice_and_again(world)


def in_the_listings(world: World, elsewhere: Ear) -> None:
    for kind in ('gate', 'experiment', 'dynamic_config'):
        entity = next(iter(world.project.entities(kind).values()))
        entity.update(name=KEY, description=KEY, tags=[KEY])
    run_twice_and_again(world)


def a_full_disk(world: World, elsewhere: Ear) -> None:
    world.options += ('--cache-fault', 'full=0')
    run_twice_and_again(world)


ODD_ANSWERS: dict[str, Any] = {
    'text': KEY,
    'a list': [KEY],
    'no data': {'message': KEY},
    'odd data': {'data': KEY, 'pagination': KEY},
    'odd records': {
        'data': [KEY, {'name': KEY}, {'id': [KEY]}, {KEY: KEY}],
        'pagination': {'totalItems': KEY, 'nextPage': KEY},
    },
    'an object': {'data': {KEY: KEY, 'gates': [KEY], 'experiments': KEY}},
}

Story = Callable[[World, Ear], None]
STORIES: dict[str, Story] = {
    'an ordinary run': an_ordinary_run,
    '401 that repeats the key': partial(a_key_that_is_refused, {}),
    '401 that repeats the key, project configured': partial(a_key_that_is_refused, {'project': 'sandbox'}),
    **{
        f'{status} that repeats the key': partial(a_status, status)
        for status in (301, 400, 401, 403, 404, 407, 429, 500, 503)
    },
    **{f'an answer that repeats the key: {name}': partial(an_answer, body) for name, body in ODD_ANSWERS.items()},
    'a redirect to another host': partial(a_redirect, {}),
    'a redirect to another host, allow_redirects: true': partial(a_redirect, {'allow_redirects': True}),
    **{f'a connection fails: {kind}': partial(a_broken_connection, kind) for kind in ('reset', 'cut_off', 'timeout')},
    'nobody listens': no_server,
    'no TLS where it should be': no_tls,
    'a proxy that wants another password': lambda world, elsewhere: a_proxy(
        Ear(407, KEY.encode(), {'Proxy-Authenticate': f'Basic realm="{PASSWORD}"'}), world, elsewhere
    ),
    'a proxy that answers in its place': lambda world, elsewhere: a_proxy(Ear(200, KEY.encode()), world, elsewhere),
    'a proxy that is not there': a_proxy_that_is_not_there,
    'a proxy address that is none': a_proxy_address_that_is_none,
    'other credentials': other_credentials,
    'the key in malformed entries': in_a_malformed_entry,
    'the key in entries': in_an_entry,
    'the key in listings': in_the_listings,
    'a full disk': a_full_disk,
}


@pytest.mark.parametrize('name', STORIES)
def test_no_secret_is_told_and_none_reaches_another_host(name: str, talkative_world: World, elsewhere: Ear) -> None:
    STORIES[name](talkative_world, elsewhere)
    talkative_world.restart()

    told = told_by(talkative_world)
    leaks = [f'{place}: {leak}' for place, text in told.items() for leak in leaks_in(text)]
    assert leaks == [], '\n'.join(leaks)
    assert elsewhere.heard == [], 'another host was asked'
    assert sum(map(len, told.values())) > 1000, 'there is nothing to search'
