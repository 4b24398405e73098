"""Whatever is wrong in the file: one line that names the option, says what it takes, and shows no secret."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import yaml

from statsig.datadog.dogstatsd import DogStatsdAddress
from statsig.relay.configuration import Address, RelayConfiguration, load, parse
from statsig.relay.options import ConfigurationError
from statsig.webhook.receiver import WebhookRules
from tests.cli.conftest import Command, statsig_datadog

__all__ = ['statsig_datadog']

ENVIRONMENT = {
    'SECRET': 'webhook-secret',
    'EMPTY': '',
    'NUMBER': '25',
    'WORD': 'often',
    'TEAM': 'growth',
    'FLAG': 'false',
}
NOT_DECIMAL = ' is not valid YAML, line 1: a number that YAML does not read as decimal: write it without zeros in front'
LEAST: dict[str, Any] = {'metric_namespace': 'statsig', 'statsig_webhook': {'signing_secret': '${SECRET}'}}


def configured(webhook: dict[str, Any] | None = None, **options: Any) -> RelayConfiguration:
    merged = {**LEAST, **options}
    if webhook is not None:
        merged['statsig_webhook'] = {**LEAST['statsig_webhook'], **webhook}
    return parse(merged, ENVIRONMENT)


def webhook_rules(webhook: dict[str, Any] | None = None, **options: Any) -> WebhookRules:
    found = configured(webhook, **options).webhook
    assert found is not None
    return found


def test_little_is_required_and_the_rest_has_the_documented_defaults() -> None:
    found = configured()
    assert found.listen == Address('127.0.0.1', 8700)
    assert found.workers == 1
    assert found.dogstatsd == DogStatsdAddress(path='/var/run/datadog/dsd.socket')
    assert (found.metric_namespace, found.flush_interval, found.tags) == ('statsig', 10, ())
    assert found.state_dir == Path('/var/lib/statsig-datadog')
    assert found.body_timeout == 30
    webhook = webhook_rules()
    assert webhook.signing_secret == b'webhook-secret'
    assert (webhook.max_age, webhook.max_body_bytes, webhook.max_inflated_bytes) == (300, 5 << 20, 32 << 20)
    assert (webhook.counting.environments, webhook.counting.default_environment) == (frozenset(), 'production')
    assert webhook.counting.max_contexts == 2000


def test_every_option_of_the_documentation_is_taken() -> None:
    """The example of docs/relay.md, as it stands there."""
    text = (Path(__file__).parents[2] / 'docs' / 'relay.md').read_text(encoding='utf-8')
    example = text.partition('<!-- example -->')[2].partition('```yaml\n')[2].partition('```')[0]
    assert 'signing_secret' in example
    parse(yaml.safe_load(example), {'STATSIG_WEBHOOK_SECRET': 'x'})


def test_variables_of_the_environment_stand_for_values() -> None:
    found = configured(
        {'max_age': '${NUMBER}', 'config_changes': '${FLAG}'}, tags=['team:${TEAM}'], metric_namespace='${TEAM}'
    )
    assert found.webhook is not None
    assert (found.webhook.max_age, found.tags, found.metric_namespace) == (25, ('team:growth',), 'growth')


def test_environments_are_compared_in_lower_case() -> None:
    counting = webhook_rules({'environments': ['Production', ' QA '], 'default_environment': 'Beta'}).counting
    assert (counting.environments, counting.default_environment) == ({'production', 'qa'}, 'beta')


@pytest.mark.parametrize(
    ('url', 'address'),
    [
        ('unix:///var/run/datadog/dsd.socket', DogStatsdAddress(path='/var/run/datadog/dsd.socket')),
        ('udp://10.0.0.1:8125', DogStatsdAddress(host='10.0.0.1', port=8125)),
        ('udp://[::1]:8125', DogStatsdAddress(host='::1', port=8125)),
    ],
)
def test_addresses_of_dogstatsd(url: str, address: DogStatsdAddress) -> None:
    assert configured(dogstatsd_url=url).dogstatsd == address


def test_config_changes_are_off_unless_they_are_asked_for() -> None:
    assert (configured().config_changes, configured({'config_changes': True}).config_changes) == (False, True)


def test_tags_of_the_environment_may_leave_no_room_for_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('DATADOG_TAGS', 'a:' + 'b' * 3000)
    configured()
    with pytest.raises(ConfigurationError, match=r'`statsig_webhook\.config_changes` cannot be used: those of the'):
        configured({'config_changes': True})
    with pytest.raises(ConfigurationError, match='`triggers` cannot be used: those of the environment'):
        parse({**LEAST, 'triggers': {}}, {'SECRET': 's'})


def test_each_worker_has_its_share_of_the_contexts() -> None:
    assert webhook_rules({'max_contexts': 3000}, workers=3).counting.max_contexts == 1000


WRONG: list[tuple[Any, str]] = [
    (None, 'Option `metric_namespace` is missing: it must be letters, digits'),
    ([], 'The file must be a mapping of options, got a list.'),
    ({**LEAST, 'metrics_namespace': 'a'}, 'Option `metrics_namespace` is unknown: did you mean `metric_namespace`?'),
    ({**LEAST, 'xyz': 1}, 'Option `xyz` is unknown: known are listen, workers, '),
    ({**LEAST, 'triggers': {}}, 'Option `triggers.token` is missing: it must be a reference to a variable'),
    ({**LEAST, 'metric_namespace': '1st'}, 'Option `metric_namespace` must be letters, digits'),
    ({**LEAST, 'metric_namespace': 'a\n'}, 'Option `metric_namespace` must be letters, digits'),
    ({**LEAST, 'metric_namespace': 'a' * 101}, 'Option `metric_namespace` must be letters, digits'),
    ({**LEAST, 'metric_namespace': None}, 'Option `metric_namespace` has no value: it must be letters'),
    ({**LEAST, 'listen': '8700'}, 'Option `listen` must be an address and a port, such as 127.0.0.1:8700, got "8700".'),
    ({**LEAST, 'listen': '127.0.0.1:99999'}, 'Option `listen` must be an address and a port'),
    ({**LEAST, 'listen': 8700}, 'Option `listen` must be an address and a port, such as 127.0.0.1:8700, got 8700.'),
    ({**LEAST, 'workers': 0}, 'Option `workers` must be a number from 1 to 64, got 0.'),
    ({**LEAST, 'workers': 1.5}, 'Option `workers` must be a whole number from 1 to 64, got 1.5.'),
    ({**LEAST, 'workers': True}, 'Option `workers` must be a number from 1 to 64, got true.'),
    ({**LEAST, 'workers': '2'}, 'Option `workers` must be a number from 1 to 64, got "2".'),
    (
        {**LEAST, 'workers': '${WORD}'},
        'Option `workers` must be a number from 1 to 64, got the value of "${WORD}" (not',
    ),
    ({**LEAST, 'flush_interval': 0}, 'Option `flush_interval` must be a number of seconds from 0.1 to 3600, got 0.'),
    ({**LEAST, 'flush_interval': float('nan')}, 'Option `flush_interval` must be a number of seconds from 0.1'),
    ({**LEAST, 'dogstatsd_url': 'localhost:8125'}, 'Option `dogstatsd_url` must be a socket or a host and a port'),
    ({**LEAST, 'dogstatsd_url': 'unix://dsd.socket'}, 'Option `dogstatsd_url` must be a socket or a host and a port'),
    ({**LEAST, 'dogstatsd_url': 'udp://host:0'}, 'Option `dogstatsd_url` must be a socket or a host and a port'),
    ({**LEAST, 'dogstatsd_url': 'udp://host:x'}, 'Option `dogstatsd_url` must be a socket or a host and a port'),
    ({**LEAST, 'dogstatsd_url': 'udp://a..b:1'}, 'Option `dogstatsd_url` must be a socket or a host and a port'),
    ({**LEAST, 'dogstatsd_url': f'udp://{"a" * 64}:1'}, 'Option `dogstatsd_url` must be a socket or a host and a port'),
    (
        {**LEAST, 'dogstatsd_url': 'unix:///' + 'a' * 200},
        'Option `dogstatsd_url` must be a socket or a host and a port',
    ),
    ({**LEAST, 'tags': 'team:growth'}, 'Option `tags` must be a list of texts, got "team:growth".'),
    ({**LEAST, 'tags': [1]}, 'Option `tags` must be a list of texts, got 1.'),
    (
        {**LEAST, 'tags': ['a:${MISSING}']},
        'Option `tags` refers to the environment variable MISSING, which is not set.',
    ),
    (
        {**LEAST, 'tags': ['a:' + 'b' * 198] * 50},
        'Option `tags` cannot be used: they take 10064 of the 8192 bytes of a datagram.',
    ),
    ({'metric_namespace': 'a'}, 'Option `statsig_webhook` is missing: without that section there is nothing to relay.'),
    ({**LEAST, 'statsig_webhook': None}, 'Option `statsig_webhook` must be a mapping of options, got nothing.'),
    (
        {**LEAST, 'statsig_webhook': {}},
        'Option `statsig_webhook.signing_secret` is missing: it must be a reference to a variable of the environment '
        "that holds the webhook's signing secret, such as ${SIGNING_SECRET}.",
    ),
]
WRONG_IN_WEBHOOK: list[tuple[dict[str, Any], str]] = [
    ({'signing_secret': 'hunter2'}, 'signing_secret` must be a reference to a variable of the environment'),
    ({'signing_secret': 'a${SECRET}'}, 'signing_secret` must be a reference to a variable of the environment'),
    ({'signing_secret': '${MISSING}'}, 'signing_secret` refers to the environment variable MISSING, which is not set.'),
    ({'signing_secret': '${EMPTY}'}, 'signing_secret`: the environment variable EMPTY is empty.'),
    ({'environment': []}, 'environment` is unknown: did you mean `statsig_webhook.environments`?'),
    ({'environments': 'production'}, 'environments` must be a list of texts, got "production".'),
    ({'environments': ['']}, 'environments` must be a list of texts, got "".'),
    ({'environments': [f'e{n}' for n in range(21)]}, 'environments` must be a list of at most 20 texts, got a list.'),
    ({'default_environment': ' '}, 'default_environment` must be the name of an environment, got " ".'),
    ({'config_changes': 'yes'}, 'config_changes` must be true or false, got "yes".'),
    ({'max_contexts': 10}, 'max_contexts` must be at least 49, of which 48 for each worker are set aside for'),
    ({'max_age': 0}, 'max_age` must be a number of seconds from 1 to 86400, got 0.'),
    ({'max_body_bytes': 10}, 'max_body_bytes` must be a number of bytes from 1024 to 67108864, got 10.'),
    ({'body_timeout': -1}, 'body_timeout` must be a number of seconds from 0.1 to 3600, got -1.'),
]


@pytest.mark.parametrize(
    ('values', 'said'),
    [
        *WRONG,
        *(
            ({**LEAST, 'statsig_webhook': {**LEAST['statsig_webhook'], **webhook}}, f'Option `statsig_webhook.{said}')
            for webhook, said in WRONG_IN_WEBHOOK
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line_that_names_the_option(values: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse(values, ENVIRONMENT)
    message = str(raised.value)
    assert message.startswith(said)
    assert '\n' not in message
    assert not any(secret in message for secret in ('hunter2', 'webhook-secret', 'often'))


FROM_THE_ENVIRONMENT: list[tuple[dict[str, Any], str]] = [
    ({'metric_namespace': '${PASSWORD}'}, '"${PASSWORD}"'),
    ({'metric_namespace': 'x-${PASSWORD}'}, '"x-${PASSWORD}"'),
    ({'metric_namespace': 'x${LONG}'}, '"x${LONG}"'),
    ({'listen': '${PASSWORD}'}, '"${PASSWORD}"'),
    ({'dogstatsd_url': 'tcp://${PASSWORD}@localhost'}, '"tcp://${PASSWORD}@localhost"'),
    ({'workers': '${PASSWORD}'}, '"${PASSWORD}"'),
    ({'workers': '${CODE}.5'}, '"${CODE}.5"'),
    ({'tags': '${PASSWORD}'}, '"${PASSWORD}"'),
    ({'statsig_webhook': {**LEAST['statsig_webhook'], 'max_contexts': '${CODE}'}}, '"${CODE}"'),
    ({'statsig_webhook': {**LEAST['statsig_webhook'], 'hide_author': 'x${PASSWORD}'}}, '"x${PASSWORD}"'),
]


@pytest.mark.parametrize(
    ('options', 'written'), FROM_THE_ENVIRONMENT, ids=[str(each) for each, _ in FROM_THE_ENVIRONMENT]
)
def test_what_refers_to_the_environment_is_shown_as_it_is_written(options: dict[str, Any], written: str) -> None:
    variables = {'SECRET': 'x', 'PASSWORD': 'hunter2!', 'LONG': 'hunter2' * 20, 'CODE': '31'}
    with pytest.raises(ConfigurationError) as raised:
        parse({**LEAST, **options}, variables)
    message = str(raised.value)
    assert message.endswith(f', got the value of {written} (not shown here).')
    assert not any(secret in message for secret in ('hunter2', '31'))


@pytest.mark.parametrize(
    ('written', 'said'),
    [
        (b'a: [', ' is not valid YAML, line 1: '),
        (b'a: b: c', ' is not valid YAML, line 1: '),
        (b'\xff\xfe\xff', ' is not valid YAML'),
        (b'a: !!python/object:os.system {}', ' is not valid YAML, line 1: '),
        (b'a: 1\ntags: [2026-13-01]', ' is not valid YAML, line 2: a value cannot be read as timestamp.'),
        *((b'a: ' + number, NOT_DECIMAL) for number in (b'0123', b'-07', b'0x1F', b'0b11', b'1:30')),
        (b'a: !!int hunter2', ' is not valid YAML, line 1: a value cannot be read as int.'),
        (b'a: !!bool hunter2', ' is not valid YAML, line 1: a value cannot be read as bool.'),
        (b'a: !!timestamp hunter2', ' is not valid YAML, line 1: a value cannot be read as timestamp.'),
        (b'workers: ' + b'9' * 5_000, ' is not valid YAML, line 1: a value cannot be read as int.'),
        (b'workers: 0x' + b'f' * 5_000, ' is not valid YAML, line 1: a value cannot be read as int.'),
        (b'[' * 100_000, ' is not valid YAML'),
        (b'#' * 2_000_000, ' is larger than 1 MiB'),
    ],
)
def test_what_is_no_configuration_file_is_said(tmp_path: Path, written: bytes, said: str) -> None:
    path = tmp_path / 'relay.yaml'
    path.write_bytes(written)
    with pytest.raises(ConfigurationError) as raised:
        load(path, {})
    assert str(raised.value).startswith(f'{path}{said}')
    assert '\n' not in str(raised.value)
    assert 'hunter2' not in str(raised.value)


def test_the_secret_is_in_no_repr() -> None:
    assert 'webhook-secret' not in repr(configured())


def test_the_command_ends_with_2_and_one_line(tmp_path: Path, statsig_datadog: Command) -> None:
    file = tmp_path / 'relay.yaml'
    assert statsig_datadog('relay', '--config', str(file)).stderr == (
        f'error: {file} cannot be read: No such file or directory\n'
    )
    file.write_text('tags: [2026-13-01]')
    done = statsig_datadog('relay', '--config', str(file), SECRET='x')
    assert (done.returncode, done.stdout) == (2, '')
    assert done.stderr == f'error: {file} is not valid YAML, line 1: a value cannot be read as timestamp.\n'
    file.write_text(yaml.safe_dump({**LEAST, 'workers': 'many'}))
    done = statsig_datadog('relay', '--config', str(file), SECRET='x')
    assert (done.returncode, done.stdout) == (2, '')
    assert done.stderr == 'error: Option `workers` must be a number from 1 to 64, got "many".\n'


def test_an_address_in_use_is_said_and_may_be_free_next_time(tmp_path: Path, statsig_datadog: Command) -> None:
    file = tmp_path / 'relay.yaml'
    with socket.create_server(('127.0.0.1', 0)) as taken:
        address = f'127.0.0.1:{taken.getsockname()[1]}'
        file.write_text(yaml.safe_dump({**LEAST, 'listen': address}))
        done = statsig_datadog('relay', '--config', str(file), SECRET='x')
    assert done.returncode == 1, 'with 2 systemd would not start it again'
    assert done.stderr == f'error: Option `listen`: {address} cannot be listened on: Address already in use.\n'


@pytest.mark.parametrize(
    ('listen', 'exit_code', 'reason'),
    [
        ('192.0.2.1:8700', 1, 'Cannot assign requested address'),
        ('no-such-host.invalid:8700', 1, ''),
        ('ü..example:8700', 2, ''),
    ],
)
def test_an_address_that_this_host_does_not_have_is_said(
    tmp_path: Path, statsig_datadog: Command, listen: str, exit_code: int, reason: str
) -> None:
    file = tmp_path / 'relay.yaml'
    file.write_text(yaml.safe_dump({**LEAST, 'listen': listen}))
    done = statsig_datadog('relay', '--config', str(file), SECRET='x')
    assert done.returncode == exit_code
    assert done.stderr.startswith(f'error: Option `listen`: {listen} cannot be listened on: {reason}')
    assert done.stderr.count('\n') == 1


def test_a_directory_of_triggers_that_cannot_be_made_is_said_and_may_be_there_next_time(
    tmp_path: Path, statsig_datadog: Command
) -> None:
    rule = {'name': 'off', 'monitor_id': 1, 'gate': 'checkout'}
    triggers = {'token': '${TOKEN}', 'api_key': '${KEY}', 'rules': [rule]}
    file = tmp_path / 'relay.yaml'
    values = {**LEAST, 'listen': '127.0.0.1:0', 'state_dir': '/dev/null/x', 'triggers': triggers}
    file.write_text(yaml.safe_dump(values))
    done = statsig_datadog('relay', '--config', str(file), SECRET='x', TOKEN='t' * 32, KEY='console-x')
    assert done.returncode == 1
    assert done.stderr == 'error: Option `state_dir`: /dev/null/x cannot be used: Not a directory.\n'
