"""An audit-log entry as a Datadog event: a title for the timeline, a text with before and after, tags to find it by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from statsig.console.records import AuditEntry
from statsig.datadog.actions import Action
from statsig.datadog.directory import Directory
from statsig.datadog.markdown import clean, cut, escape
from statsig.datadog.reading import Reading, read_entry
from statsig.datadog.redaction import HIDDEN
from statsig.datadog.tag_rules import TagRules
from statsig.datadog.tags import tag
from statsig.datadog.values import utc

MAX_TITLE = 100
MAX_TEXT = 4000
MAX_AGGREGATION_KEY = 100
# Datadog refuses events older than 18 h or more than 2 h ahead; an hour of each is left for the way there.
MAX_AGE = 17 * 3600
MAX_AHEAD = 3600

CONSOLE = 'https://console.statsig.com'
NO_TAG_RULES = TagRules()
EMPTY_DIRECTORY = Directory()

_PAGES = {
    'gate': 'gates',
    'experiment': 'experiments',
    'dynamic_config': 'dynamic_configs',
    'layer': 'layers',
    'holdout': 'holdouts',
    'segment': 'segments',
}
_OFF = frozenset(
    {'disabled', 'deleted', 'removed', 'abandoned', 'archived', 'rolled back', 'stopped', 'paused', 'deactivated'}
    | {'revoked', 'dropped'}
)
_LANDED = frozenset({'launched', 'decided'})
_OPENING, _CLOSING = '%%% \n', '\n %%%'
_MAX_LISTED_TAGS = 50
_MAX_LINK = 500
_MAX_LINE = 1200


@dataclass(frozen=True, slots=True)
class DatadogEvent:
    """What Datadog is sent. `timestamp` is epoch seconds and within what Datadog accepts; `alert_type` one of
    warning, success, info."""

    title: str
    text: str
    timestamp: int
    alert_type: str
    tags: tuple[str, ...]
    aggregation_key: str

    def as_agent_event(self, source_type_name: str = 'statsig') -> dict[str, object]:
        """The dictionary that `AgentCheck.event()` takes. SaaS data has no host."""
        return {
            'timestamp': self.timestamp,
            'event_type': source_type_name,
            'msg_title': self.title,
            'msg_text': self.text,
            'aggregation_key': self.aggregation_key,
            'alert_type': self.alert_type,
            'source_type_name': source_type_name,
            'host': '',
            'tags': list(self.tags),
        }


def render_event(
    entry: AuditEntry,
    *,
    project: str,
    now: int,
    hide_author: bool = False,
    tag_rules: TagRules = NO_TAG_RULES,
    tags: Sequence[str] = (),
    directory: Directory = EMPTY_DIRECTORY,
) -> DatadogEvent:
    """The event of one entry. `now` is epoch seconds; `tags` are the instance's, sent as they are; `directory` knows
    what the entry does not say. Never raises, whatever the entry holds."""
    reading = read_entry(entry, hide_author, directory)
    team = directory.team_of(reading.action.kind, entry.name)
    late, ahead = now - entry.timestamp > MAX_AGE, entry.timestamp - now > MAX_AHEAD
    return DatadogEvent(
        title=_title(reading),
        text=_text(reading, _when(entry.timestamp, late, ahead), link(reading, project)),
        timestamp=int(now if late or ahead else entry.timestamp),
        alert_type=alert_type(reading.action),
        tags=_tags(entry, reading, project, team, late, (*_rule_tags(entry, reading, tag_rules, team), *tags)),
        aggregation_key=clean(entry.id[:MAX_AGGREGATION_KEY]),
    )


def alert_type(action: Action) -> str:
    """warning where something is switched off, deleted, abandoned or rolled back; success where it is launched or
    decided; else info. Taking away a part of something that is not in force (a tag, a review) is no warning."""
    if action.is_change and action.verb in _OFF:
        minor = action.part and action.verb in ('deleted', 'removed') and action.group in ('reviews', 'housekeeping')
        return 'info' if minor else 'warning'
    return 'success' if action.verb in _LANDED else 'info'


def link(reading: Reading, project: str) -> str:
    """The page in Statsig: of the thing, where it has one and is still there and may be named; else the project's."""
    home = f'{CONSOLE}/{quote(project[:_MAX_LINK], safe="", errors="replace")}'.rstrip('/')
    home = home if len(home) <= _MAX_LINK else CONSOLE
    page, name = _PAGES.get(reading.action.kind), reading.name
    gone = reading.action.verb == 'deleted' and not reading.action.part
    if not page or not name or gone or home == CONSOLE or HIDDEN in name:
        return home
    address = f'{home}/{page}/{quote(name, safe="")}'
    return address if len(address) <= _MAX_LINK else home


