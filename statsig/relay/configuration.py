"""The relay's configuration file. docs/relay.md explains every option."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from statsig.commands.yaml_values import yaml_values
from statsig.datadog.dogstatsd import DogStatsdAddress, DogStatsdLines, SwitchedOffError, TagsTooLongError
from statsig.datadog.dogstatsd_events import DogStatsdEvents
from statsig.datadog.tags import normalise
from statsig.relay.options import ConfigurationError, Options
from statsig.relay.triggers.configuration import OPTIONS as TRIGGERS_OPTIONS
from statsig.relay.triggers.configuration import TriggersConfiguration, parse_triggers
from statsig.webhook.counting import CountingRules, normalised_environments
from statsig.webhook.receiver import WebhookRules

_OPTIONS = (
    *('listen', 'workers', 'dogstatsd_url', 'metric_namespace', 'flush_interval', 'tags', 'state_dir'),
    *('statsig_webhook', 'triggers'),
)
_WEBHOOK_OPTIONS = (
    *('signing_secret', 'environments', 'default_environment', 'config_changes', 'hide_author', 'max_contexts'),
    *('max_age', 'max_body_bytes', 'body_timeout'),
)
DEFAULT_STATE_DIR = '/var/lib/statsig-datadog'
_NAMESPACE = r'[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*'
_LARGEST_FILE = 1024 * 1024
_MOST_ENVIRONMENTS = 20
_MOST_CONTEXTS = 50_000  # a flush of so many takes about a second, in which nothing else is done
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Address:
    """An address to listen on. Port 0 means any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f'[{self.host}]:{self.port}' if ':' in self.host else f'{self.host}:{self.port}'


@dataclass(frozen=True, slots=True)
class RelayConfiguration:
    """Times in seconds. `webhook` is what each worker counts by: `max_contexts` is its share. At least one of `webhook`
    and `triggers` is there."""

    listen: Address
    workers: int
    dogstatsd: DogStatsdAddress
    metric_namespace: str
    flush_interval: float
    tags: tuple[str, ...]
    state_dir: Path
    webhook: WebhookRules | None
    config_changes: bool
    hide_author: bool
    body_timeout: float
    triggers: TriggersConfiguration | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """All that came from `Options.secret`: what no line of the log may have."""
        found = [self.webhook.signing_secret.decode()] if self.webhook else []
        if self.triggers:
            watch = self.triggers.watch
            found += [*(token.decode() for token in self.triggers.tokens), self.triggers.api_key]
            found += [watch.api_key, watch.app_key] if watch else []
        return tuple(found)


def load(path: Path, environment: Mapping[str, str]) -> RelayConfiguration:
    """Raises ConfigurationError."""
    return parse(_read(path), environment)


def state_dir_of(path: Path, environment: Mapping[str, str]) -> Path:
    """That option alone. Raises ConfigurationError."""
    return _state_dir(Options(_read(path), _OPTIONS, environment))


def _state_dir(options: Options) -> Path:
    return Path(options.text('state_dir', 'a directory', DEFAULT_STATE_DIR))


def _read(path: Path) -> object:
    try:
        with path.open('rb') as file:
            written = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise ConfigurationError(f'{path} cannot be read: {error.strerror}') from None
    if len(written) > _LARGEST_FILE:
        raise ConfigurationError(f'{path} is larger than 1 MiB: it is no configuration of the relay.')
    try:
        values: object = yaml_values(written)
    except yaml.YAMLError as error:
        mark = getattr(error, 'problem_mark', None)
        where = f', line {mark.line + 1}' if mark else ''
        raise ConfigurationError(
            f'{path} is not valid YAML{where}: {getattr(error, "problem", None) or "unreadable"}.'
        ) from None
    return values


