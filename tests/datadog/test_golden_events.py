"""The events as they reach Datadog. After a wanted change: UPDATE_GOLDEN=1 pytest <this file>."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from statsig.datadog.actions import GROUPS, classify
from statsig.datadog.event import event_of
from tests.datadog.entries import CASES, THEMES, strange
from tests.datadog.notices import notice_of_case

ACTION_TYPES = Path(__file__).with_name('action_types.tsv')
GOLDEN = Path(__file__).with_name('golden_events.txt')
DOCUMENT = Path(__file__).parents[2].parent / 'shared' / 'statsig-console-openapi.json'
RULE = '=' * 100


def section(case: str, raw: dict[str, Any], options: dict[str, Any]) -> str:
    event = event_of(notice_of_case(raw, options))
    heading = f'{RULE}\n{case}\n{RULE}\n{event.title}\n[{event.alert_type}] at {event.timestamp}'
    return f'{heading}\n{" ".join(event.tags)}\n\n{event.text}\n'


def sections(page: str) -> dict[str, str]:
    parts = page.split(f'{RULE}\n')[1:]
    return {case.strip(): f'{RULE}\n{case}{RULE}\n{body}' for case, body in zip(parts[::2], parts[1::2], strict=True)}


@pytest.mark.parametrize(('case', 'raw', 'options'), CASES, ids=[case for case, _, _ in CASES])
def test_reads_as_agreed(case: str, raw: dict[str, Any], options: dict[str, Any]) -> None:
    if os.environ.get('UPDATE_GOLDEN'):
        GOLDEN.write_text(''.join(section(*each) for each in CASES), encoding='utf-8')
    agreed = sections(GOLDEN.read_text(encoding='utf-8'))

    assert section(case, raw, options) == agreed[case]


def test_every_agreed_event_is_still_tried() -> None:
    assert list(sections(GOLDEN.read_text(encoding='utf-8'))) == [case for case, _, _ in CASES]


def test_at_least_60_entries_of_every_group_are_agreed_upon() -> None:
    groups = {classify(raw['actionType']).group for _, raw, _ in CASES}

    assert len(CASES) >= 60
    assert groups == set(GROUPS)
    assert len({case for case, _, _ in CASES}) == len(CASES)


def test_the_action_types_are_statsigs_own_but_for_those_yet_to_come() -> None:
    known = {line.split('\t')[-1] for line in ACTION_TYPES.read_text(encoding='utf-8').splitlines()}
    used = {raw['actionType'] for cases in THEMES.values() if cases is not strange.CASES for _, raw, _ in cases}

    assert used - known == set()


@pytest.mark.skipif(not DOCUMENT.exists(), reason=f'{DOCUMENT.name} belongs into ../shared/')
def test_every_entry_that_the_document_shows_anywhere_is_among_them() -> None:
    shown = list(_entries_in(json.loads(DOCUMENT.read_text(encoding='utf-8'))))

    assert len(shown) >= 6
    assert [entry for entry in shown if entry not in [raw for _, raw, _ in CASES]] == []


def _entries_in(value: Any) -> Iterator[dict[str, Any]]:
    """Whatever has an action type that is text: in the schema of an entry it is described instead."""
    if isinstance(value, dict):
        if isinstance(value.get('actionType'), str):
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _entries_in(item)
