"""What a user wrote in conf.yaml, checked in words a user can act on.

The check calls `validate` before the Agent's base loads the pydantic models, so that users read these sentences rather
than pydantic's. The models then give the typed `self.config`; no value is converted here. All validation is here: the
generated `config_models/validators.py` is Datadog's empty template, which its validators want as it is.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

from datadog_checks.base import ConfigurationError
from pydantic import TypeAdapter, ValidationError

from datadog_checks.statsig.config_models import InstanceConfig, SharedConfig, defaults
from statsig.datadog.actions import GROUPS, PRESETS
from statsig.datadog.tag_rules import parse_tag_rules

# The Agent and its base read these from an instance too; they are nobody's typing mistakes.
_AGENT_OPTIONS = ('loader', 'namespace', 'no_index', 'debug_metrics', 'max_returned_metrics', 'process_isolation')
_KEY_IN_TEXT = re.compile(r'(console|secret|client)-[A-Za-z0-9]{20,}')
_NAMESPACE = re.compile(r'[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*')
_BOOLEAN = TypeAdapter(bool)

# The models are generated, and would show these in their `repr`.
for _secret in ('api_key', 'password', 'proxy', 'headers', 'extra_headers', 'auth_token'):
    InstanceConfig.model_fields[_secret].repr = False


@dataclass(frozen=True, slots=True)
class _Number:
    minimum: float
    maximum: float
    takes: str
    whole: bool = False

    def accepts(self, value: object) -> bool:
        # A bool is an int in Python. NaN is between no two numbers.
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return self.minimum <= value <= self.maximum and (not self.whole or value == int(value))


_SECONDS = _Number(0.1, 86400, 'a number of seconds from 0.1 to 86400 (a day)')
_COUNT = _Number(1, 1_000_000, 'a whole number from 1 to 1000000', whole=True)
_NUMBERS = {
    'min_collection_interval': _Number(1, 86400, 'a number of seconds from 1 to 86400 (a day)'),
    'inventory_interval': _Number(0, 86400, 'a number of seconds from 0 to 86400 (a day)'),
    'max_requests_per_minute': _COUNT,
    'audit_log_lookback': _Number(
        0, 1020, 'a number of minutes from 0 to 1020 (17 hours, because Datadog refuses events older than 18)'
    ),
    'audit_log_overlap': _Number(0, 1440, 'a number of minutes from 0 to 1440 (a day)'),
    'timeout': _SECONDS,
    'connect_timeout': _SECONDS,
    'read_timeout': _SECONDS,
}
_BOOLEANS = (
    'collect_exposures', 'collect_audit_log', 'collect_inventory', 'hide_author', 'send_change_events', 'send_logs',
    'allow_redirects',
)  # fmt: skip
_TEXT_LISTS = ('audit_log_include', 'audit_log_exclude', 'tags')
_ENTITIES = ('gates', 'experiments', 'dynamic_configs')


def validate(instance: Mapping[str, Any], init_config: Mapping[str, Any] | None = None) -> list[str]:
    """Warnings about an instance that can be used all the same, one sentence or two each.

    Raises ConfigurationError for the first option that cannot be used: which one, what it got, what it takes. Neither
    contains an API key or a password.
    """
    if not isinstance(instance, Mapping):
        raise ConfigurationError(f'An instance must be a mapping of options, got {_shown(instance)}.')
    warnings = [
        *_check_api_key(instance.get('api_key')),
        *_unknown_options(instance, _known_options(InstanceConfig), ''),
        *_unknown_options(init_config or {}, _known_options(SharedConfig), ' in `init_config`'),
    ]
    checks: list[tuple[Iterable[str], Callable[[str, Any], list[str]]]] = [
        (('api_url',), _check_api_url),
        (('project', 'name'), _check_identity),
        (('metric_namespace',), _check_namespace),
        (_NUMBERS, _check_number),
        (_BOOLEANS, _check_boolean),
        (_ENTITIES, _check_entities),
        (_TEXT_LISTS, _check_texts),
        (('tag_rules',), _check_tag_rules),
    ]
    for options, check in checks:
        for option in options:
            if option in instance and not _is_unset(option, instance[option]):
                warnings.extend(check(option, instance[option]))
    _check_model(InstanceConfig, instance, '')
    _check_model(SharedConfig, init_config or {}, ' in `init_config`')
    return warnings


# What pydantic calls a type that does not fit, and what it is called here.
_TYPES_IN_WORDS = (
    (('bool',), 'true or false'),
    (('float', 'int', 'decimal'), 'a number'),
    (('string', 'literal', 'enum'), 'text'),
    (('mapping', 'dict', 'model', 'instance'), 'a mapping'),
    (('tuple', 'list'), 'a list'),
)


def _check_model(model: type[InstanceConfig] | type[SharedConfig], given: Mapping[str, Any], where: str) -> None:
    """What is left: the Agent's own options, of which the models know the types. Base would say it in pydantic's words.

    The value is never shown: among them are passwords and headers.
    """
    try:
        model.model_validate(dict(given), context={'configured_fields': frozenset(given), 'security_config': None})
    except ValidationError as error:
        first = error.errors()[0]
        option = '.'.join(str(part) for part in first['loc'])
        takes = next((words for kinds, words in _TYPES_IN_WORDS if any(kind in first['type'] for kind in kinds)), '')
        if not takes:
            raise ConfigurationError(f'Option `{option}`{where} cannot be used: {first["msg"]}.') from None
        raise ConfigurationError(f'Option `{option}`{where} must be {takes}, got {_kind(first["input"])}.') from None


def _known_options(model: type[InstanceConfig] | type[SharedConfig]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _unknown_options(given: Mapping[str, Any], known: list[str], where: str) -> list[str]:
    warnings = []
    for option in given:
        if option in known or option in _AGENT_OPTIONS or str(option).startswith('_'):
            continue
        told = f'Unknown option `{_plain(str(option))}`{where} is ignored'
        nearest = difflib.get_close_matches(str(option), known, n=1)
        if nearest:
            warnings.append(f'{told}: did you mean `{nearest[0]}`?')
        elif option in InstanceConfig.model_fields:
            warnings.append(f'{told}: it belongs to an instance, under `instances`.')
        else:
            warnings.append(f'{told}: conf.yaml.example lists the options there are.')
    return warnings


def _is_unset(option: str, value: Any) -> bool:
    """An option without a value counts as left out, where leaving it out means nothing in particular.

    Where it has a default, base would not apply it: `collect_exposures:` would silently mean false.
    """
    if value is not None:
        return False
    if hasattr(defaults, f'instance_{option}'):
        raise ConfigurationError(f'Option `{option}` has no value: give it one, or remove the line for the default.')
    return True


def _check_api_key(key: Any) -> list[str]:
    how = 'Set it to a Console API key, made in Statsig under Project Settings > Keys & Environments.'
    if key is None:
        raise ConfigurationError(f'Option `api_key` is missing. {how}')
    if not isinstance(key, str):
        raise ConfigurationError(f'Option `api_key` must be text, got {_kind(key)}. {how}')
    if not key.strip():
        raise ConfigurationError(f'Option `api_key` is empty. {how}')
    if key.startswith('ENC['):
        raise ConfigurationError(
            'Option `api_key` is still an `ENC[...]` handle: the secrets backend of the Agent did not resolve it. '
            '`agent secret` says why.'
        )
    if key.startswith('<') and key.endswith('>'):
        raise ConfigurationError(f'Option `api_key` is still the placeholder of the example. {how}')
    if not _is_visible_ascii(key):
        raise ConfigurationError(
            'Option `api_key` contains white space or other characters that no key has (the value is not shown here). '
            'Copy the key again.'
        )
    if not key.startswith('console-'):
        return [
            'Option `api_key` does not begin with `console-`: Statsig refuses client keys and server secret keys here. '
            f'{how}'
        ]
    return []


def _is_visible_ascii(text: str) -> bool:
    """All that can stand in a header's value or in a URL; white space is left out on purpose."""
    return all('!' <= character <= '~' for character in text)


