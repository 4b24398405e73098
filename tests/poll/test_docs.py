"""What docs/poll.md says stands in the code."""

from __future__ import annotations

import re
from pathlib import Path

from statsig.cli import _parser
from statsig.poll.configuration import _NOT_OVER_DOGSTATSD

ROOT = Path(__file__).resolve().parents[2]
DOCS = (ROOT / 'docs' / 'poll.md').read_text(encoding='utf-8')
SOURCES = ('statsig/poll', 'statsig/datadog', 'statsig/console')


def test_every_argument_is_explained_and_no_other() -> None:
    (commands,) = (action for action in _parser()._actions if action.dest == 'command' or action.choices)
    assert isinstance(commands.choices, dict)
    arguments = {action.option_strings[0] for action in commands.choices['poll']._actions} - {'-h'}
    assert set(re.findall(r'^\| `(--[a-z-]+)', DOCS, re.MULTILINE)) - {'--state-dir cannot be used'} == arguments


def test_every_message_in_its_table_is_one_that_it_prints() -> None:
    sources = ' '.join(
        re.sub(r"'\n\s+f?'", '', path.read_text(encoding='utf-8'))
        for source in SOURCES
        for path in (ROOT / source).glob('*.py')
    ).replace('`', '')
    table = DOCS.partition('| message | what to do |\n|---|---|\n')[2]
    rows = [found[1].removeprefix('Option send_change_events') for found in re.finditer(r'^\| `(.+?)` \|', table, re.M)]
    assert len(rows) >= 8
    varying = {'5 s': '...', 'but change events cannot': 'but ... cannot'}
    for row in rows:
        for said, variable in varying.items():
            row = row.replace(said, variable)
        pieces = [piece.strip(' :') for piece in row.split('...')]
        assert re.search('.{0,60}'.join(map(re.escape, pieces)), sources), row
    assert set(_NOT_OVER_DOGSTATSD) == {'send_change_events', 'send_logs'}
