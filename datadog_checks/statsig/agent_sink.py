"""From a collector's results to the Agent's calls."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from datadog_checks.base.agent import datadog_agent

from statsig.datadog.change_event import TRACK
from statsig.datadog.event import DatadogEvent
from statsig.datadog.metrics import Sample

if TYPE_CHECKING:
    from datadog_checks.statsig.check import StatsigCheck

# Each track of the Agent's event platform has settings with defaults, and `get_config` gives None for a setting that
# the Agent does not know: so this one tells whether it knows the track. An unknown track is an error in the Agent's own
# log alone, of which a check never hears.
_SETTING_OF_TRACK = 'event_management.forwarder.batch_wait'


class AgentSink:
    """Hands a collector's results to the Agent."""

    def __init__(self, check: StatsigCheck) -> None:
        self._check = check
        self._namespace = check.config.metric_namespace

    def sample(self, sample: Sample) -> None:
        """One metric value."""
        send = self._check.gauge if sample.metric.type == 'gauge' else self._check.count
        send(f'{self._namespace}.{sample.metric.name}', sample.value, tags=list(sample.tags))

    def event(self, event: DatadogEvent) -> None:
        """One event; delivered when this returns, because no acknowledgement ever reaches a check."""
        self._check.event(event.as_agent_event())

    def change_event(self, body: Mapping[str, Any]) -> None:
        """To Change Tracking. An Agent that does not know the track would drop it: see `missing_in_the_agent`."""
        self._check.event_platform_event(json.dumps(body), TRACK)

    def log(self, attributes: Mapping[str, Any]) -> None:
        """To Logs. Where they are off the Agent would drop it without a word: see `missing_in_the_agent`."""
        if self._check.logs_enabled:
            self._check.send_log(dict(attributes))

    def warn(self, message: str) -> None:
        """To the log and to `agent status`."""
        self._check.warning('%s', message)


def missing_in_the_agent(check: StatsigCheck) -> list[str]:
    """What the configuration asks for and this Agent cannot do, with the remedy."""
    missing = []
    if check.config.send_change_events and datadog_agent.get_config(_SETTING_OF_TRACK) is None:
        missing.append(
            f'Option `send_change_events` is on, but this Agent ({datadog_agent.get_version()}) does not seem to know '
            f'the track `{TRACK}`, and would drop them. Use a newer Agent, or set `send_change_events: false`. Events '
            'go on as usual.'
        )
    if check.config.send_logs and not check.logs_enabled:
        missing.append(
            'Option `send_logs` is on, but logs are off in this Agent, so none are sent. Set `logs_enabled: true` in '
            'datadog.yaml and add the section `logs` of conf.yaml.example to conf.yaml, or set `send_logs: false`. '
            'Events go on as usual.'
        )
    return missing
