"""What an entry's `changes` say, as a person would say it: `rule "beta users": pass 10 % → 50 %; + production`.

`describe` gives one `Change` per field, and per rule, group or other named item of a field that is a list of such.
Work is bounded by limits rather than by the size of what arrives: only what will be shown is put into words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from statsig.datadog.contrast import contrast, contrast_order
from statsig.datadog.differences import compare, compare_item, folded, heading_of, is_untold, noun_of
from statsig.datadog.environments import environments_touched
from statsig.datadog.fields import differing_fields
from statsig.datadog.markdown import cut
from statsig.datadog.matching import Pair, are_items, match_items, name_of
from statsig.datadog.redaction import HIDDEN, NOTHING_HIDDEN, SECRET, Redaction
from statsig.datadog.values import JSON, MAX_EXAMINED, MAX_SENT, Limits, Words, parsed, same
from statsig.datadog.wording import order, summary, tell_all

__all__ = ['Change', 'Description', 'LeftOut', 'Limits', 'describe', 'environments_touched']

What = Literal['field', 'item', 'order']

DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed.

    `field` is Statsig's name for it ('rules'), `subject` what it is about (`rule "beta users"`, or ''), `text` says it
    all on one line. `what` it is: a field as a whole; an item, called `name`, of a field that is a list of such; or the
    order of its items. `before` and `after` are what differs, as JSON, bounded and with people hidden where that was
    asked for; None where there was nothing. They are alike where what differs lies beyond the bounds, or is hidden.
    """

    field: str
    subject: str
    before: JSON
    after: JSON
    text: str
    what: What = 'field'
    name: str = ''

    @property
    def shows_a_difference(self) -> bool:
        """Whether the two values look different, or say by themselves why they do not: what differs is hidden."""
        hidden = repr(self.before)
        return HIDDEN in hidden or SECRET in hidden or not same(self.before, self.after)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How much is not among the changes told: `changes` that differ, and `items` of lists and `fields` that were not
    compared, so that nobody knows whether they do."""

    changes: int = 0
    items: int = 0
    fields: int = 0

    def __str__(self) -> str:
        """`340 more changes; 500 items not compared`, or ''."""
        told = ((self.changes, 'more change', ''), (self.items, 'item', ' not compared'))
        parts = [f'{number:,} {what}{"" if number == 1 else "s"}{how}' for number, what, how in told if number]
        return '; '.join([*parts, *([f'{self.fields:,} fields not looked at'] if self.fields else [])])


@dataclass(frozen=True, slots=True)
class Description:
    changes: tuple[Change, ...]
    left_out: LeftOut


def describe(
    changes: Mapping[str, JSON] | None, limits: Limits = DEFAULT_LIMITS, redaction: Redaction = NOTHING_HIDDEN
) -> Description:
    """What differs, in the order of the fields; nothing where nothing does. Never raises, whatever `changes` holds."""
    words = Words(limits, redaction)
    told: list[Change] = []
    more = items = 0
    room = MAX_SENT
    for site in _sites(changes, words):
        if isinstance(site, int):
            items += site
        elif len(told) >= limits.changes or room <= 0:
            more += 1
        elif (change := _describe_site(site, words)) is not None:
            told.append(change)
            room -= len(change.text)
    fields = max(0, len(changes or {}) - MAX_EXAMINED)
    return Description(tuple(told), LeftOut(more, items, fields))


@dataclass(frozen=True, slots=True)
class _Site:
    """Where something differs: a field; of a list of items, one item, or their order."""

    field: str
    before: JSON
    after: JSON
    what: What = 'field'


def _sites(changes: Mapping[str, JSON] | None, words: Words) -> Iterator[_Site | int]:
    """Where it differs; a number stands for so many items of a list that were not compared."""
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
            yield matching.unseen


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
        return _change(site, subject, f'{subject} {how}' + (f': {held}' if held else ''), words, name)
    text = tell_all(compare_item(Pair(site.before, site.after), words), words)
    return _change(site, subject, f'{subject}: {text}', words, name) if text else None


def _change(site: _Site, subject: str, text: str, words: Words, name: str = '') -> Change:
    before, after = (words.shrunk(side, field=site.field) for side in _differing(site, words))
    return Change(words.name(site.field), subject, before, after, cut(text, words.limits.text), site.what, name)


def _differing(site: _Site, words: Words) -> tuple[JSON, JSON]:
    if not words.work.has_room_for_structure:
        return site.before, site.after  # nothing of them will be sent
    if site.what == 'order':
        return contrast_order(site.before, site.after, words.work)
    return contrast(site.before, site.after, words.limits.depth + 2, words.work, words.redaction)
