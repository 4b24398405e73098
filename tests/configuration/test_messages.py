"""The exact words a user reads about each mistake in conf.yaml."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from datadog_checks.base import ConfigurationError

from datadog_checks.statsig.config_models import InstanceConfig
from datadog_checks.statsig.configuration import validate

KEY = 'console-4f9aTQ2mXbR7kLwZpE1sYcVd8uHnJo'
HOW = 'Set it to a Console API key, made in Statsig under Project Settings > Keys & Environments.'
API_URL_TAKES = 'Option `api_url` must be the scheme and host of the Console API, such as https://statsigapi.net'


def warnings_of(conf: str) -> list[str]:
    return validate({'api_key': KEY, **yaml.safe_load(conf)})


def error_of(conf: str) -> str:
    with pytest.raises(ConfigurationError) as error:
        warnings_of(conf)
    return str(error.value)


@pytest.mark.parametrize(
    ('instance', 'message'),
    [
        ({}, f'Option `api_key` is missing. {HOW}'),
        ({'api_key': None}, f'Option `api_key` is missing. {HOW}'),
        ({'api_key': ''}, f'Option `api_key` is empty. {HOW}'),
        ({'api_key': ' \n'}, f'Option `api_key` is empty. {HOW}'),
        ({'api_key': 12345678}, f'Option `api_key` must be text, got a number. {HOW}'),
        ({'api_key': ['console-abc']}, f'Option `api_key` must be text, got a list. {HOW}'),
        ({'api_key': '<CONSOLE_API_KEY>'}, f'Option `api_key` is still the placeholder of the example. {HOW}'),
        (
            {'api_key': 'ENC[statsig_console_key]'},
            'Option `api_key` is still an `ENC[...]` handle: the secrets backend of the Agent did not resolve it. '
            '`agent secret` says why.',
        ),
        *(
            (
                {'api_key': key},
                'Option `api_key` contains white space or other characters that no key has (the value is not shown '
                'here). Copy the key again.',
            )
            for key in (f'{KEY}\n', f' {KEY}', f'{KEY[:9]} {KEY[9:]}', f'{KEY}\r\nX-Evil: 1', f'{KEY}ü', f'{KEY}\x7f')
        ),
    ],
)
def test_a_bad_api_key(instance: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        validate(instance)

    assert str(error.value) == message
    assert KEY[9:] not in str(error.value)


@pytest.mark.parametrize('key', ['secret-9IWfdzNwExEYHEW4YfOQcFZ4', 'client-sdkKey1234567890abcdef', 'Console-x'])
def test_a_key_of_another_kind_is_tried_with_a_warning(key: str) -> None:
    (warning,) = validate({'api_key': key})

    assert warning == (
        'Option `api_key` does not begin with `console-`: Statsig refuses client keys and server secret keys here. '
        f'{HOW}'
    )


@pytest.mark.parametrize(
    ('conf', 'message'),
    [
        ('api_url: statsigapi.net', f'{API_URL_TAKES}, got "statsigapi.net".'),
        ('api_url: ftp://statsigapi.net', f'{API_URL_TAKES}, got "ftp://statsigapi.net".'),
        ('api_url: https://', f'{API_URL_TAKES}, got "https://".'),
        ('api_url: https://localhost:port', f'{API_URL_TAKES}, got "https://localhost:port".'),
        ('api_url: "https://[::1"', f'{API_URL_TAKES}, got "https://[::1".'),
        (r'api_url: "https://statsigapi.net\n"', rf'{API_URL_TAKES}, got "https://statsigapi.net\n".'),
        ('api_url: ""', f'{API_URL_TAKES}, got "".'),
        ('api_url: 8080', f'{API_URL_TAKES}, got 8080.'),
        ('api_url: https://statsigapi.net/console/v1', f'{API_URL_TAKES}, without a path, got '
         '"https://statsigapi.net/console/v1".'),
    ],
)  # fmt: skip
def test_a_bad_api_url(conf: str, message: str) -> None:
    assert error_of(conf) == message


@pytest.mark.parametrize(
    ('url', 'surplus'),
    [
        ('https://jane:hunter2@statsigapi.net', ', without a user or password'),
        ('https://hunter2@statsigapi.net/', ', without a user or password'),
        ('https://statsigapi.net?token=hunter2', ', without a query'),
        ('https://statsigapi.net/#hunter2', ', without a fragment'),
        ('jane:hunter2@statsigapi.net', ''),
    ],
)
def test_a_secret_in_the_api_url_is_not_repeated(url: str, surplus: str) -> None:
    assert error_of(f'api_url: {url}') == f'{API_URL_TAKES}{surplus}, got an address that may hold a secret.'


@pytest.mark.parametrize(
    'url',
    ['https://statsigapi.net', 'https://statsigapi.net/', 'HTTPS://proxy:8443', 'http://[::1]:9', 'http://localhost'],
)
def test_a_good_api_url_passes_without_a_word(url: str) -> None:
    assert warnings_of(f'api_url: {url}') == []


def test_plain_http_to_another_host_is_warned_of() -> None:
    assert warnings_of('api_url: http://sandbox.internal:8080') == [
        'Option `api_url` is "http://sandbox.internal:8080": the API key travels unencrypted. '
        'Use https:// outside of trials.'
    ]


@pytest.mark.parametrize(
    ('pattern', 'hint'),
    [
        ('rolouts', 'did you mean `rollouts`?'),
        ('Acces', 'did you mean `access`?'),
        ('gate', 'the groups are '),
    ],
)
def test_a_word_that_is_no_group_is_warned_of(pattern: str, hint: str) -> None:
    (warning,) = warnings_of(f'audit_log_include: [{pattern}]')

    assert warning.startswith(f'Option `audit_log_include` has `{pattern}`, which is no group of changes: {hint}')


@pytest.mark.parametrize('pattern', ['rollouts', 'production', 'Access', 'gate_*', 'user_login', '*'])
def test_groups_presets_and_action_types_are_not_warned_of(pattern: str) -> None:
    assert warnings_of(f'audit_log_exclude: ["{pattern}"]') == []


def test_the_models_do_not_show_secrets_in_their_repr() -> None:
    secrets = {'api_key': 'console-secret', 'password': 'console-secret', 'headers': {'a': 'console-secret'}}
    model = InstanceConfig.model_validate(secrets, context={'configured_fields': frozenset(secrets)})

    assert model.api_key == 'console-secret'
    assert 'console-secret' not in f'{model!r}{model}'


INTERVAL = 'a number of seconds from 1 to 86400 (a day)'
SECONDS = 'a number of seconds from 0.1 to 86400 (a day)'
COUNT = 'a whole number from 1 to 1000000'
LOOKBACK = 'a number of minutes from 0 to 1020 (17 hours, because Datadog refuses events older than 18)'


@pytest.mark.parametrize(
    ('conf', 'message'),
    [
        ('min_collection_interval: -5', f'Option `min_collection_interval` must be {INTERVAL}, got -5.'),
        ('min_collection_interval: 0', f'Option `min_collection_interval` must be {INTERVAL}, got 0.'),
        ('min_collection_interval: .nan', f'Option `min_collection_interval` must be {INTERVAL}, got nan.'),
        ('min_collection_interval: .inf', f'Option `min_collection_interval` must be {INTERVAL}, got inf.'),
        ('min_collection_interval: true', f'Option `min_collection_interval` must be {INTERVAL}, got true.'),
        ('min_collection_interval: 1m', f'Option `min_collection_interval` must be {INTERVAL}, got "1m".'),
        (
            'min_collection_interval: "60"',
            f'Option `min_collection_interval` must be {INTERVAL}, got "60". Remove the quotation marks.',
        ),
        (
            'inventory_interval: -1',
            'Option `inventory_interval` must be a number of seconds from 0 to 86400 (a day), got -1.',
        ),
        ('max_requests_per_minute: 0', f'Option `max_requests_per_minute` must be {COUNT}, got 0.'),
        ('max_requests_per_minute: 2.5', f'Option `max_requests_per_minute` must be {COUNT}, got 2.5.'),
        ('audit_log_lookback: 2000', f'Option `audit_log_lookback` must be {LOOKBACK}, got 2000.'),
        ('audit_log_lookback: -1', f'Option `audit_log_lookback` must be {LOOKBACK}, got -1.'),
        (
            'audit_log_overlap: 1441',
            'Option `audit_log_overlap` must be a number of minutes from 0 to 1440 (a day), got 1441.',
        ),
        ('timeout: 0', f'Option `timeout` must be {SECONDS}, got 0.'),
        ('gates: {limit: true}', f'Option `gates.limit` must be {COUNT}, got true.'),
        ('gates: {limit: 0}', f'Option `gates.limit` must be {COUNT}, got 0.'),
        (
            'experiments: {limit: "9"}',
            f'Option `experiments.limit` must be {COUNT}, got "9". Remove the quotation marks.',
        ),
        (f'dynamic_configs: {{limit: {10**400}}}', f'Option `dynamic_configs.limit` must be {COUNT}, got a number.'),
    ],
)
def test_a_number_that_cannot_be_used(conf: str, message: str) -> None:
    assert error_of(conf) == message


YAML_COLON = 'A colon followed by a space makes a mapping in YAML: leave out the space, or use quotation marks.'


@pytest.mark.parametrize(
    ('conf', 'message'),
    [
        ('tags: env:prod', 'Option `tags` must be a list of texts, got "env:prod". Write ["env:prod"].'),
        ('tags: [{env: prod}]', f'Option `tags` must be a list of texts, got a mapping as item 1. {YAML_COLON}'),
        ('audit_log_include: rollouts', 'Option `audit_log_include` must be a list of texts, got "rollouts". '
         'Write ["rollouts"].'),
        ('audit_log_exclude: [access, ""]', 'Option `audit_log_exclude` must be a list of texts, got "" as item 2.'),
        ('gates: [checkout_*]', 'Option `gates` must be a mapping of `include`, `exclude` and `limit`, got a list.'),
        ('gates: {include: 7}', 'Option `gates.include` must be a list of texts, got 7.'),
        ('experiments: {exclude: [a, 42]}', 'Option `experiments.exclude` must be a list of texts, got 42 as item 2. '
         'Put it in quotation marks.'),
        ('dynamic_configs: {include: [yes]}', 'Option `dynamic_configs.include` must be a list of texts, got true as '
         'item 1. Put it in quotation marks.'),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_used(conf: str, message: str) -> None:
    assert error_of(conf) == message


NAMESPACE = 'letters, digits, `_` and `.` between them, beginning with a letter, at most 100 characters'


@pytest.mark.parametrize(
    ('conf', 'message'),
    [
        *(
            (f'metric_namespace: "{text}"', f'Option `metric_namespace` must be {NAMESPACE}, got "{text}".')
            for text in ('', '1statsig', 'my-statsig', 'statsig.', 'a..b', 'statsig x', 'größe')
        ),
        (f'metric_namespace: {"a" * 101}', f'Option `metric_namespace` must be {NAMESPACE}, got "{"a" * 78}…".'),
        ('collect_exposures: sometimes', 'Option `collect_exposures` must be true or false, got "sometimes".'),
        ('hide_author: 2', 'Option `hide_author` must be true or false, got 2.'),
        ('project: 5', 'Option `project` must be the id of the Statsig project, in quotation marks, got 5.'),
        ('project: " "', 'Option `project` must be the id of the Statsig project, in quotation marks, got " ".'),
        ('project: <PROJECT_ID>', 'Option `project` is still the placeholder of the example: fill it in or remove it.'),
        (f'project: {KEY}', 'Option `project` must be the id of the Statsig project, in quotation marks, got what '
         'looks like an API key.'),
        ('name: true', 'Option `name` must be text, in quotation marks, got true.'),
        ('collect_audit_log:', 'Option `collect_audit_log` has no value: give it one, or remove the line for the '
         'default.'),
    ],
)  # fmt: skip
def test_other_values_that_cannot_be_used(conf: str, message: str) -> None:
    assert error_of(conf) == message


def test_a_bad_tag_rule_is_named_with_its_number() -> None:
    message = error_of('tag_rules: [{match: "gate:a", tags: ["service:a"]}, {match: "gates:a", tags: ["service:a"]}]')

    assert message.startswith("Option `tag_rules`, rule 2: `match` is 'gates:a'; a rule is {match: ")
    assert message.endswith('.')


@pytest.mark.parametrize(
    'conf',
    [
        'collect_exposures: "yes"',
        'collect_inventory: 0',
        'gates:',
        'gates: {include: , exclude: [], limit: }',
        'tags:',
        'project:',
        'audit_log_lookback: 0',
        'audit_log_lookback: 1020',
        'audit_log_overlap: 0.5',
        'audit_log_overlap: 1440',
        'inventory_interval: 0',
        'metric_namespace: acme.statsig_2',
        'name: client-portal',
        'loader: python',
        '_internal: 1',
    ],
)
def test_what_can_be_used_passes_without_a_word(conf: str) -> None:
    assert warnings_of(conf) == []


@pytest.mark.parametrize(
    ('conf', 'message'),
    [
        ('min_colection_interval: 60', 'Unknown option `min_colection_interval` is ignored: did you mean '
         '`min_collection_interval`?'),
        ('colour: red', 'Unknown option `colour` is ignored: conf.yaml.example lists the options there are.'),
        ('gates: {inlcude: [a]}', 'Unknown option `inlcude` in `gates` is ignored: did you mean `include`?'),
        (f'{KEY}: 1', 'Unknown option `console-***` is ignored: conf.yaml.example lists the options there are.'),
        ('allow_redirects: true', 'Option `allow_redirects` is ignored: following a redirect would hand the API key to '
         'another host.'),
    ],
)  # fmt: skip
def test_what_is_ignored_is_warned_of(conf: str, message: str) -> None:
    assert warnings_of(conf) == [message]


@pytest.mark.parametrize(
    ('init_config', 'message'),
    [
        ({'timout': 5}, 'Unknown option `timout` in `init_config` is ignored: did you mean `timeout`?'),
        ({'api_key': KEY}, 'Unknown option `api_key` in `init_config` is ignored: it belongs to an instance, under '
         '`instances`.'),
    ],
)  # fmt: skip
def test_what_is_ignored_in_init_config_is_warned_of(init_config: dict[str, Any], message: str) -> None:
    assert validate({'api_key': KEY}, init_config) == [message]


def test_an_instance_that_is_no_mapping() -> None:
    instance: Any = yaml.safe_load(f'[{KEY}]')

    with pytest.raises(ConfigurationError) as error:
        validate(instance)

    assert str(error.value) == 'An instance must be a mapping of options, got a list.'


@pytest.mark.parametrize(
    ('option', 'value', 'said'),
    [
        ('headers', 'X: y', '`headers` must be a mapping, got text.'),
        ('proxy', 'http://user:hunter2@proxy', '`proxy` must be a mapping, got text.'),
        ('proxy', {'http': 1}, '`proxy.http` must be text, got a number.'),
        ('tls_verify', 'maybe', '`tls_verify` must be true or false, got text.'),
        ('empty_default_hostname', 'perhaps', '`empty_default_hostname` must be true or false, got text.'),
        ('password', ['hunter2'], '`password` must be text, got a list.'),
        ('tls_ciphers', 'x', '`tls_ciphers` must be a list, got text.'),
    ],
)
def test_the_options_that_every_check_has_are_refused_in_our_words_too(option: str, value: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        validate({'api_key': KEY, option: value})

    assert str(refused.value) == f'Option {said}'


def test_an_option_of_init_config_is_named_as_such() -> None:
    with pytest.raises(ConfigurationError, match=r'Option `timeout` in `init_config` must be a number, got text\.'):
        validate({'api_key': KEY}, {'timeout': 'x'})
