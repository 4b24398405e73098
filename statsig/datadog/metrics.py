"""The one table of the metrics that the check sends. Code, metadata and tests take names, types and units from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """`name` comes after the namespace (`statsig.`); `unit` and `per_unit` are Datadog's units or empty.

    `tags` are keys; every metric carries `statsig_project` and the instance's tags as well. `orientation`, as Datadog
    has it: 1 where more is better, -1 where less is, 0 where neither.
    """

    name: str
    type: Literal['gauge', 'count']
    unit: str
    tags: tuple[str, ...]
    description: str
    orientation: Literal[-1, 0, 1] = 0
    per_unit: str = ''


@dataclass(frozen=True, slots=True)
class Sample:
    """One value to be sent, with the tags of its own."""

    metric: Metric
    value: float
    tags: tuple[str, ...] = ()


_NAME = ('name',)

CHECK_GATE = Metric('check_gate.count', 'gauge', 'event', _NAME, 'Exposures of the gate in the past day')
GET_EXPERIMENT = Metric('get_experiment.count', 'gauge', 'event', _NAME, 'Exposures of the experiment in the past day')
GET_CONFIG = Metric('get_config.count', 'gauge', 'event', _NAME, 'Exposures of the dynamic config in the past day')
CHECK_GATE_7_DAYS = Metric(
    'check_gate.past_7_days.count', 'gauge', 'event', _NAME, 'Exposures of the gate in the past 7 days'
)
GET_EXPERIMENT_7_DAYS = Metric(
    'get_experiment.past_7_days.count', 'gauge', 'event', _NAME, 'Exposures of the experiment in the past 7 days'
)
GET_CONFIG_7_DAYS = Metric(
    'get_config.past_7_days.count', 'gauge', 'event', _NAME, 'Exposures of the dynamic config in the past 7 days'
)
GET_LAYER = Metric(
    'get_layer.count',
    'gauge',
    'event',
    _NAME,
    'Exposures in the past day of the experiments of the layer, if all are followed',
)
GATE_CHECKS_PER_HOUR = Metric(
    'gate.checks_per_hour', 'gauge', 'check', _NAME, 'Checks of the gate per hour', per_unit='hour'
)

GATES = Metric(
    'gates.count',
    'gauge',
    'item',
    ('status', 'type', 'type_reason', 'enabled'),
    'Gates in the project; type:stale are stale ones, 0 where there are none',
)
EXPERIMENTS = Metric('experiments.count', 'gauge', 'item', ('status', 'health'), 'Experiments in the project')
EXPERIMENT_HEALTHY = Metric(
    'experiment.healthy',
    'gauge',
    '',
    _NAME,
    'Health checks of an active experiment: 1 for passed or warning, 0 for failed; nothing while they are awaited',
    orientation=1,
)
DYNAMIC_CONFIGS = Metric('dynamic_configs.count', 'gauge', 'item', ('enabled',), 'Dynamic configs in the project')
LAYERS = Metric('layers.count', 'gauge', 'item', (), 'Layers in the project')
HOLDOUTS = Metric('holdouts.count', 'gauge', 'item', ('enabled',), 'Holdouts in the project')
SEGMENTS = Metric('segments.count', 'gauge', 'item', ('enabled',), 'Segments in the project')

AUDIT_LOG_ENTRIES = Metric('audit_log.entries', 'count', 'event', ('action', 'group'), 'Audit-log entries delivered')
AUDIT_LOG_LAG = Metric(
    'audit_log.lag',
    'gauge',
    'second',
    (),
    'Longest time from an entry to its delivery, of the newest run; 0 when the log was read to its end and held '
    'nothing new: nothing waits',
    orientation=-1,
)
AUDIT_LOG_SKIPPED = Metric(
    'audit_log.skipped',
    'count',
    'event',
    ('reason',),
    'Audit-log entries not delivered: filtered, malformed, failed',
)

EXPOSURES_AGE = Metric(
    'exposures.age', 'gauge', 'second', ('kind',), 'Time since the oldest exposure figure was read', orientation=-1
)
EXPOSURES_ENTITIES = Metric(
    'exposures.entities', 'gauge', 'item', ('kind',), 'Gates, experiments or dynamic configs whose exposures are read'
)
EXPOSURES_DROPPED = Metric(
    'exposures.dropped',
    'gauge',
    'item',
    ('kind',),
    'Gates, experiments or dynamic configs that the limit leaves out',
    orientation=-1,
)

API_CAN_CONNECT = Metric(
    'api.can_connect',
    'gauge',
    '',
    (),
    '1 when the Statsig Console API answers and accepts the key, 0 when not',
    orientation=1,
)
API_REQUESTS = Metric(
    'api.requests', 'count', 'request', ('endpoint', 'status'), 'Requests made to the Statsig Console API'
)
API_REQUEST_DURATION = Metric(
    'api.request.duration',
    'gauge',
    'second',
    ('endpoint', 'status'),
    'Mean time of the answered requests of a run',
    orientation=-1,
)
API_RATE_LIMITED = Metric(
    'api.rate_limited', 'count', 'request', (), 'Requests answered 429 by Statsig', orientation=-1
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
