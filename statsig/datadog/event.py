"""A notice as a Datadog event: what the event stream shows and dashboards lay over graphs."""

from __future__ import annotations

from dataclasses import dataclass

from statsig.datadog.notice import Notice, telling_first
from statsig.datadog.text import markdown_of, short_markdown_of


@dataclass(frozen=True, slots=True)
class DatadogEvent:
    """What Datadog is sent. `timestamp` is epoch seconds and within what Datadog accepts; `alert_type` one of
    warning, success, info."""

    title: str
    text: str
    timestamp: int
    alert_type: str
    tags: tuple[str, ...]
    aggregation_key: str

    @property
    def tags_telling_first(self) -> tuple[str, ...]:
        """For where there is room for some tags only: Statsig's own tags and apps, of which there may be many, last."""
        return telling_first(self.tags)

    def as_agent_event(self, source_type_name: str = 'statsig') -> dict[str, object]:
        """The dictionary that `AgentCheck.event()` takes. SaaS data has no host."""
        return {
            'timestamp': self.timestamp,
            'event_type': source_type_name,
            'msg_title': self.title,
            'msg_text': self.text,
            'aggregation_key': self.aggregation_key,
            'alert_type': self.alert_type,
            'source_type_name': source_type_name,
            'host': '',
            'tags': list(self.tags),
        }


def event_of(notice: Notice, for_dogstatsd: bool = False) -> DatadogEvent:
    """for_dogstatsd: its text must fit into a datagram. Never raises, whatever the entry holds."""
    render = short_markdown_of if for_dogstatsd else markdown_of
    return DatadogEvent(
        title=notice.title,
        text=render(notice.reading, notice.when, notice.link),
        timestamp=notice.timestamp,
        alert_type=notice.alert_type,
        tags=notice.tags,
        aggregation_key=notice.key,
    )
