"""The fields of an entry's `changes`: {field: {old, new}}, in which values may be text of JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from statsig.datadog.allowance import Allowance
from statsig.datadog.values import JSON, MAX_EXAMINED, MAX_READ, parsed, parsed_pair, same


def differing_fields(changes: Mapping[str, JSON] | None) -> Iterator[tuple[str, JSON, JSON]]:
    """(field, before, after) of what differs. A field that is not {old, new} counts as set to what it holds."""
    for field, change in islice((changes or {}).items(), MAX_EXAMINED):
        if _is_change(change):
            before, after = change.get('old'), change.get('new')
        else:
            before, after = None, change
        if not same(before, after):
            yield str(field), before, after


def opened(changes: Mapping[str, JSON] | None) -> Mapping[str, JSON]:
    """The same with text of JSON read, so that all who look at it next need not: it can be megabytes.

    Of an entry with more of it than may be read, the fields that come too late keep their text.
    """
    allowance = Allowance(MAX_READ)
    looked_at = islice((changes or {}).items(), MAX_EXAMINED)
    return {**(changes or {}), **{field: _opened(change, allowance) for field, change in looked_at}}


def _opened(change: JSON, allowance: Allowance) -> JSON:
    if not _is_change(change):
        return parsed(change, allowance)
    before, after = parsed_pair(change.get('old'), change.get('new'), allowance)
    return {side: value for side, value in (('old', before), ('new', after)) if side in change}


def _is_change(change: JSON) -> bool:
    return isinstance(change, dict) and ('old' in change or 'new' in change)
