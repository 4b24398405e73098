"""The instances of a conf.yaml, for commands that read it without an Agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from statsig.commands.conf_yaml import load_configuration

API_KEY_VARIABLE = 'STATSIG_CONSOLE_API_KEY'


class UnusableConfigurationError(Exception):
    """The configuration cannot be used; the message is one line that names the option."""


@dataclass(frozen=True, slots=True)
class Instances:
    """What stands in the file, with the key from the environment where one is set."""

    init_config: Mapping[str, Any]
    instances: Sequence[Mapping[str, Any]]


def read_instances(path: Path, environment: Mapping[str, str], command: str) -> Instances:
    """command: whose the message is about an `ENC[…]` handle. Raises UnusableConfigurationError."""
    try:
        init_config, instances = load_configuration(path)
    except ValueError as error:
        raise UnusableConfigurationError(str(error)) from None
    key = environment.get(API_KEY_VARIABLE)
    if key and len({str(instance.get('api_key')) for instance in instances}) > 1:
        raise UnusableConfigurationError(
            f'{API_KEY_VARIABLE} is set, but the instances have different keys, and it can stand for one only: unset '
            'it, or give each key a file of its own.'
        )
    return Instances(init_config, [_with_key(instance, key, command) for instance in instances])


def _with_key(instance: Mapping[str, Any], key: str | None, command: str) -> Mapping[str, Any]:
    if key:
        return {**instance, 'api_key': key}
    if str(instance.get('api_key', '')).startswith('ENC['):
        raise UnusableConfigurationError(
            'Option `api_key` is an `ENC[...]` handle, which only an Agent can resolve. Give the key in the '
            f'environment instead: {API_KEY_VARIABLE}=console-... statsig-datadog {command} ...'
        )
    return instance


def warnings_of(read: Instances) -> list[tuple[str, ...]]:
    """The warnings of each instance. Raises UnusableConfigurationError with the sentence the Agent would show."""
    from datadog_checks.base import ConfigurationError

    from datadog_checks.statsig.configuration import validate

    warnings = []
    for number, instance in enumerate(read.instances, start=1):
        try:
            warnings.append(tuple(validate(instance, read.init_config)))
        except ConfigurationError as error:
            raise UnusableConfigurationError(f'{error}{which(number, read)}') from None
    return warnings


def which(number: int, read: Instances) -> str:
    """The instance, in a message: '' where there is one only."""
    return f' (instance {number})' if len(read.instances) > 1 else ''