def _title(reading: Reading) -> str:
    """Name, deed and author on one line; when it grows too long it is the name that gives way."""
    by = f' by {cut(reading.author, 30)}' if _by(reading) else ''
    start, end = f'{reading.kind_label} ', f'{cut(reading.deed, 50)}{by}'
    name = cut(reading.name, MAX_TITLE - len(start) - len(end))
    title = (
        f'{start}{name}{end}' if name else f'{reading.kind_label}{end.replace(":", "", 1) if end[0] == ":" else end}'
    )
    # A title is plain text, but it is shown and forwarded in places that read more into it.
    plain = re.sub('%%%+', '%', title.replace('<', '‹').replace('>', '›'))
    return cut(' '.join(f'＠{word[1:]}' if word.startswith('@') else word for word in plain.split()), MAX_TITLE)


def _by(reading: Reading) -> bool:
    return bool(reading.author) and reading.action.verb not in ('waiting for review', 'logged in')


def _when(timestamp: int, late: bool, ahead: bool) -> str:
    if late:
        return f'This happened at {utc(timestamp)} and is sent late.'
    return f'Statsig dates this {utc(timestamp)}, which is still to come.' if ahead else ''


def _text(reading: Reading, when: str, url: str) -> str:
    by = f' by {escape(cut(reading.author, 80))}' if _by(reading) else ''
    name = f' **{escape(cut(reading.name, 150))}**' if reading.name else ''
    head = [f'{escape(reading.kind_label)}{name}{escape(reading.deed)}{by}', '', *([when, ''] if when else [])]
    tail = ['', f'[Open in Statsig]({url})']
    body, what, more = _body(reading)
    room = MAX_TEXT - len(_OPENING) - len(_CLOSING) - len('\n'.join((*head, *tail))) - 200
    kept = _fitting(body, room)
    left_out = len(body) - len(kept)
    if left_out:
        kept.append(f'- … {left_out:,} more {what}{"" if left_out == 1 else "s"} left out for length')
    lines = (*head, *kept, *more, *tail) if kept or more else (*head[:-1], *tail)
    return _OPENING + '\n'.join(lines) + _CLOSING


def _body(reading: Reading) -> tuple[list[str], str, tuple[str, ...]]:
    """(lines, what each of them is, a last line on what was left out before): the changes, or else Statsig's text."""
    told = [f'- {_line(change.text)}' for change in reading.changes if change.field]
    if told:
        return told, 'change', tuple(f'- … {escape(change.text)}' for change in reading.changes if not change.field)
    if len(reading.note) == 1:
        return [_line(reading.note[0])], 'line', ()
    return [f'- {_line(line)}' for line in reading.note], 'line', ()


def _line(text: str) -> str:
    escaped = escape(text)
    # Escaping makes a text of nothing but signs several times as long.
    return escaped if len(escaped) <= _MAX_LINE else escape(cut(text, _MAX_LINE // 5))


def _fitting(lines: Sequence[str], room: int) -> list[str]:
    """The first lines, whole, that have room."""
    kept: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return kept


def _tags(
    entry: AuditEntry, reading: Reading, project: str, team: str, late: bool, given: Sequence[str]
) -> tuple[str, ...]:
    action = reading.action
    found = [
        tag('statsig_action', entry.action),
        tag('statsig_group', action.group),
        tag('statsig_kind', action.kind),
        tag('name', _nameable(reading.name)),
        *(tag('environment', name) for name in reading.environments),
        tag('statsig_project', project),
        *(tag('statsig_tag', _redacted(reading, name)) for name in entry.tags[:_MAX_LISTED_TAGS]),
        *(tag('target_app', _redacted(reading, name)) for name in entry.target_apps[:_MAX_LISTED_TAGS]),
        *([tag('statsig_team', _redacted(reading, team))] if team else []),
        *(['statsig_late:true'] if late else []),
    ]
    return tuple(dict.fromkeys((*found, *given)))


def _rule_tags(entry: AuditEntry, reading: Reading, tag_rules: TagRules, team: str) -> tuple[str, ...]:
    # The rules see the name as Statsig has it: what they give away is only what is written in them.
    return tag_rules.tags_for(reading.action.kind, entry.name, entry.tags, entry.target_apps, team)


def _redacted(reading: Reading, text: str) -> str:
    return _nameable(reading.redaction.start_of(text, MAX_TITLE))


def _nameable(text: str) -> str:
    return text.replace(HIDDEN, 'hidden')
