"""conf.yaml.example, our validation and the generated models say the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from datadog_checks.base import ConfigurationError
from hypothesis import example, given
from hypothesis import strategies as st

from datadog_checks.statsig.config_models import InstanceConfig
from datadog_checks.statsig.configuration import validate

PROJECT = Path(__file__).parents[2]
EXAMPLE = PROJECT / 'conf.yaml.example'
KEY = 'console-4f9aTQ2mXbR7kLwZpE1sYcVd8uHnJo'
OWN_OPTIONS = [
    'project', 'name', 'api_url', 'min_collection_interval', 'collect_exposures', 'collect_audit_log',
    'collect_inventory', 'gates', 'experiments', 'dynamic_configs', 'inventory_interval', 'max_requests_per_minute',
    'audit_log_lookback', 'audit_log_overlap', 'audit_log_include', 'audit_log_exclude', 'hide_author',
    'send_change_events', 'send_logs', 'tag_rules', 'metric_namespace', 'tags', 'timeout',
]  # fmt: skip


def load_model(instance: dict[str, Any]) -> InstanceConfig:
    """As base does it."""
    context = {'configured_fields': frozenset(instance), 'security_config': None}
    return InstanceConfig.model_validate(instance, context=context)


def every_option_of_the_example() -> dict[str, Any]:
    """The instance of the example with all lines uncommented."""
    text = EXAMPLE.read_text(encoding='utf-8')
    uncommented = re.sub(r'(?m)^    # (?! )(.*)$', r'    \1', re.sub(r'(?m)^    # ( .*)$', r'    \1', text))
    (instance,) = yaml.safe_load(uncommented)['instances']
    assert isinstance(instance, dict)
    return instance


def test_both_copies_of_the_example_are_identical() -> None:
    shipped = PROJECT / 'datadog_checks' / 'statsig' / 'data' / 'conf.yaml.example'

    assert EXAMPLE.read_bytes() == shipped.read_bytes()


def test_the_example_works_once_the_key_is_filled_in() -> None:
    conf = yaml.safe_load(EXAMPLE.read_text(encoding='utf-8'))
    (instance,) = conf['instances']
    assert instance == {'api_key': '<CONSOLE_API_KEY>', 'min_collection_interval': 60, 'empty_default_hostname': True}

    instance['api_key'] = KEY

    assert validate(instance, conf['init_config']) == []
    assert load_model(instance).min_collection_interval == 60


@pytest.mark.parametrize('option', OWN_OPTIONS)
def test_every_option_is_in_the_example_with_a_value_that_is_taken(option: str) -> None:
    value = every_option_of_the_example()[option]
    if isinstance(value, str) and value.startswith('<'):
        value = 'filled in'
    instance = {'api_key': KEY, option: value}

    assert validate(instance) == []
    assert getattr(load_model(instance), option) is not None


def test_defaults_are_what_the_documentation_says() -> None:
    config = load_model({'api_key': KEY})

    assert {option: getattr(config, option) for option in OWN_OPTIONS} == {
        'project': None,
        'name': None,
        'api_url': 'https://statsigapi.net',
        'min_collection_interval': 15,  # what the Agent does without the line; the example sets 60
        'collect_exposures': True,
        'collect_audit_log': True,
        'collect_inventory': True,
        'gates': None,
        'experiments': None,
        'dynamic_configs': None,
        'inventory_interval': 600,
        'max_requests_per_minute': 30,
        'audit_log_lookback': 60,
        'audit_log_overlap': 10,
        'audit_log_include': None,
        'audit_log_exclude': None,
        'hide_author': False,
        'send_change_events': False,
        'send_logs': False,
        'tag_rules': None,
        'metric_namespace': 'statsig',
        'tags': None,
        'timeout': 10,
    }


YAML_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(option=st.sampled_from(OWN_OPTIONS), value=YAML_VALUES)
@example(option='gates', value={'limit': 10**400})
@example(option='max_requests_per_minute', value=10**400)
@example(option='api_url', value='http://[')
def test_whatever_yaml_holds_is_refused_in_our_words_or_loads(option: str, value: Any) -> None:
    instance = {'api_key': KEY, option: value}
    refusal = None
    try:
        validate(instance)
    except ConfigurationError as error:
        refusal = str(error)

    if refusal is None:
        load_model(instance)  # or pydantic would raise what users should not have to read
    else:
        assert refusal.startswith('Option `')


@given(value=YAML_VALUES | st.just(KEY), before=st.text(max_size=5))
def test_no_message_repeats_the_key(value: Any, before: str) -> None:
    secret = KEY.removeprefix('console-')
    for option in OWN_OPTIONS:
        for wrong in (f'{before}{KEY}', [value, {KEY: KEY}], {KEY: value}):
            try:
                told = validate({'api_key': KEY, option: wrong})
            except ConfigurationError as error:
                told = [str(error)]
            assert secret not in ' '.join(told)
