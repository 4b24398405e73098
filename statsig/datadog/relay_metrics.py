"""The table of the metrics that the relay sends, and what its counts become of it.

The names of the first part are those of Statsig's own Datadog integration, and counts as there. The check has gauges of
the same names: a metric has one type in Datadog, so relay and check need different namespaces where both collect
exposures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from statsig.datadog.metrics import Metric, Sample
from statsig.datadog.tags import tag
from statsig.webhook.counting import Counts, Kind


def _count(name: str, unit: str, tags: tuple[str, ...], description: str) -> Metric:
    return Metric(name, 'count', unit, tags, description)


_VALUE, _GROUP, _NAME = ('environment', 'name', 'value'), ('environment', 'group', 'name'), ('environment', 'name')

CHECK_GATE = _count('check_gate.count', 'event', _VALUE, 'Exposures of the gate')
GET_CONFIG = _count('get_config.count', 'event', _NAME, 'Exposures of the dynamic config')
GET_EXPERIMENT = _count('get_experiment.count', 'event', _GROUP, 'Exposures of the experiment')
GET_LAYER = _count('get_layer.count', 'event', _NAME, 'Exposures of the layer')
GET_HOLDOUT = _count('get_holdout.count', 'event', _VALUE, 'Exposures of the holdout')
LOG_EVENT = _count('log_event.count', 'event', _NAME, 'Custom events')


def _estimated(metric: Metric) -> Metric:
    description = f'{metric.description}, sampled events weighted with their rate'
    return _count(f'{metric.name}.estimated', metric.unit, metric.tags, description)


CHECK_GATE_ESTIMATED = _estimated(CHECK_GATE)
GET_CONFIG_ESTIMATED = _estimated(GET_CONFIG)
GET_EXPERIMENT_ESTIMATED = _estimated(GET_EXPERIMENT)
GET_LAYER_ESTIMATED = _estimated(GET_LAYER)
GET_HOLDOUT_ESTIMATED = _estimated(GET_HOLDOUT)

REQUESTS = _count(
    'relay.requests', 'request', ('endpoint', 'outcome', 'status'), 'Requests answered, by what became of them'
)
BYTES = _count('relay.bytes', 'byte', ('endpoint',), 'Bodies received, as they were on the wire')
EVENTS = _count(
    'relay.events', 'event', ('outcome',), 'Events of accepted requests: counted, filtered, malformed, config_change'
)
CONFIG_CHANGES = _count(
    'relay.config_changes',
    'event',
    ('outcome',),
    'Config changes, with `config_changes: true`: sent as events (handed over or waiting), filtered, dropped, failed',
)
OVERFLOW = _count('relay.overflow', 'event', (), 'Events counted under `other`, beyond max_contexts')
CONTEXTS = Metric(
    'relay.contexts',
    'gauge',
    'item',
    ('worker',),
    'Combinations of tags in this hour, of those that max_contexts allows',
)
FLUSH_DURATION = Metric(
    'relay.flush.duration', 'gauge', 'second', ('worker',), 'Time that turning the counts into datagrams took'
)
DATAGRAMS = _count(
    'relay.dogstatsd.datagrams',
    'packet',
    ('outcome',),
    'sent: handed to the socket; retried: not taken at once; dropped',
)
WAITING = Metric(
    'relay.dogstatsd.waiting',
    'gauge',
    'packet',
    ('worker',),
    'Datagrams that waited for the socket, the most since the last flush',
)

TRIGGERS = _count('relay.trigger.count', 'event', ('rule', 'gate', 'outcome'), 'What became of alerts, by rule')

RELAY_METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))


@dataclass(frozen=True, slots=True)
class _Mapping:
    """`variant` is the tag that holds the variant of a context; empty where there is none."""

    events: Metric
    estimated: Metric | None
    variant: str = ''


_METRICS: Mapping[Kind, _Mapping] = {
    Kind.GATE: _Mapping(CHECK_GATE, CHECK_GATE_ESTIMATED, 'value'),
    Kind.CONFIG: _Mapping(GET_CONFIG, GET_CONFIG_ESTIMATED),
    Kind.EXPERIMENT: _Mapping(GET_EXPERIMENT, GET_EXPERIMENT_ESTIMATED, 'group'),
    Kind.LAYER: _Mapping(GET_LAYER, GET_LAYER_ESTIMATED),
    Kind.HOLDOUT: _Mapping(GET_HOLDOUT, GET_HOLDOUT_ESTIMATED, 'value'),
    Kind.CUSTOM: _Mapping(LOG_EVENT, None),
}


def samples(counts: Counts, worker: str) -> list[Sample]:
    """What is to be sent of these counts. worker: tells apart the gauges of several processes."""
    sums: Counter[tuple[Metric, tuple[str, ...]]] = Counter()
    for context, count in counts.by_context.items():
        metrics = _METRICS[context.kind]
        tags = [tag('environment', context.environment), tag('name', context.name)]
        if metrics.variant:
            tags.append(tag(metrics.variant, context.variant))
        # Two names that Datadog does not tell apart meet here.
        sums[metrics.events, tuple(tags)] += count.events
        if metrics.estimated:
            sums[metrics.estimated, tuple(tags)] += count.estimated
    events = {
        'counted': sum(count.events for count in counts.by_context.values()),
        'filtered': counts.filtered,
        'malformed': counts.malformed,
        'config_change': counts.config_changes,
    }
    return [
        *(Sample(metric, value, tags) for (metric, tags), value in sums.items()),
        *(Sample(EVENTS, number, (f'outcome:{word}',)) for word, number in events.items() if number),
        *([Sample(OVERFLOW, counts.overflow)] if counts.overflow else []),
        Sample(CONTEXTS, counts.contexts, (f'worker:{worker}',)),
    ]
