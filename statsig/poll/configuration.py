"""What `poll` works with: the check's own configuration, and where DogStatsD is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from datadog_checks.base import ConfigurationError
from pydantic import ValidationError

from datadog_checks.statsig.config_models import InstanceConfig
from datadog_checks.statsig.settings import settings_of
from statsig.commands.instances import Instances, UnusableConfigurationError, warnings_of, which
from statsig.datadog.collector import Settings
from statsig.datadog.dogstatsd import DogStatsdAddress

DEFAULT_PORT = 8125
_WITHOUT_PORT = r'^udp://([^\[\]:/?#]+|\[[^\]]*\])(?=/?$)'
# A run that no other follows may take its time, and all the requests of the minute.
_INTERVAL_OF_AN_ONLY_RUN = 120.0  # seconds
_NOT_OVER_DOGSTATSD = {'send_change_events': 'change events', 'send_logs': 'logs'}


@dataclass(frozen=True, slots=True)
class PolledInstance:
    """`label` names it in the log, where there are several; `written` is what stands in the file, for the HTTP options.

    The models keep the key out of their `repr`; this keeps all of it out.
    """

    label: str
    written: Mapping[str, Any]
    init_config: Mapping[str, Any]
    config: InstanceConfig
    settings: Settings
    warnings: tuple[str, ...]

    def __repr__(self) -> str:
        return f'PolledInstance({self.label!r})'


def polled_instances(read: Instances, once: bool) -> list[PolledInstance]:
    """Raises UnusableConfigurationError, with the sentences that the Agent would show."""
    warnings = warnings_of(read)
    return [
        _polled(number, read, instance, found, once)
        for number, (instance, found) in enumerate(zip(read.instances, warnings, strict=True), start=1)
    ]


def _polled(
    number: int, read: Instances, instance: Mapping[str, Any], warnings: tuple[str, ...], once: bool
) -> PolledInstance:
    try:
        # As base does it: what is not given takes the model's default.
        config = InstanceConfig.model_validate(dict(instance), context={'configured_fields': frozenset(instance)})
        settings = settings_of(config)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        option = '.'.join(map(str, first['loc'])) or 'an option'
        raise UnusableConfigurationError(
            f'Option `{option}` cannot be used: {first["msg"]}.{which(number, read)}'
        ) from None
    except ConfigurationError as error:
        raise UnusableConfigurationError(f'{error}{which(number, read)}') from None
    interval = max(settings.interval, _INTERVAL_OF_AN_ONLY_RUN) if once else settings.interval
    name = f'instance {number}{f" ({config.name})" if config.name else ""}'
    return PolledInstance(
        label=name if len(read.instances) > 1 else '',
        written=instance,
        init_config=read.init_config,
        config=config,
        settings=replace(settings, interval=interval, send_change_events=False, send_logs=False, for_dogstatsd=True),
        warnings=(*warnings, *_left_out(settings)),
    )


def _left_out(settings: Settings) -> list[str]:
    return [
        f'Option `{option}` is on, but {what} cannot go over DogStatsD, so none are sent. Use the Agent check for '
        f'them, or set `{option}: false`. Events go on as usual.'
        for option, what in _NOT_OVER_DOGSTATSD.items()
        if getattr(settings, option)
    ]


def dogstatsd_address(given: str | None, environment: Mapping[str, str]) -> DogStatsdAddress:
    """As given, or else as datadogpy would find it. Raises UnusableConfigurationError."""
    url = environment.get('DD_DOGSTATSD_URL')
    if given is not None:
        return _parsed('--dogstatsd', given)
    if url:
        # As the Agent and datadogpy take it: another name of a datagram socket, and a port that may be left out.
        url = re.sub(r'^unixgram://', 'unix://', url)
        return _parsed('DD_DOGSTATSD_URL', re.sub(_WITHOUT_PORT, rf'\g<0>:{DEFAULT_PORT}', url))
    host = environment.get('DD_AGENT_HOST') or '127.0.0.1'
    port = environment.get('DD_DOGSTATSD_PORT') or str(DEFAULT_PORT)
    return _parsed('DD_AGENT_HOST and DD_DOGSTATSD_PORT', f'udp://{f"[{host}]" if ":" in host else host}:{port}')


def _parsed(source: str, url: str) -> DogStatsdAddress:
    try:
        return DogStatsdAddress.parse(url)
    except ValueError:
        raise UnusableConfigurationError(
            f'{source} must be a datagram socket or a host and a port, such as unix:///var/run/datadog/dsd.socket or '
            f'udp://127.0.0.1:8125, got {url}.'
        ) from None
