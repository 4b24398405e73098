"""What docs/relay.md says stands in the code."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import yaml

from statsig.datadog.relay_metrics import RELAY_METRICS
from statsig.relay import configuration, handlers, http
from statsig.relay.handlers import _REMEDIES
from statsig.webhook import receiver

DOCS = (Path(__file__).resolve().parents[2] / 'docs' / 'relay.md').read_text(encoding='utf-8')


def metric_table() -> str:
    lines = ['| metric | type | tags | what it is |', '|---|---|---|---|']
    for metric in RELAY_METRICS:
        tags = ', '.join(f'`{tag}`' for tag in metric.tags)
        unit = f' ({metric.unit}s)' if metric.unit in ('second', 'byte') else ''
        lines.append(f'| `statsig.{metric.name}` | {metric.type} | {tags} | {metric.description}{unit} |')
    return '\n'.join(lines)


def test_the_metric_table_is_that_of_the_code() -> None:
    shown = re.search(r'<!-- metrics: .* -->\n(.*)<!-- end of metrics -->', DOCS, re.DOTALL)

    assert shown is not None
    assert shown[1].strip() == metric_table(), 'python -m tests.relay.test_docs prints the table to paste'


def test_the_options_and_their_defaults_are_those_of_the_code() -> None:
    rows = dict(re.findall(r'^\| `((?:statsig_webhook\.)?[a-z_]+)` \| (.+?) \|', DOCS, re.MULTILINE))
    known = [option for option in configuration._OPTIONS if option not in ('statsig_webhook', 'triggers')]
    assert list(rows) == known + [f'statsig_webhook.{option}' for option in configuration._WEBHOOK_OPTIONS]

    written: dict[str, Any] = {'statsig_webhook': {}}
    for option, shown in rows.items():
        section, _, name = option.rpartition('.')
        values = written[section] if section else written
        if shown not in ('required', 'all', 'none'):
            values[name] = yaml.safe_load(shown.strip('`'))
    least: dict[str, Any] = {'metric_namespace': 'a', 'statsig_webhook': {'signing_secret': '${S}'}}
    spelt_out = {**written, **least, 'statsig_webhook': {**written['statsig_webhook'], **least['statsig_webhook']}}
    assert configuration.parse(spelt_out, {'S': 'x'}) == configuration.parse(least, {'S': 'x'})


def refusals() -> set[str]:
    """The outcomes that the modules have: the receiver's, and what the handlers and the server answer by themselves."""
    outcomes = {value.word for value in vars(receiver).values() if isinstance(value, receiver.Outcome)}
    for module in (handlers, http):
        answers = re.findall(r"\bResponse\(\s*(\d{3}),\s*'(\w+)'", inspect.getsource(module))
        outcomes |= {word for status, word in answers if int(status) >= 400}
    # That is what a probe is answered, which is in no metric.
    return outcomes - {'accepted', 'not_ready'}


def test_every_refusal_is_explained() -> None:
    table = DOCS.partition('## When nothing arrives')[2].partition('\n## ')[0]
    explained = set()
    for cell in re.findall(r'^\| (`outcome:.*?) \|', table, re.MULTILINE):
        explained |= set(re.findall(r'`(?:outcome:)?(\w+)`', cell))

    assert refusals() >= {'bad_request', 'head_too_large', 'failed', 'not_found', 'method_not_allowed', 'full'}
    assert refusals() - explained == set()
    assert explained - refusals() == set()


def test_the_refusals_that_are_in_the_log_are_those_of_the_code() -> None:
    (sentence,) = re.findall(r'^Of these, (.*?) are also in\s+the\s+log', DOCS, re.MULTILINE | re.DOTALL)

    assert set(re.findall(r'`(\w+)`', sentence)) == set(_REMEDIES)


if __name__ == '__main__':
    print(metric_table())
