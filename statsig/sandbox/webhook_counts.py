"""What DogStatsD must receive of events, worked out from the documented table and nothing of the relay's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from statsig.sandbox.webhook_sender import Sent

# event → metric, name of the tag that holds the variant
TABLE = {
    'statsig::gate_exposure': ('check_gate', 'value'),
    'statsig::config_exposure': ('get_config', ''),
    'statsig::experiment_exposure': ('get_experiment', 'group'),
    'statsig::layer_exposure': ('get_layer', ''),
    'statsig::holdout_exposure': ('get_holdout', 'value'),
}


def as_a_tag(value: str) -> str:
    return value.lower().replace(' ', '_')


def expected_counts(
    sent: Mapping[Sent, int], default_environment: str = 'production', namespace: str = 'statsig'
) -> Counter[tuple[str, str]]:
    """By name and tags, the tags in order and joined by commas. Without the estimates."""
    counts: Counter[tuple[str, str]] = Counter()
    for each, times in sent.items():
        metric, variant = TABLE.get(each.event_name, ('log_event', ''))
        tags = [f'environment:{(each.environment or default_environment).lower()}', f'name:{as_a_tag(each.name)}']
        if variant:
            tags.append(f'{variant}:{as_a_tag(each.variant)}')
        counts[f'{namespace}.{metric}.count', ','.join(sorted(tags))] += times
    return counts


def without_estimates(counts: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    return {key: value for key, value in counts.items() if not key[0].endswith('.estimated')}
