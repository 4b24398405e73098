"""From what was read to what is sent: pure functions from listings, figures and requests to samples."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from statsig.console.client import RequestMade
from statsig.console.exposures import Followed
from statsig.console.inventory import Kind, Record
from statsig.console.records import Entity, Experiment, ExposureCount, Gate
from statsig.console.selection import Selected, is_running
from statsig.datadog import metrics
from statsig.datadog.metrics import Metric, Sample
from statsig.datadog.tag_rules import TagRules
from statsig.datadog.tags import tag

RuleTags = Mapping[tuple[Kind, str], tuple[str, ...]]

PAST_DAY: dict[Followed, Metric] = {
    'gates': metrics.CHECK_GATE,
    'experiments': metrics.GET_EXPERIMENT,
    'dynamic_configs': metrics.GET_CONFIG,
}
PAST_7_DAYS: dict[Followed, Metric] = {
    'gates': metrics.CHECK_GATE_7_DAYS,
    'experiments': metrics.GET_EXPERIMENT_7_DAYS,
    'dynamic_configs': metrics.GET_CONFIG_7_DAYS,
}
COUNTED: dict[Kind, Metric] = {
    'gates': metrics.GATES,
    'experiments': metrics.EXPERIMENTS,
    'dynamic_configs': metrics.DYNAMIC_CONFIGS,
    'layers': metrics.LAYERS,
    'holdouts': metrics.HOLDOUTS,
    'segments': metrics.SEGMENTS,
}
# States that are counted even where there are none: what is asked of them must be 0 before the first comes, or a
# monitor of their growth, and a tile, have nothing to go by. Which stale gates these are does not matter: it is a true
# zero.
ALWAYS_COUNTED: dict[Kind, tuple[tuple[str, str], ...]] = {
    'gates': (
        ('status', 'In Progress'),
        ('type', 'STALE'),
        ('type_reason', 'STALE_PROBABLY_FORGOTTEN'),
        ('enabled', 'True'),
    ),
    'experiments': (('status', 'active'), ('health', 'FAILED')),
}
# A warning still means a usable experiment; while checks are awaited nothing can be said.
HEALTHY = {'PASSED': 1, 'WARNING': 1, 'FAILED': 0}


NO_RULE_TAGS: RuleTags = {}


def rule_tags(listings: Mapping[Kind, Sequence[Record]], rules: TagRules) -> RuleTags:
    """The tags of `tag_rules` for each listed entity that gets any, whether they match its name or its id."""
    if not rules.rules:
        return NO_RULE_TAGS
    found: dict[tuple[Kind, str], tuple[str, ...]] = {}
    for kind, records in listings.items():
        for record in records:
            given = (
                rules.tags_for(kind.removesuffix('s'), name, record.tags, record.target_apps, record.team)
                for name in dict.fromkeys((record.name, record.id))
            )
            if tags := tuple(dict.fromkeys(each for of_name in given for each in of_name)):
                found[kind, record.id] = tags
    return found


def exposure_samples(
    followed: Mapping[Followed, Sequence[str]],
    figures: Mapping[tuple[Followed, str], ExposureCount],
    experiments: Sequence[Experiment],
    by_rule: RuleTags = NO_RULE_TAGS,
) -> list[Sample]:
    """Two gauges for each followed entity whose figure is known, one for each layer all of whose figures are."""
    samples = []
    for kind, ids in followed.items():
        for entity in ids:
            if count := figures.get((kind, entity)):
                tags = _named(kind, entity, by_rule)
                samples.append(Sample(PAST_DAY[kind], count.past_day, tags))
                samples.append(Sample(PAST_7_DAYS[kind], count.past_7_days, tags))
    return samples + _layer_samples(figures, experiments, by_rule)


def _named(kind: Kind, entity: str, by_rule: RuleTags) -> tuple[str, ...]:
    return tag('name', entity), *by_rule.get((kind, entity), ())


def _layer_samples(
    figures: Mapping[tuple[Followed, str], ExposureCount], experiments: Sequence[Experiment], by_rule: RuleTags
) -> list[Sample]:
    members: dict[str, list[str]] = defaultdict(list)
    for experiment in experiments:
        if experiment.layer_id and is_running(experiment):
            members[experiment.layer_id].append(experiment.id)
    # A sum that lacks a part is no sum: such a layer waits until all its figures have been read.
    return [
        Sample(
            metrics.GET_LAYER,
            sum(figures['experiments', member].past_day for member in ids),
            _named('layers', layer, by_rule),
        )
        for layer, ids in sorted(members.items())
        if all(('experiments', member) in figures for member in ids)
    ]


def sweep_samples(followed: Mapping[Followed, Selected], ages: Mapping[Followed, float]) -> list[Sample]:
    """For each kind: how many are followed, how many the limit left out, and the age of the oldest figure."""
    found = []
    for kind, chosen in followed.items():
        tags = (tag('kind', kind),)
        found.append(Sample(metrics.EXPOSURES_ENTITIES, len(chosen.ids), tags))
        found.append(Sample(metrics.EXPOSURES_DROPPED, chosen.dropped, tags))
        if kind in ages:
            found.append(Sample(metrics.EXPOSURES_AGE, ages[kind], tags))
    return found


def inventory_samples(
    listings: Mapping[Kind, Sequence[Record]], followed_gates: Sequence[str], by_rule: RuleTags = NO_RULE_TAGS
) -> list[Sample]:
    """How many there are of each kind and state; health of active experiments; check rate of the followed gates."""
    samples = [
        Sample(COUNTED[kind], count, tags)
        for kind, records in listings.items()
        for tags, count in sorted(_states(kind, records).items() or [((), 0)])
    ]
    wanted = set(followed_gates)
    for record in (record for records in listings.values() for record in records):
        if isinstance(record, Gate) and record.id in wanted and record.checks_per_hour is not None:
            samples.append(
                Sample(metrics.GATE_CHECKS_PER_HOUR, record.checks_per_hour, _named('gates', record.id, by_rule))
            )
        if isinstance(record, Experiment) and record.status == 'active' and record.health in HEALTHY:
            samples.append(
                Sample(metrics.EXPERIMENT_HEALTHY, HEALTHY[record.health], _named('experiments', record.id, by_rule))
            )
    return samples


def _states(kind: Kind, records: Sequence[Record]) -> Counter[tuple[str, ...]]:
    """How many records there are of each state, by its tags: states that are tagged alike are one."""
    by_tags: Counter[tuple[str, ...]] = Counter()
    if kind in ALWAYS_COUNTED:
        by_tags[_tagged(ALWAYS_COUNTED[kind])] = 0
    for state, count in Counter(map(_state, records)).items():
        by_tags[_tagged(state)] += count
    return by_tags


def _tagged(state: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    return tuple(tag(key, value) for key, value in state)


def _state(record: Record) -> tuple[tuple[str, str], ...]:
    match record:
        case Gate():
            state = [('status', record.status), ('type', record.type), ('type_reason', record.type_reason)]
        case Experiment():
            return ('status', record.status), ('health', record.health)
        case Entity():
            state = []
    if record.enabled is not None:
        state.append(('enabled', str(record.enabled)))
    return tuple(state)


def request_samples(requests: Sequence[RequestMade]) -> list[Sample]:
    """Requests by endpoint and outcome, the mean time of those that were answered, and how often Statsig said 429."""
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for request in requests:
        seconds[request.endpoint, request.status].append(request.seconds)
    samples = []
    for (endpoint, status), durations in sorted(seconds.items()):
        tags = (tag('endpoint', endpoint), tag('status', status))
        samples.append(Sample(metrics.API_REQUESTS, len(durations), tags))
        if status.isdecimal():
            samples.append(Sample(metrics.API_REQUEST_DURATION, sum(durations) / len(durations), tags))
    limited = sum(request.status == '429' for request in requests)
    return [*samples, Sample(metrics.API_RATE_LIMITED, limited)]


def can_connect(requests: Sequence[RequestMade]) -> bool | None:
    """Whether any request of the run was answered by Statsig, the key accepted; None when none was made.

    400, 403, 429 and a body that is too large are answers of an API that is there and knows the key; 401, 404
    and 5xx are not.
    """
    statuses = [request.status for request in requests if request.status != 'cut_short']
    if not statuses:
        return None
    return any(status.startswith('2') or status in ('400', '403', '429', 'too_large') for status in statuses)


def vanished(samples: Sequence[Sample], before: Sequence[Sample]) -> list[Sample]:
    """A zero for each counted state that was sent before and is empty now: a graph then falls instead of ending."""
    counted = set(COUNTED.values())
    now = {(sample.metric, sample.tags) for sample in samples}
    kinds = {sample.metric for sample in samples}
    return [
        Sample(sample.metric, 0, sample.tags)
        for sample in before
        if sample.metric in counted & kinds and (sample.metric, sample.tags) not in now
    ]
