"""assets/logs: the pipeline is one that Datadog takes, and does to our logs what statsig_tests.yaml says.

After a wanted change: UPDATE_GOLDEN=1 pytest <this file>.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from statsig.console.records import parse_audit_entry
from statsig.datadog.log import log_of
from statsig.datadog.notice import notice_of
from statsig.datadog.tag_rules import parse_tag_rules
from tests.datadog.entries import CASES, NOW
from tests.datadog.official import refusal_of_pipeline

LOGS = Path(__file__).parents[2] / 'assets' / 'logs'
TESTS = LOGS / 'statsig_tests.yaml'
SAMPLES = ('a kill switch, with everything that joins it up', 'an experiment decided', 'a log-in')
CHOSEN = [(case, raw, options) for case, raw, options in CASES if case in SAMPLES]


class Readable(yaml.SafeDumper):
    """Text of several lines as such."""


Readable.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar('tag:yaml.org,2002:str', text, style='|' if '\n' in text else None),
)


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding='utf-8'))


def as_sent(raw: Any, options: Any) -> dict[str, Any]:
    """A log as it arrives in Datadog: base makes milliseconds of the time, the Agent tags of `ddtags`."""
    rules = parse_tag_rules(options.get('rules'))
    log = log_of(notice_of(parse_audit_entry(raw), project='acme', now=NOW, tag_rules=rules))
    return {key: value for key, value in log.items() if key != 'ddtags'} | {'timestamp': log['timestamp'] * 1000}


def processed(log: dict[str, Any], processors: list[dict[str, Any]]) -> dict[str, Any]:
    """What the remappers make of a log: https://docs.datadoghq.com/logs/log_configuration/processors/.

    Each takes the first of its sources that the log has; the attributes themselves stay.
    """
    official = {
        'date-remapper': 'timestamp',
        'message-remapper': 'message',
        'status-remapper': 'status',
        'service-remapper': 'service',
    }
    result: dict[str, Any] = {'custom': log}
    for processor in processors:
        found = next((log[source] for source in processor['sources'] if source in log), None)
        if processor['enabled'] and found is not None:
            result[official[processor['type']]] = found
    return result


def expected() -> Any:
    processors = read(LOGS / 'statsig.yaml')['pipeline']['processors']
    return {
        'id': 'statsig',
        'tests': [
            {
                'sample': json.dumps(as_sent(raw, options), ensure_ascii=False, indent=2),
                'result': processed(as_sent(raw, options), processors),
            }
            for _, raw, options in CHOSEN
        ],
    }


def test_datadog_takes_the_pipeline() -> None:
    def for_the_api(part: Any) -> Any:
        if isinstance(part, list):
            return [for_the_api(item) for item in part]
        if isinstance(part, dict):
            return {{'enabled': 'is_enabled'}.get(key, key): for_the_api(value) for key, value in part.items()}
        return part

    pipeline = for_the_api(read(LOGS / 'statsig.yaml')['pipeline'])

    assert refusal_of_pipeline(pipeline) == ''
    assert refusal_of_pipeline(pipeline | {'processors': [{'type': 'date-remapper'}]})


def test_the_tests_of_the_pipeline_are_of_logs_as_they_are_sent() -> None:
    if os.environ.get('UPDATE_GOLDEN'):
        page = yaml.dump(expected(), Dumper=Readable, allow_unicode=True, sort_keys=False, width=120)
        TESTS.write_text(f'# Held equal to the code by {Path(__file__).name}.\n{page}', encoding='utf-8')

    assert read(TESTS) == expected()


@pytest.mark.parametrize('number', range(len(SAMPLES)), ids=SAMPLES)
def test_the_reserved_attributes_come_out_as_the_entry_says(number: int) -> None:
    test = read(TESTS)['tests'][number]
    _, raw, _ = CHOSEN[number]

    result = test['result']

    assert result['timestamp'] == parse_audit_entry(raw).timestamp * 1000
    assert raw['name'] in result['message']
    assert result['status'] in ('info', 'warning', 'ok')
    assert result.get('service') == ('checkout' if 'with everything' in SAMPLES[number] else None)


def test_every_facet_is_of_an_attribute_that_some_log_has() -> None:
    logs = [as_sent(raw, options) for _, raw, options in CASES]
    with_a_team = {'statsig': {'team': 'Growth'}}  # the inventory knows teams; entries do not

    def has(log: Any, path: str) -> bool:
        for key in path.split('.'):
            if not isinstance(log, dict) or key not in log:
                return False
            log = log[key]
        return True

    for facet in read(LOGS / 'statsig.yaml')['facets']:
        assert any(has(log, facet['path']) for log in [*logs, with_a_team]), facet['path']
