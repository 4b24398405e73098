"""An audit entry understood: what was done to what, where, and what is other than before.

The form from which an entry is rendered, whether as an event, a change event or a log. Nothing of it is Markdown yet,
and with `hide_author` no name or address of a person is left in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from statsig.console.records import AuditEntry
from statsig.datadog.actions import Action, environments_of, interpret
from statsig.datadog.changes import Change, LeftOut, describe
from statsig.datadog.differences import title_of
from statsig.datadog.directory import Directory
from statsig.datadog.fields import opened
from statsig.datadog.markdown import clean, cut
from statsig.datadog.person_names import has_address, names_in
from statsig.datadog.redaction import HIDDEN, Redaction, redaction_of

_KIND_LABELS = {
    'source': 'Data source',
    'sdk_key': 'SDK key',
    'api_key': 'API key',
    'ai_config': 'AI config',
    'ai_dataset': 'AI dataset',
    'ai_playground': 'AI playground',
    'param_store': 'Parameter store',
    'target_app': 'Target app',
}
_WORD = re.compile(r'\w+')
_EMPTY_WORDS = frozenset({'a', 'the', 'of', 'from', 'to', 'for', 'in', 'on', 'feature', 'updated', 'edited'})
_MAX_NAME = 300
_MAX_SHOWN = 100
_MAX_NAMED, _MAX_TOLD = 40, 48
# What Statsig's words would not say to somebody who has never seen it.
_DEEDS = {
    ('', 'resalted'): ' resalted (users assigned anew)',
    ('review', 'created'): ': review requested',
    ('review', 'deleted'): ': review withdrawn',
    ('review', 'committed'): ': reviewed change put in force',
}
_MAX_LINES = 200
_MAX_LINE = 500


@dataclass(frozen=True, slots=True)
class Reading:
    """`name` is the thing's; `author`, `author_email` and `author_id` (Statsig's) are the person's, '' where unknown or
    hidden. Each is one clean line.

    `changes` are what differs, but for what is `left_out`; `note` holds the lines of Statsig's own text, `environments`
    those that the change touches.
    """

    action: Action
    name: str
    author: str
    author_email: str
    author_id: str
    changes: tuple[Change, ...]
    left_out: LeftOut
    note: tuple[str, ...]
    environments: tuple[str, ...]
    redaction: Redaction

    @property
    def kind_label(self) -> str:
        """`Gate`, `Dynamic config`; for a kind yet unknown the words of its action type."""
        kind = self.action.kind
        if kind == 'other':
            return (self.action.part or 'something')[:60].capitalize()
        return _KIND_LABELS.get(kind) or kind.replace('_', ' ').capitalize()

    @property
    def deed(self) -> str:
        """What follows the name: ` disabled`, `: allocation 20 % → 50 %`; of words not understood ` updated (sync)`."""
        verb, part = self.action.verb, '' if self.action.kind == 'other' else self.action.part
        if (part, verb) in _DEEDS:
            return _DEEDS[part, verb]
        if self.action.is_guess:
            return f' {verb} ({part})' if part else f' {verb}'
        if verb == 'updated':
            what = _the_only(self.changes) or f'{_fields_named(self.changes) or part} updated'.strip()
            return f' {what}' if what == 'updated' else f': {what}'
        return f': {part} {verb}' if part else f' {verb}'

    @property
    def is_proposal(self) -> bool:
        """Whether its changes are up for review, and nothing is other than before yet."""
        return self.action.group == 'reviews' and not self.action.is_change and bool(self.changes)

    def shown(self, text: str) -> str:
        """Any other text of the entry as one clean line, people hidden."""
        return _line(text, _MAX_SHOWN, self.redaction)

    @property
    def names_author(self) -> bool:
        """Whether to say by whom: nobody logs in by somebody."""
        return bool(self.author) and self.action.verb not in ('waiting for review', 'logged in')


def read_entry(entry: AuditEntry, hide_author: bool = False, directory: Directory | None = None) -> Reading:
    """Never raises, whatever the entry holds, and takes time that does not grow with the size of its changes."""
    entry = replace(entry, changes=opened(entry.changes))
    action = interpret(entry)
    if action.kind == 'config' and directory is not None:
        action = replace(action, kind=directory.kind_of_config(entry.name) or 'config')
    is_person = _is_of_a_person(entry, action)
    redaction = _redaction(entry, action, hide_author)
    name = _line(entry.name, _MAX_NAME, redaction)
    author = '' if hide_author else _line(entry.author or entry.author_email, _MAX_NAME, redaction)
    if action.verb == 'logged in' and not name:
        name = author
    if is_person and hide_author and name:
        name = HIDDEN
    description = describe(entry.changes, redaction=redaction)
    reading = Reading(
        action=action,
        name=name,
        author=author,
        author_email='' if hide_author else _line(entry.author_email, _MAX_NAME, redaction),
        author_id='' if hide_author else _line(entry.author_id, _MAX_NAME, redaction),
        changes=description.changes,
        left_out=description.left_out,
        note=_note(entry, action, redaction),
        environments=tuple(_line(name, _MAX_NAME, redaction) for name in environments_of(entry, action)),
        redaction=redaction,
    )
    return replace(reading, note=()) if _is_said_already(reading) else reading


def _the_only(changes: Sequence[Change]) -> str:
    """`rule "beta users" pass 10 % → 50 %` or, where that is too long for a title, `rule "beta users" updated`."""
    if len(changes) != 1:
        return ''
    (change,) = changes
    label, colon, rest = change.text.partition(': ')
    if change.subject:
        label, colon, rest = change.subject, '', change.text[len(change.subject) :].lstrip(':')
    how = 'added' if change.before is None else 'removed' if change.after is None else 'updated'
    said = f'{label} {rest.strip()}' if colon or change.subject else change.text
    short = f'{change.subject} {how}' if change.subject else ''
    return next((text for text in (said, short) if len(text) <= _MAX_TOLD), '')


def _fields_named(changes: Sequence[Change]) -> str:
    """`owner, tags and description`; '' where there are too many to be named in a title."""
    names = list(dict.fromkeys(title_of(change.field) for change in changes))
    told = ' and '.join((', '.join(names[:-1]), names[-1])) if len(names) > 1 else ''.join(names)
    return told if all(names) and len(told) <= _MAX_NAMED else ''


def _is_said_already(reading: Reading) -> bool:
    """Whether Statsig's text is one such as "Removed Tag from Config", of which the title says every word."""
    if len(reading.note) != 1:
        return False
    title = f'{reading.kind_label} {reading.name} {reading.deed}'
    said = _EMPTY_WORDS.union(_WORD.findall(title.lower()))
    return said.issuperset(_WORD.findall(reading.note[0].lower()))


