"""A config change of the webhook reads like the same change of the audit log."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.datadog.actions import classify
from statsig.datadog.dogstatsd import DogStatsdAddress
from statsig.datadog.dogstatsd_events import LARGEST_EVENT, DogStatsdEvents
from statsig.datadog.event import DatadogEvent
from statsig.datadog.webhook_changes import action_type_of, event_of_change
from statsig.sandbox.dogstatsd_listener import parsed_event
from statsig.webhook.config_changes import ConfigChange
from tests.datadog.entries import NOW
from tests.datadog.strategies import TEXT

CHANGE = ConfigChange(
    id='u-1',
    type='Gate',
    action='updated',
    name='checkout_v2',
    description='Updated Config Conditions\n    - Added rule Rule 1',
    project_id='acme',
    environments=('development', 'Production'),
    author='Jane Doe',
    author_email='jane@example.com',
    author_id='',
    tags=('revenue',),
    target_apps=('web',),
    timestamp=NOW - 5,
)


def event(change: ConfigChange = CHANGE, **options: Any) -> DatadogEvent:
    return event_of_change(change, now=NOW, **options)


def test_it_says_what_where_and_by_whom() -> None:
    assert event(tags=['env:prod']) == DatadogEvent(
        title='Gate checkout_v2 updated by Jane Doe',
        text='%%% \nGate **checkout_v2** updated by Jane Doe\n\n'
        '- Updated Config Conditions\n- \\- Added rule Rule 1\n\n'
        '[Open in Statsig](https://console.statsig.com/acme/gates/checkout_v2)\n %%%',
        timestamp=NOW - 5,
        alert_type='info',
        tags=(
            *('statsig_action:gate_update', 'statsig_group:rollouts', 'statsig_kind:gate', 'name:checkout_v2'),
            *('environment:development', 'environment:production', 'statsig_project:acme', 'statsig_tag:revenue'),
            *('target_app:web', 'statsig_source:webhook', 'env:prod'),
        ),
        aggregation_key='u-1',
    )


@pytest.mark.parametrize(
    ('kind', 'action', 'action_type', 'title', 'alert_type'),
    [
        ('Gate', 'created', 'gate_create', 'Gate checkout_v2 created by Jane Doe', 'info'),
        ('Gate', 'deleted', 'gate_delete', 'Gate checkout_v2 deleted by Jane Doe', 'warning'),
        ('Gate', 'Disabled', 'gate_disable', 'Gate checkout_v2 disabled by Jane Doe', 'warning'),
        ('DynamicConfig', 'updated', 'dynamic_config_update', 'Dynamic config checkout_v2 updated by Jane Doe', 'info'),
        (
            'dynamic_config',
            'updated',
            'dynamic_config_update',
            'Dynamic config checkout_v2 updated by Jane Doe',
            'info',
        ),
        ('Experiment', 'abandoned', 'experiment_abandon', 'Experiment checkout_v2 abandoned by Jane Doe', 'warning'),
        ('Gate', 'kickflip', 'gate_kickflip', 'Gate checkout_v2 updated (kickflip) by Jane Doe', 'info'),
        ('', '', '', 'Something checkout_v2 updated by Jane Doe', 'info'),
    ],
)
def test_type_and_action_are_told_as_the_audit_log_tells_them(
    kind: str, action: str, action_type: str, title: str, alert_type: str
) -> None:
    assert action_type_of(kind, action) == action_type
    found = event(replace(CHANGE, type=kind, action=action, description=''))
    assert (found.title, found.alert_type) == (title, alert_type)


def test_what_the_audit_log_does_is_understood() -> None:
    for kind in ('Gate', 'Experiment', 'DynamicConfig', 'Layer', 'Holdout', 'Segment'):
        for action in ('created', 'updated', 'deleted', 'archived', 'launched', 'enabled', 'disabled', 'started'):
            meaning = classify(action_type_of(kind, action))
            assert (meaning.kind, meaning.verb, meaning.is_guess) == (kind_of(kind), action, False)


def kind_of(kind: str) -> str:
    return 'dynamic_config' if kind == 'DynamicConfig' else kind.lower()


@pytest.mark.parametrize(
    ('person', 'title'),
    [
        ({'author': ''}, 'Gate checkout_v2 updated by jane@example.com'),
        ({'author': '', 'author_email': '', 'author_id': '456'}, 'Gate checkout_v2 updated by 456'),
        ({'author': '', 'author_email': ''}, 'Gate checkout_v2 updated'),
    ],
)
def test_whoever_is_known_is_named(person: dict[str, Any], title: str) -> None:
    assert event(replace(CHANGE, **person)).title == title


def test_nobody_is_named_where_authors_are_hidden() -> None:
    told = str(event(replace(CHANGE, description='Jane Doe asked jane@example.com'), hide_author=True))
    assert 'Jane' not in told
    assert 'jane' not in told


def test_without_environments_it_touches_what_such_a_change_touches() -> None:
    tags = event(replace(CHANGE, environments=())).tags
    assert {'environment:all', 'environment:production'} <= set(tags)


def test_without_a_time_it_is_now_and_without_a_project_there_is_no_made_up_link() -> None:
    found = event(replace(CHANGE, timestamp=None, project_id=''))
    assert found.timestamp == NOW
    assert '(https://console.statsig.com)' in found.text


TEXTS = st.lists(TEXT, max_size=40).map(tuple)


@given(
    st.builds(
        ConfigChange,
        **dict.fromkeys(('id', 'type', 'action', 'name', 'project_id', 'author', 'author_email', 'author_id'), TEXT),
        description=TEXT.map(lambda text: text * 20),
        environments=TEXTS,
        tags=TEXTS,
        target_apps=TEXTS,
        timestamp=st.none() | st.integers(1, 10**12),
    ),
    st.booleans(),
)
def test_whatever_it_holds_the_agent_takes_its_event(change: ConfigChange, hide_author: bool) -> None:
    datagram = DogStatsdEvents(DogStatsdAddress(path='/x')).datagram(event(change, hide_author=hide_author))
    assert len(datagram) <= LARGEST_EVENT
    found = parsed_event(datagram)
    assert 'statsig_source:webhook' in found.tags
    assert found.text.endswith('\n %%%')
