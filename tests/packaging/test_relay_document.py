"""Every command on docs/relay.md is run by a test, or says why not; and what it says of the relay is so."""

from __future__ import annotations

import re
from pathlib import Path

from statsig.relay.http import Limits
from statsig.relay.relay import DELIVERY_GRACE, REQUEST_GRACE
from statsig.relay.run import _STOP_GRACE
from tests.packaging.documentation import RELAY, blocks, links_to_nowhere

PAGE = RELAY.read_text(encoding='utf-8')
TESTS = Path(__file__).parent


def test_every_block_of_commands_is_run_by_a_test_or_says_why_not() -> None:
    tests = ''.join(path.read_text(encoding='utf-8') for path in TESTS.glob('test_relay_*.py'))
    found = blocks(RELAY)
    named = [block['text'] for block in found if block['kind'] == 'run']

    assert len(found) == PAGE.count('```sh')
    assert [block['commands'] for block in found if block['kind'] is None] == []
    assert len(named) == len(set(named))
    assert [name for name in named if f"'{name}'" not in tests] == []


def test_what_it_links_to_exists() -> None:
    assert links_to_nowhere(RELAY) == []


def test_the_times_and_numbers_it_names_are_those_of_the_code() -> None:
    text = re.sub(r'\s+', ' ', PAGE)

    for sentence in (
        f'up to {REQUEST_GRACE:.0f} seconds to end, then the last counts',
        f'are handed over for up to {DELIVERY_GRACE:.0f} seconds',
        f'kills after 10 seconds what may take {_STOP_GRACE:.0f}',
        f'| connections | {Limits().most_connections} for each worker',
        f'each worker holds up to {Limits().most_buffered >> 20} MiB of bodies',
    ):
        assert sentence in text
