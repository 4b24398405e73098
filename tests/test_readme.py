"""What the README says stands in the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from datadog_checks.base import ConfigurationError

from datadog_checks.statsig.config_models import InstanceConfig
from datadog_checks.statsig.configuration import validate
from statsig.datadog.metrics import METRICS
from tests.messages import messages

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / 'README.md').read_text(encoding='utf-8')
METRIC_TABLE = re.compile(r'(?<=-->\n)(?P<table>\| metric \|.*?)(?=\n<!-- end of metrics -->)', re.DOTALL)


def metric_table() -> str:
    lines = ['| metric | type | tags | what it is |', '|---|---|---|---|']
    for metric in METRICS:
        tags = ', '.join(f'`{tag}`' for tag in metric.tags)
        unit = f' ({metric.unit}s)' if metric.unit == 'second' else ''
        lines.append(f'| `statsig.{metric.name}` | {metric.type} | {tags} | {metric.description}{unit} |')
    return '\n'.join(lines)


def test_the_metric_table_is_that_of_the_code() -> None:
    shown = METRIC_TABLE.search(README)

    assert shown is not None
    assert shown['table'] == metric_table(), '`make generate` writes it again'


def described_messages() -> list[list[str]]:
    """The messages of the table in Troubleshooting: for each, the pieces that stand between its `...`."""
    table = README.partition('| message | what to do |\n|---|---|\n')[2].partition('\n\n')[0]
    cells = [line.split(' | ')[0] for line in table.splitlines()]
    quoted = [message for cell in cells for message in re.findall(r'`(.+?)`', cell)]
    return [[piece.strip() for piece in message.split('...') if piece.strip()] for message in quoted]


def describes(pieces: list[str], message: str) -> bool:
    """Whether they stand in the message, in this order. Backticks are left out: the table quotes in them."""
    return re.search('.*'.join(map(re.escape, pieces)), message.replace('`', ''), re.DOTALL) is not None


def test_every_message_that_the_check_can_print_stands_under_troubleshooting() -> None:
    described = described_messages()
    found = messages()
    assert len(found) > 30

    missing = [
        f'{where}: {message}'
        for message, where in found.items()
        if not any(describes(pieces, message) for pieces in described)
    ]

    assert missing == []


def test_a_wrong_tag_rule_is_described_too() -> None:
    """Its message is put together of parts, which reading the source does not show."""
    with pytest.raises(ConfigurationError) as refused:
        validate({'api_key': 'console-0123456789', 'tag_rules': [{'match': 'gate'}]})

    assert any(describes(pieces, str(refused.value)) for pieces in described_messages())


def test_every_message_under_troubleshooting_is_one_that_the_check_prints() -> None:
    printed = [*messages(), 'Option `tag_rules` ']

    assert [pieces for pieces in described_messages() if not any(describes(pieces, one) for one in printed)] == []


def test_the_readme_has_only_characters_that_the_catalogue_of_datadog_takes() -> None:
    # As `ddev validate readmes` has it, which `make validate` runs: here it is said sooner.
    assert {character for character in README if ord(character) > 256} == set()


def test_every_option_that_the_readme_names_exists() -> None:
    known = {field.alias or name for name, field in InstanceConfig.model_fields.items()}
    named = set(re.findall(r'`((?:audit_log|collect|max|metric|min|tag|hide|empty|api)_[a-z_]+)`', README))

    assert named
    assert named - known == set()


def test_every_file_that_the_readme_links_to_exists() -> None:
    links = [link for link in re.findall(r'\]\(([^)#]+)\)', README) if '://' not in link]

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


if __name__ == '__main__':  # `make generate`
    (ROOT / 'README.md').write_text(METRIC_TABLE.sub(lambda _: metric_table(), README), encoding='utf-8')


def test_it_leads_to_every_page_of_the_documentation() -> None:
    pages = {f'docs/{page.name}' for page in (ROOT / 'docs').glob('*.md')}

    assert sorted(page for page in pages if f'({page}' not in README) == []
