"""Config changes as Statsig documents them, and as it does not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.webhook.config_changes import ConfigChange, config_changes
from statsig.webhook.decoding import MalformedBodyError, decode
from statsig.webhook.receiver import ACCEPTED, MOST_CONFIG_CHANGES, REDELIVERED, Receiver
from tests.clock import Clock
from tests.webhook.deliveries import body, delivery, gate, rules

DOCUMENTED: dict[str, Any] = {
    'user': {'name': 'Jane Doe', 'email': 'jane@example.com'},
    'timestamp': 1739400185198,
    'eventName': 'statsig::config_change',
    'metadata': {
        'projectName': 'Acme',
        'projectID': 'p1',
        'type': 'Gate',
        'name': 'checkout_v2',
        'description': 'Updated Config Conditions\n    - Added rule Rule 1',
        'environments': 'development,staging,production',
        'action': 'updated',
        'tags': ['revenue'],
        'targetApps': ['web'],
    },
}


def changed(**metadata: Any) -> dict[str, Any]:
    return {**DOCUMENTED, 'metadata': {**DOCUMENTED['metadata'], **metadata}}


def only(event: Any) -> ConfigChange:
    (found,) = config_changes(body(event), 10)
    return found


def test_everything_documented_is_read() -> None:
    found = only(DOCUMENTED)
    assert found == ConfigChange(
        id=found.id,
        type='Gate',
        action='updated',
        name='checkout_v2',
        description='Updated Config Conditions\n    - Added rule Rule 1',
        project_id='p1',
        environments=('development', 'staging', 'production'),
        author='Jane Doe',
        author_email='jane@example.com',
        author_id='',
        tags=('revenue',),
        target_apps=('web',),
        timestamp=1739400185,
    )


@pytest.mark.parametrize(
    ('event', 'field', 'value'),
    [
        ({**DOCUMENTED, 'timestamp': '1739400185198'}, 'timestamp', 1739400185),
        ({**DOCUMENTED, 'timestamp': 'soon'}, 'timestamp', None),
        ({**DOCUMENTED, 'timestamp': 10**400}, 'timestamp', None),
        ({**DOCUMENTED, 'timestamp': -5}, 'timestamp', None),
        ({**DOCUMENTED, 'user': {'userID': '456'}}, 'author_id', '456'),
        ({**DOCUMENTED, 'user': None, 'userID': '456'}, 'author_id', '456'),
        ({**DOCUMENTED, 'user': 'Jane'}, 'author', ''),
        (changed(environments=['Production', 7, None]), 'environments', ('Production', '7')),
        (changed(environments=None, environment='staging'), 'environments', ('staging',)),
        (changed(environments=''), 'environments', ()),
        (changed(tags='a, b'), 'tags', ('a', 'b')),
        (changed(name=['x']), 'name', ''),
        (changed(projectID=17), 'project_id', '17'),
        ({'eventName': 'statsig::config_change'}, 'name', ''),
        ({**DOCUMENTED, 'timeUUID': 'u-1'}, 'id', 'u-1'),
    ],
)
def test_what_is_missing_or_odd_is_no_end(event: dict[str, Any], field: str, value: object) -> None:
    assert getattr(only(event), field) == value


def test_without_a_uuid_the_id_is_that_of_the_change_whatever_body_brings_it() -> None:
    alone = only(DOCUMENTED)
    spelt_differently = {key: DOCUMENTED[key] for key in reversed(DOCUMENTED)}
    (among_others,) = config_changes(json.dumps({'data': [gate(), spelt_differently]}).encode(), 10)
    assert alone.id == among_others.id
    assert alone.id.startswith('webhook-')
    assert only({**DOCUMENTED, 'timestamp': 1739400185199}).id != alone.id
    assert only(changed(action='deleted')).id != alone.id


def test_a_bad_event_costs_no_config_change() -> None:
    odd = b'{"eventName": "statsig::config_change", "metadata": {"name": "half \\ud800", "x": NaN}}'
    text = b'[7, null, {"eventName": 5}, ' + odd + b', ' + json.dumps(DOCUMENTED).encode() + b', "x"]'
    assert [change.name for change in config_changes(text, 10)] == ['half \ud800', 'checkout_v2']


KEYS = st.sampled_from([*DOCUMENTED, *DOCUMENTED['metadata'], 'environment', 'timeUUID', 'userID'])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
)


@given(ANYTHING)
def test_whatever_stands_in_one_it_is_found(inside: Any) -> None:
    event = {**DOCUMENTED, **(inside if isinstance(inside, dict) else {'metadata': inside})}
    event['eventName'] = 'statsig::config_change'
    assert len(config_changes(body(event), 10)) == 1


@given(st.binary(max_size=60) | st.text('[]{}",: eventNamdt', max_size=60).map(str.encode))
def test_no_body_that_can_be_decoded_breaks_it(text: bytes) -> None:
    try:
        decode(text)
    except MalformedBodyError:
        return
    config_changes(text, 10)


@pytest.mark.parametrize(
    ('environments', 'wanted', 'concerns'),
    [
        ('development,Production', {'production'}, True),
        ('development', {'production'}, False),
        ('development', set(), True),
        ('', {'production'}, True),
    ],
)
def test_a_change_concerns_its_environments_or_all(environments: str, wanted: set[str], concerns: bool) -> None:
    assert only(changed(environments=environments)).concerns(wanted) is concerns


class Told:
    """A receiver that tells of config changes, and what it told."""

    def __init__(self) -> None:
        self.changes: list[str] = []
        self.more = 0
        self.receiver = Receiver(rules(), Clock(), self._add)

    def _add(self, changes: Any, more: int) -> None:
        self.changes += [change.name for change in changes]
        self.more += more


def test_a_delivery_tells_of_its_config_changes_once() -> None:
    told = Told()
    text = body(gate(), DOCUMENTED, changed(name='other'))
    assert told.receiver.receive(delivery(text), text)[0] == ACCEPTED
    assert told.receiver.receive(delivery(text), text)[0] == REDELIVERED
    assert (told.changes, told.more) == (['checkout_v2', 'other'], 0)
    assert told.receiver.tally.take(0.0).config_changes == 2


def test_no_more_are_looked_at_than_a_moment_allows() -> None:
    told = Told()
    text = body(*(changed(name=f'g{number}') for number in range(MOST_CONFIG_CHANGES + 7)))
    told.receiver.receive(delivery(text), text)
    assert (len(told.changes), told.more) == (MOST_CONFIG_CHANGES, 7)
