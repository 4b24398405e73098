"""What the README says stands in the code."""

from __future__ import annotations

import re
from pathlib import Path

from datadog_checks.statsig.config_models import InstanceConfig
from statsig.datadog.metrics import METRICS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / 'README.md').read_text(encoding='utf-8')


def metric_table() -> str:
    lines = ['| metric | type | tags | what it is |', '|---|---|---|---|']
    for metric in METRICS:
        tags = ', '.join(f'`{tag}`' for tag in metric.tags)
        unit = f' ({metric.unit}s)' if metric.unit == 'second' else ''
        lines.append(f'| `statsig.{metric.name}` | {metric.type} | {tags} | {metric.description}{unit} |')
    return '\n'.join(lines)


def test_the_metric_table_is_that_of_the_code() -> None:
    shown = re.search(r'<!-- metrics: .* -->\n(.*)<!-- end of metrics -->', README, re.DOTALL)

    assert shown is not None
    assert shown[1].strip() == metric_table(), 'python -m tests.test_readme prints the table to paste'


def test_every_option_that_the_readme_names_exists() -> None:
    known = {field.alias or name for name, field in InstanceConfig.model_fields.items()}
    named = set(re.findall(r'`((?:audit_log|collect|max|metric|min|tag|hide|empty|api)_[a-z_]+)`', README))

    assert named
    assert named - known == set()


def test_every_file_that_the_readme_links_to_exists() -> None:
    links = [link for link in re.findall(r'\]\(([^)#]+)\)', README) if '://' not in link]

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


if __name__ == '__main__':
    print(metric_table())