def _check_api_url(option: str, value: Any) -> list[str]:
    takes = 'the scheme and host of the Console API, such as https://statsigapi.net'
    if not isinstance(value, str):
        raise _refusal(option, takes, value)
    # A password or a token in it is not repeated, even where the rest is no URL.
    shown = 'an address that may hold a secret' if re.search('[@?#]', value) else _shown(value)
    try:
        url = urlsplit(value)
        _ = url.port  # raises ValueError for a port that is none
    except ValueError:
        raise ConfigurationError(f'Option `{option}` must be {takes}, got {shown}.') from None
    if url.scheme not in ('http', 'https') or not url.hostname or not _is_visible_ascii(value):
        raise ConfigurationError(f'Option `{option}` must be {takes}, got {shown}.')
    surplus = _surplus(url)
    if surplus:
        raise ConfigurationError(f'Option `{option}` must be {takes}, without {surplus}, got {shown}.')
    if url.scheme == 'http' and not _is_loopback(url.hostname):
        return [f'Option `{option}` is {shown}: the API key travels unencrypted. Use https:// outside of trials.']
    return []


def _surplus(url: SplitResult) -> str:
    if '@' in url.netloc:
        return 'a user or password'
    if url.path not in ('', '/'):
        return 'a path'
    if url.query:
        return 'a query'
    return 'a fragment' if url.fragment else ''


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'


