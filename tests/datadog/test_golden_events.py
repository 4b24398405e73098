"""The events as they reach Datadog. After a wanted change: UPDATE_GOLDEN=1 pytest <this file>."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from statsig.console.records import parse_audit_entry
from statsig.datadog.event import event_of
from statsig.datadog.notice import notice_of
from statsig.datadog.tag_rules import parse_tag_rules
from tests.datadog.entries import CASES, NOW

GOLDEN = Path(__file__).with_name('golden_events.txt')
RULE = '=' * 100


def section(case: str, raw: dict[str, Any], options: dict[str, Any]) -> str:
    notice = notice_of(
        parse_audit_entry(raw),
        project='acme',
        now=NOW,
        hide_author=options.get('hide_author', False),
        tag_rules=parse_tag_rules(options.get('rules')),
        tags=options.get('tags', ()),
    )
    event = event_of(notice)
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
