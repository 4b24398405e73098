"""The section `triggers` of the relay's configuration file. docs/triggers.md explains every option."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any
from urllib.parse import urlsplit

from statsig.relay.options import ConfigurationError, Options
from statsig.relay.triggers.decision import Limits
from statsig.relay.triggers.rules import Rule

OPTIONS = (
    *('token', 'previous_token', 'allowed_addresses', 'api_key', 'api_url', 'project', 'respect_review_settings'),
    *('max_actions_per_hour', 'give_up_after', 'mode', 'datadog_site', 'rules'),
)
RULE_OPTIONS = (*('name', 'monitor_id', 'scope', 'gate', 'action', 'cooldown', 'dry_run', 'on_recovery', 'stable_for'),)
WATCH_OPTIONS = ('datadog_api_key', 'datadog_app_key', 'datadog_api_url', 'interval')
MOST_RULES = 200
LEAST_TOKEN = 16  # characters: what is shorter can be guessed
_DAY = 86400.0
_SITE = "a Datadog site's parameter, such as datadoghq.eu or us5.datadoghq.com, without `app.`"
_PLAIN_ADDRESS = re.compile(r'[\w.:/\[\]%~+-]+')

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Watch:
    """Ask Datadog rather than wait for it. interval: seconds."""

    api_key: str
    app_key: str
    api_url: str
    interval: float


@dataclass(frozen=True, slots=True)
class TriggersConfiguration:
    """tokens: those that are accepted; none where Datadog is asked. give_up_after: seconds."""

    tokens: tuple[bytes, ...]
    allowed_addresses: tuple[Network, ...]
    api_key: str
    api_url: str
    project: str
    respect_review_settings: bool
    limits: Limits
    give_up_after: float
    watch: Watch | None
    datadog_site: str
    rules: tuple[Rule, ...]

    def __repr__(self) -> str:  # dataclass would show the secrets
        return f'TriggersConfiguration({len(self.rules)} rules)'


def parse_triggers(options: Options, environment: Mapping[str, str]) -> TriggersConfiguration:
    """Raises ConfigurationError."""
    site = options.text('datadog_site', _SITE, 'datadoghq.com', r'(?!app\.)[a-z0-9.-]+')
    watch = _watch(options, site)
    give_up_after = options.number('give_up_after', 900, 1, _DAY, 'seconds')
    return TriggersConfiguration(
        tokens=() if watch else _tokens(options),
        allowed_addresses=_networks(options),
        api_key=_key(options, 'api_key', 'a Console API key that may read and write gates'),
        api_url=_url(options, 'api_url', 'https://statsigapi.net'),
        project=options.text('project', 'the id in the address of your Statsig console', '', r'[\w.-]*'),
        respect_review_settings=options.boolean('respect_review_settings', True),
        limits=Limits(options.whole_number('max_actions_per_hour', 5, 0, 1000), give_up_after),
        give_up_after=give_up_after,
        watch=watch,
        datadog_site=site,
        rules=_rules(options, environment),
    )


def _key(options: Options, option: str, what: str) -> str:
    key = options.secret(option, what)
    if not (key.isascii() and key.isprintable()):
        raise ConfigurationError(
            f'Option `{options.name(option)}`: a key has only characters of ASCII that can be printed.'
        )
    return key


def _tokens(options: Options) -> tuple[bytes, ...]:
    tokens = [options.secret('token', 'the token that Datadog sends')]
    if previous := options.optional_secret('previous_token', 'the token that Datadog sent before'):
        tokens.append(previous)
    for option, token in zip(('token', 'previous_token'), tokens, strict=False):
        if len(token) < LEAST_TOKEN or not token.isascii():
            raise ConfigurationError(
                f'Option `{options.name(option)}`: a token must have at least {LEAST_TOKEN} characters of ASCII. '
                '`openssl rand -hex 32` makes a good one.'
            )
    return tuple(token.encode() for token in tokens)


def _networks(options: Options) -> tuple[Network, ...]:
    networks = []
    for text in options.texts('allowed_addresses'):
        try:
            networks.append(ip_network(text.strip()))
        except ValueError:
            raise options.refusal(
                'allowed_addresses', 'a list of addresses or networks, such as 3.233.158.0/24', text
            ) from None
    return tuple(networks)


def _url(options: Options, option: str, default: str) -> str:
    takes = f'an address that begins with https://, such as {default}, without user, query and fragment'
    url = options.text(option, takes, default)
    if not is_safe_address(url):
        # What stands before an @ may be a password.
        raise options.refusal(option, takes, 'something else' if '@' in url else url)
    return url.rstrip('/')


def is_safe_address(url: str) -> bool:
    """Whether secrets may be sent there: over TLS, or to this machine. Nothing in it has to be quoted anywhere."""
    try:
        parts = urlsplit(url)
        is_local = parts.hostname in ('localhost', '127.0.0.1', '::1')
        parts.port  # noqa: B018  (raises ValueError where there is none that can be)
    except ValueError:
        return False
    if not parts.hostname or not (parts.scheme == 'https' or (parts.scheme == 'http' and is_local)):
        return False
    return '@' not in parts.netloc and _PLAIN_ADDRESS.fullmatch(url) is not None


def _watch(options: Options, site: str) -> Watch | None:
    takes = '`webhook`, or `watch:` with datadog_api_key and datadog_app_key below it'
    if not options.has('mode'):
        return None
    mode = options.value('mode')
    if mode == 'webhook':
        return None
    if not isinstance(mode, Mapping) or list(mode) != ['watch']:
        raise options.refusal('mode', takes, mode)
    watch = options.section('mode', ('watch',)).section('watch', WATCH_OPTIONS)
    return Watch(
        api_key=_key(watch, 'datadog_api_key', 'an API key of Datadog'),
        app_key=_key(watch, 'datadog_app_key', 'an application key of Datadog with the scope monitors_read'),
        api_url=_url(watch, 'datadog_api_url', f'https://api.{site}'),
        interval=watch.number('interval', 30, 1, 3600, 'seconds'),
    )


def _rules(options: Options, environment: Mapping[str, str]) -> tuple[Rule, ...]:
    written = options.value('rules') if options.has('rules') else None
    if not isinstance(written, list) or not 1 <= len(written) <= MOST_RULES:
        raise options.refusal('rules', f'a list of 1 to {MOST_RULES} rules', written)
    rules = [
        _rule(Options(each, RULE_OPTIONS, environment, f'{options.name("rules")}[{number}]'))
        for number, each in enumerate(written)
    ]
    names = [rule.name for rule in rules]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f'Option `{options.name("rules")}` has two rules of the name {repeated[0]!r}.')
    return tuple(rules)


def _rule(options: Options) -> Rule:
    on_recovery = options.one_of('on_recovery', ('none', 'enable'), 'none')
    options.one_of('action', ('disable',), 'disable')
    return Rule(
        name=options.text('name', 'a name of at most 100 characters', pattern=r'(?=.*\S).{1,100}').strip(),
        monitor_id=_monitor_id(options),
        gate=options.text('gate', 'the id of a gate, not a pattern', pattern=r'[A-Za-z0-9_.: -]{1,100}'),
        scope=_scope(options),
        cooldown=options.number('cooldown', 900, 0, _DAY, 'seconds'),
        dry_run=options.boolean('dry_run', True),
        on_recovery=on_recovery == 'enable',
        stable_for=options.number('stable_for', 600, 0, _DAY, 'seconds'),
    )


def _monitor_id(options: Options) -> str:
    takes = "a monitor's number, which stands in the address of its page"
    value: Any = options.value('monitor_id') if options.has('monitor_id') else None
    text = str(value)
    # No zeros at its beginning: Datadog sends none, so such a rule would never hear of its monitor.
    if isinstance(value, bool) or not re.fullmatch(r'0|[1-9][0-9]{0,17}', text):
        raise options.refusal('monitor_id', takes, value)
    return text


def _scope(options: Options) -> frozenset[str]:
    text = options.text('scope', 'tags, with commas between them, such as "env:production"', '', r'.*')
    tags = frozenset(filter(None, map(str.strip, text.lower().split(','))))
    if text and not tags:
        raise options.refusal('scope', 'tags, with commas between them; without it whatever alerts is in scope', text)
    return tags
