"""A case of the entries as the check would render it."""

from __future__ import annotations

from typing import Any

from statsig.console.records import parse_audit_entry
from statsig.datadog.notice import Notice, notice_of
from statsig.datadog.tag_rules import parse_tag_rules
from tests.datadog.entries import NOW


def notice_of_case(raw: dict[str, Any], options: dict[str, Any]) -> Notice:
    return notice_of(
        parse_audit_entry(raw),
        project='acme',
        now=NOW,
        hide_author=options.get('hide_author', False),
        tag_rules=parse_tag_rules(options.get('rules')),
        tags=options.get('tags', ()),
    )
