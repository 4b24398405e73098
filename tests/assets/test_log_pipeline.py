"""assets/logs: Datadog takes the pipeline, and it does to our logs what is said here.

Datadog's own runner of such tests is not public. statsig_tests.yaml has the form of what it writes for the integrations
in integrations-core (message taken out of the attributes, words of the status, tags), worked out by `processed`.
After a wanted change: UPDATE_GOLDEN=1 pytest <this file>.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from statsig.console.records import parse_audit_entry
from statsig.datadog.log import SOURCE, log_of
from statsig.datadog.notice import notice_of
from statsig.datadog.tag_rules import parse_tag_rules
from tests.datadog.entries import CASES, NOW
from tests.datadog.official import refusal_of_pipeline
from tests.packaging.documentation import commands

LOGS = Path(__file__).parents[2] / 'assets' / 'logs'
TESTS = LOGS / 'statsig_tests.yaml'
# The logs of these entries, and what is to become of them: message, status, service.
OUTCOMES = {
    'a kill switch, with everything that joins it up': (
        'Gate checkout_v2 disabled by Jane Doe',
        'warn',
        'checkout',
    ),
    'an experiment decided': ('Experiment cta_wording decided by Jane Doe', 'ok', None),
    'a log-in': ('User Jane Doe logged in', 'info', None),
}
CHOSEN = [(case, raw, options) for case, raw, options in CASES if case in OUTCOMES]
HEADER = f"""\
# An emulation, never run by Datadog: what the pipeline makes of logs of ours, in the form of the tests of Datadog's
# integrations. Held equal to the code by {Path(__file__).name}.
"""


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

    Each takes the first of its sources that the log has. The attributes stay, but for the one that became the message;
    the service is not among what Datadog's runner writes.
    """
    found = {
        processor['type']: (source, log[source])
        for processor in reversed(processors)
        for source in reversed(processor['sources'])
        if processor['enabled'] and source in log
    }
    taken, message = found.get('message-remapper', ('', json.dumps(log)))
    result = {
        'custom': {key: value for key, value in log.items() if key != taken},
        'message': message,
        'status': status_of(found.get('status-remapper', ('', 'info'))[1]),
        'tags': ['source:LOGS_SOURCE'],
    }
    return result | ({'timestamp': found['date-remapper'][1]} if 'date-remapper' in found else {})


def status_of(value: str) -> str:
    """https://docs.datadoghq.com/logs/log_configuration/processors/log_status_remapper/, by the first letters."""
    beginnings = (
        *(('emerg', 'emergency'), ('f', 'emergency'), ('a', 'alert'), ('c', 'critical'), ('err', 'error')),
        *(('w', 'warn'), ('n', 'notice'), ('i', 'info'), ('d', 'debug'), ('t', 'debug'), ('v', 'debug')),
        *(('o', 'ok'), ('s', 'ok')),
    )
    return next((status for start, status in beginnings if value.lower().startswith(start)), 'info')


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


@pytest.fixture
def pipeline(tmp_path: Path) -> Any:
    """As docs/installation.md has it made for Datadog's API."""
    (tmp_path / 'assets').symlink_to(LOGS.parent)
    (tmp_path / '.venv').symlink_to(sys.prefix)
    subprocess.run(['sh', '-euc', commands('make the pipeline for the API')], cwd=tmp_path, check=True, timeout=60)
    return json.loads((tmp_path / 'statsig-pipeline.json').read_text(encoding='utf-8'))


def test_datadog_takes_the_pipeline(pipeline: Any) -> None:
    assert refusal_of_pipeline(pipeline) == ''
    assert refusal_of_pipeline(pipeline | {'processors': [{'type': 'date-remapper'}]})


def test_the_pipeline_is_switched_on_by_the_words_of_the_api(pipeline: Any) -> None:
    assert [part['is_enabled'] for part in (pipeline, *pipeline['processors'])] == [True] * 5
    assert '"enabled"' not in json.dumps(pipeline)
    assert (pipeline['name'], pipeline['filter']) == ('Statsig', {'query': f'source:{SOURCE}'})


def test_the_tests_of_the_pipeline_are_of_logs_as_they_are_sent() -> None:
    if os.environ.get('UPDATE_GOLDEN'):
        page = yaml.dump(expected(), Dumper=Readable, allow_unicode=True, sort_keys=False, width=120)
        TESTS.write_text(HEADER + page, encoding='utf-8')

    assert TESTS.read_text(encoding='utf-8').startswith(HEADER)
    assert read(TESTS) == expected()


@pytest.mark.parametrize('case', OUTCOMES)
def test_the_reserved_attributes_come_out_as_the_entry_says(case: str) -> None:
    (number,) = (number for number, (name, _, _) in enumerate(CHOSEN) if name == case)
    message, status, service = OUTCOMES[case]

    test = read(TESTS)['tests'][number]
    sample, result = json.loads(test['sample']), test['result']

    assert list(result) == ['custom', 'message', 'status', 'tags', 'timestamp']
    assert (result['message'], result['status'], result['tags']) == (message, status, ['source:LOGS_SOURCE'])
    assert result['timestamp'] == 1_795_014_240_000
    assert result['custom'].get('service') == service
    assert {**result['custom'], 'message': message} == sample


@pytest.mark.parametrize(
    ('value', 'status'), [('warning', 'warn'), ('ok', 'ok'), ('success', 'ok'), ('info', 'info'), ('Error', 'error')]
)
def test_a_status_goes_by_its_first_letters(value: str, status: str) -> None:
    assert status_of(value) == status


def test_a_log_of_another_source_comes_out_without_a_date_and_with_itself_as_its_message() -> None:
    processors = read(LOGS / 'statsig.yaml')['pipeline']['processors']

    result = processed({'level': 'error'}, processors)

    assert result == {
        'custom': {'level': 'error'},
        'message': '{"level": "error"}',
        'status': 'info',
        'tags': ['source:LOGS_SOURCE'],
    }


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