def parse(values: object, environment: Mapping[str, str]) -> RelayConfiguration:
    """values: the file's content. Raises ConfigurationError for the first option that cannot be used."""
    options = Options({} if values is None else values, _OPTIONS, environment)
    workers = options.whole_number('workers', 1, 1, 64)
    address = _dogstatsd(options)
    namespace = _namespace(options)
    tags = tuple(filter(None, (normalise(tag) for tag in options.texts('tags'))))
    try:
        DogStatsdLines(address, namespace, tags)
    except TagsTooLongError as error:
        raise ConfigurationError(f'Option `tags` cannot be used: {error}.') from None
    except SwitchedOffError as error:
        raise ConfigurationError(f'Option `dogstatsd_url` cannot be used: {error}.') from None
    if not options.has('statsig_webhook') and not options.has('triggers'):
        raise ConfigurationError('Option `statsig_webhook` is missing: without that section there is nothing to relay.')
    webhook = options.section('statsig_webhook', _WEBHOOK_OPTIONS) if options.has('statsig_webhook') else None
    return RelayConfiguration(
        listen=_listen(options),
        workers=workers,
        dogstatsd=address,
        metric_namespace=namespace,
        flush_interval=options.number('flush_interval', 10, 0.1, 3600, 'seconds'),
        tags=tags,
        state_dir=_state_dir(options),
        webhook=_webhook(webhook, workers) if webhook else None,
        config_changes=_config_changes(webhook, address) if webhook else False,
        hide_author=webhook.boolean('hide_author', False) if webhook else False,
        body_timeout=webhook.number('body_timeout', 30, 0.1, 3600, 'seconds') if webhook else 30.0,
        triggers=_triggers(options, address, environment) if options.has('triggers') else None,
    )


def _config_changes(options: Options, address: DogStatsdAddress) -> bool:
    if not options.boolean('config_changes', False):
        return False
    _check_room_for_events(options.name('config_changes'), address)
    return True


def _triggers(options: Options, address: DogStatsdAddress, environment: Mapping[str, str]) -> TriggersConfiguration:
    _check_room_for_events('triggers', address)
    return parse_triggers(options.section('triggers', TRIGGERS_OPTIONS), environment)


def _check_room_for_events(option: str, address: DogStatsdAddress) -> None:
    try:
        DogStatsdEvents(address)
    except TagsTooLongError as error:
        raise ConfigurationError(f'Option `{option}` cannot be used: {error}.') from None


def _webhook(options: Options, workers: int) -> WebhookRules:
    environments = normalised_environments(options.texts('environments'))
    if len(environments) > _MOST_ENVIRONMENTS:
        raise options.refusal('environments', f'a list of at most {_MOST_ENVIRONMENTS} texts', list(environments))
    (default,) = normalised_environments(
        [options.text('default_environment', 'the name of an environment', 'production', r'.*\S.*')]
    )
    rules = CountingRules(environments, default, options.whole_number('max_contexts', 2000, 1, _MOST_CONTEXTS))
    share = rules.max_contexts // workers
    if share <= rules.reserved:
        takes = (
            f'at least {workers * (rules.reserved + 1)}, of which {rules.reserved} for each worker are set aside for '
            'what is counted under `other`'
        )
        raise options.refusal('max_contexts', takes, rules.max_contexts)
    return WebhookRules(
        signing_secret=options.secret('signing_secret', "the webhook's signing secret").encode(),
        counting=CountingRules(environments, default, share),
        max_age=options.number('max_age', 300, 1, 86400, 'seconds'),
        max_body_bytes=options.whole_number('max_body_bytes', 5 * _MIB, 1024, 64 * _MIB, 'bytes'),
    )


def _namespace(options: Options) -> str:
    takes = (
        'letters, digits, `_` and `.` between them, at most 100 characters, such as statsig; '
        'where the check collects exposures as `statsig`, another one: a metric has one type in Datadog'
    )
    namespace = options.text('metric_namespace', takes, pattern=_NAMESPACE)
    if len(namespace) > 100:
        raise options.refusal('metric_namespace', takes, namespace)
    return namespace


def _listen(options: Options) -> Address:
    takes = 'an address and a port, such as 127.0.0.1:8700'
    text = options.text('listen', takes, '127.0.0.1:8700')
    found = re.fullmatch(r'(?:\[([0-9a-fA-F:.]+)\]|([^\s\[\]:]+)):(\d{1,5})', text)
    if not found or int(found[3]) > 65535:
        raise options.refusal('listen', takes, text)
    return Address(found[1] or found[2], int(found[3]))


def _dogstatsd(options: Options) -> DogStatsdAddress:
    takes = 'a socket or a host and a port, such as unix:///var/run/datadog/dsd.socket or udp://127.0.0.1:8125'
    text = options.text('dogstatsd_url', takes, 'unix:///var/run/datadog/dsd.socket')
    try:
        return DogStatsdAddress.parse(text)
    except ValueError:
        raise options.refusal('dogstatsd_url', takes, text) from None