def _check_identity(option: str, value: Any) -> list[str]:
    takes = 'the id of the Statsig project, in quotation marks' if option == 'project' else 'text, in quotation marks'
    if not isinstance(value, str) or not value.strip():
        raise _refusal(option, takes, value)
    # `project` becomes a tag on everything: a key in the wrong line would be all over Datadog.
    if _KEY_IN_TEXT.search(value):
        raise ConfigurationError(f'Option `{option}` must be {takes}, got what looks like an API key.')
    if value.startswith('<') and value.endswith('>'):
        raise ConfigurationError(f'Option `{option}` is still the placeholder of the example: fill it in or remove it.')
    return []


def _check_namespace(option: str, value: Any) -> list[str]:
    if not isinstance(value, str) or len(value) > 100 or not _NAMESPACE.fullmatch(value):
        takes = 'letters, digits, `_` and `.` between them, beginning with a letter, at most 100 characters'
        raise _refusal(option, takes, value)
    return []


def _check_number(option: str, value: Any) -> list[str]:
    number = _NUMBERS[option]
    if not number.accepts(value):
        raise _refusal(option, number.takes, value)
    return []


def _check_boolean(option: str, value: Any) -> list[str]:
    try:
        on = _BOOLEAN.validate_python(value)  # what base's models take: true, "yes", 1, …
    except ValidationError:
        raise _refusal(option, 'true or false', value) from None
    if option == 'allow_redirects' and on:
        return [f'Option `{option}` is ignored: following a redirect would hand the API key to another host.']
    return []


def _check_entities(option: str, value: Any) -> list[str]:
    if not isinstance(value, Mapping):
        raise _refusal(option, 'a mapping of `include`, `exclude` and `limit`', value)
    for part in ('include', 'exclude'):
        if value.get(part) is not None:
            _check_texts(f'{option}.{part}', value[part])
    limit = value.get('limit')
    if limit is not None and not _COUNT.accepts(limit):
        raise _refusal(f'{option}.limit', _COUNT.takes, limit)
    return _unknown_options(value, ['include', 'exclude', 'limit'], f' in `{option}`')


def _check_texts(option: str, value: Any) -> list[str]:
    if not isinstance(value, list | tuple):
        raise _refusal(option, 'a list of texts', value, f' Write [{_shown(value)}].' if isinstance(value, str) else '')
    for number, item in enumerate(value, start=1):
        if isinstance(item, str) and item.strip():
            continue
        hint = ''
        if isinstance(item, Mapping):
            hint = ' A colon followed by a space makes a mapping in YAML: leave out the space, or use quotation marks.'
        elif isinstance(item, bool | int | float):
            hint = ' Put it in quotation marks.'
        raise _refusal(option, 'a list of texts', item, hint, f' as item {number}')
    return _unknown_groups(option, value) if option.startswith('audit_log_') else []


def _unknown_groups(option: str, patterns: Iterable[str]) -> list[str]:
    """Every action type of Statsig's has an underscore, so a plain word can only mean a group."""
    known = (*GROUPS, *PRESETS)
    warnings = []
    for pattern in patterns:
        word = pattern.strip().lower()
        if word in known or re.search(r'[_*?\[]', word):
            continue
        nearest = difflib.get_close_matches(word, known, n=1)
        hint = f'did you mean `{nearest[0]}`?' if nearest else f'the groups are {", ".join(dict.fromkeys(known))}.'
        warnings.append(f'Option `{option}` has `{_plain(pattern)}`, which is no group of changes: {hint}')
    return warnings


def _check_tag_rules(option: str, value: Any) -> list[str]:
    try:
        parse_tag_rules(value)
    except ValueError as error:
        raise ConfigurationError(f'Option {_plain(str(error))}.') from None
    return []


def _refusal(option: str, takes: str, got: Any, hint: str = '', where: str = '') -> ConfigurationError:
    if not hint and isinstance(got, str) and 'number' in takes and re.fullmatch(r'-?\d+(\.\d+)?', got.strip()):
        hint = ' Remove the quotation marks.'
    return ConfigurationError(f'Option `{option}` must be {takes}, got {_shown(got)}{where}.{hint}')


def _shown(value: Any) -> str:
    if isinstance(value, str):
        text = json.dumps(_plain(value), ensure_ascii=False)
        return text if len(text) <= 80 else f'{text[:79]}…"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < 10**15):
        return str(value)
    return _kind(value)


def _plain(text: str) -> str:
    """The text without what looks like a key of Statsig's."""
    return _KEY_IN_TEXT.sub(r'\1-***', text)


def _kind(value: Any) -> str:
    if value is None:
        return 'nothing'
    kinds = (
        (bool, 'true or false'),
        (int | float, 'a number'),
        (str, 'text'),
        (Mapping, 'a mapping'),
        (list | tuple, 'a list'),
    )
    return next((kind for types, kind in kinds if isinstance(value, types)), type(value).__name__)
