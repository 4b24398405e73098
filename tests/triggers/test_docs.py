"""What docs/triggers.md says stands in the code."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import yaml

from statsig.relay.configuration import parse
from statsig.relay.triggers import report
from statsig.relay.triggers.configuration import OPTIONS, RULE_OPTIONS

DOCS = (Path(__file__).resolve().parents[2] / 'docs' / 'triggers.md').read_text(encoding='utf-8')
ENVIRONMENT = dict.fromkeys(('STATSIG_TRIGGER_TOKEN', 'STATSIG_CONSOLE_API_KEY'), 'a-secret-0123456789')


def options(heading: str) -> dict[str, str]:
    table = DOCS.partition(f'| {heading} | default | meaning |\n')[2].partition('\n\n')[0]
    return dict(re.findall(r'^\| `([a-z_]+)` \| (.+?) \|', table, re.MULTILINE))


def example() -> Any:
    return yaml.safe_load(
        textwrap.dedent(DOCS.partition('<!-- example -->\n')[2].partition('```yaml\n')[2].partition('   ```')[0])
    )


def spelt_out(shown: dict[str, str]) -> dict[str, Any]:
    return {
        name: yaml.safe_load(value.strip('`'))
        for name, value in shown.items()
        if value not in ('required', 'any', 'none')
    }


def test_the_options_and_their_defaults_are_those_of_the_code() -> None:
    triggers, rule = options('option'), options('option of a rule')
    assert set(triggers) == set(OPTIONS)
    assert set(rule) == set(RULE_OPTIONS)

    written = example()
    least = parse(written, ENVIRONMENT).triggers
    (only,) = written['triggers']['rules']
    written['triggers'] = {**spelt_out(triggers), **written['triggers'], 'rules': [{**spelt_out(rule), **only}]}

    assert least is not None
    assert parse(written, ENVIRONMENT).triggers == least


def test_every_outcome_is_explained() -> None:
    assert {word for word in report._OUTCOMES if f'`{word}`' not in DOCS} == set()