def _redaction(entry: AuditEntry, action: Action, hide_people: bool) -> Redaction:
    is_of_people = _is_of_a_person(entry, action) or has_address(entry.name)
    told = (entry.author, entry.author_email, entry.name if is_of_people else '')
    names = [name for each in told for name in names_in(each)]
    return redaction_of(entry.changes, hide_people, names, [entry.author_id], keyed_by_people=action.kind == 'user')


def _is_of_a_person(entry: AuditEntry, action: Action) -> bool:
    """Whether what an entry is about is somebody, by name. A role may be somebody's, of that name, or nobody's."""
    if action.kind in ('user', 'role'):
        return True
    return action.kind in ('organization', 'project', 'team', 'other') and (
        action.part in ('invite', 'invites', 'owner') or 'member' in f'{action.part} {entry.action}'
    )


def _note(entry: AuditEntry, action: Action, redaction: Redaction) -> tuple[str, ...]:
    if redaction.active and (action.kind in ('user', 'team', 'role') or _names_people(action.part)):
        # Such a text is there to say who: "Added John Roe to the reviewers". Nothing tells which words are the name.
        return (f'{HIDDEN}: the text may name people',) if entry.change_log.strip() else ()
    lines = (_line(line, _MAX_LINE, redaction) for line in entry.change_log[: _MAX_LINES * _MAX_LINE].splitlines())
    return tuple([line for line in lines if line][:_MAX_LINES])


def _names_people(part: str) -> bool:
    words = ('owner', 'reviewer', 'admin', 'invite', 'member', 'review group', 'review team')
    return any(word in part for word in words)


def _line(text: str, limit: int, redaction: Redaction) -> str:
    return cut(clean(redaction.start_of(text, limit)), limit)
