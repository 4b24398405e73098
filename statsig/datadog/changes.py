"""What an entry's `changes` say, as a person would say it: `rule "beta users": pass 10 % → 50 %; + production`.

`describe` gives one `Change` per field, and per rule, group or other named item of a field that is a list of such.
Work is bounded by limits rather than by the size of what arrives: only what will be shown is put into words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from statsig.datadog.differences import compare, compare_item, folded, heading_of, is_untold, noun_of
from statsig.datadog.environments import environments_touched
from statsig.datadog.fields import differing_fields
from statsig.datadog.markdown import cut
from statsig.datadog.matching import Pair, are_items, match_items, name_of
from statsig.datadog.redaction import NOTHING_HIDDEN, Redaction
from statsig.datadog.values import JSON, MAX_EXAMINED, Limits, Words, parsed
from statsig.datadog.wording import order, summary, tell_all

__all__ = ['Change', 'Limits', 'describe', 'environments_touched']

What = Literal['field', 'item', 'order', 'unseen']

_MAX_COUNTED = 1_000
DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed.

    `field` is Statsig's name for it ('rules'), `subject` what it is about (`rule "beta users"`, or ''). `before` and
    `after` are the values as JSON, bounded and with people hidden where that was asked for; None where there was
    nothing. `text` says it all on one line. `what` it is: a field as a whole; an item of a field that is a list of
    such; the order of its items; or, as a number in `after`, items that were not compared. The last of an entry may
    stand for what was left out: its `field` is ''.
    """

    field: str
    subject: str
    before: JSON
    after: JSON
    text: str
    what: What = 'field'


def describe(
    changes: Mapping[str, JSON] | None, limits: Limits = DEFAULT_LIMITS, redaction: Redaction = NOTHING_HIDDEN
) -> tuple[Change, ...]:
    """What differs, in the order of the fields; nothing where nothing does. Never raises, whatever `changes` holds."""
    words = Words(limits, redaction)
    sites = _sites(changes, words)
    found = (change for site in sites if (change := _describe_site(site, words)) is not None)
    told = list(islice(found, limits.changes))
    more = sum(1 for _ in islice(sites, _MAX_COUNTED))
    unseen = max(0, len(changes or {}) - MAX_EXAMINED)
    if more or unseen:
        at_least = 'at least ' if more == _MAX_COUNTED else ''
        left_out = ([f'{at_least}{more:,} more changes'] if more else []) + (
            [f'{unseen:,} fields not looked at'] if unseen else []
        )
        told.append(Change('', '', None, None, '; '.join(left_out)))
    return tuple(told)


@dataclass(frozen=True, slots=True)
class _Site:
    """Where something differs: a field; of a list of items, one item, or their order; or items not compared."""

    field: str
    before: JSON
    after: JSON
    what: What = 'field'


def _sites(changes: Mapping[str, JSON] | None, words: Words) -> Iterator[_Site]:
    differing = [(field, parsed(before), parsed(after)) for field, before, after in differing_fields(changes)]
    beside = {folded(field) for field, _, _ in differing}
    for field, before, after in differing:
        if is_untold(field, beside):
            continue
        if words.redaction.hides(field) or not are_items(before, after) or _is_told_whole(field):
            yield _Site(field, before, after)
            continue
        matching = match_items(before, after, words.work.matched)
        for pair in matching.differing():
            yield _Site(field, pair.before, pair.after, 'item')
        if matching.moved:
            yield _Site(field, before, after, 'order')
        if matching.unseen:
            yield _Site(field, None, matching.unseen, 'unseen')


def _is_told_whole(field: str) -> bool:
    """Conditions and schedules are lists of objects too, but theirs have no names by which to tell them apart."""
    return folded(field) in (
        'conditions',
        'conditionjson',
        'rollouts',
        'pendingautomatedrollouts',
        'owners',
    )


def _describe_site(site: _Site, words: Words) -> Change | None:
    if site.what == 'item':
        return _describe_item(site, words)
    if site.what == 'order':
        return _change(site, '', f'{words.name(noun_of(site.field))}s {order(site.before, site.after, words)}', words)
    if site.what == 'unseen':
        return _change(site, '', f'{site.after:,} more {words.name(noun_of(site.field))}s not compared', words)
    text = tell_all(compare(site.field, site.before, site.after, words), words)
    label = words.name(heading_of(site.field))
    return _change(site, '', f'{label}: {text}' if label else text, words) if text else None


def _describe_item(site: _Site, words: Words) -> Change | None:
    item = site.after if site.after is not None else site.before
    noun, name = words.name(noun_of(site.field)), words.name(name_of(item))
    subject = f'{noun} "{name}"' if name else noun
    if site.before is None or site.after is None:
        how = 'added' if site.before is None else 'removed'
        held = summary(item, words)
        return _change(site, subject, f'{subject} {how}' + (f': {held}' if held else ''), words)
    text = tell_all(compare_item(Pair(site.before, site.after), words), words)
    return _change(site, subject, f'{subject}: {text}', words) if text else None


def _change(site: _Site, subject: str, text: str, words: Words) -> Change:
    before, after = (words.shrunk(side, field=site.field) for side in (site.before, site.after))
    return Change(words.name(site.field), subject, before, after, cut(text, words.limits.text), site.what)
