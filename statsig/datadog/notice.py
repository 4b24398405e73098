"""An audit-log entry ready to be sent: what its event, its change event and its log have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from statsig.console.records import AuditEntry
from statsig.datadog.actions import Action
from statsig.datadog.directory import Directory
from statsig.datadog.markdown import clean, cut
from statsig.datadog.reading import Reading, read_entry
from statsig.datadog.redaction import HIDDEN, SECRET
from statsig.datadog.tag_rules import TagRules
from statsig.datadog.tags import normalise, tag
from statsig.datadog.text import title_of
from statsig.datadog.values import utc

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
_MAX_LISTED_TAGS = 50
_MAX_LINK = 500
_MAX_TAG_SOURCE = 100
_MAX_ACTION = 100


@dataclass(frozen=True, slots=True)
class Notice:
    """`timestamp` (epoch seconds) is one that Datadog accepts; where it is not the entry's own, `when` is a sentence
    that says so. `key` is the entry's id, bounded; `alert_type` one of warning, success, info; `team` as Statsig calls
    it, people hidden where that was asked for.
    """

    entry: AuditEntry
    reading: Reading
    project: str
    team: str
    title: str
    link: str
    timestamp: int
    when: str
    alert_type: str
    tags: tuple[str, ...]
    key: str

    @property
    def action_type(self) -> str:
        """Statsig's own word for it, `gate_create`, on one clean line."""
        return cut(clean(self.entry.action[: 2 * _MAX_ACTION]), _MAX_ACTION)

    @property
    def tags_telling_first(self) -> tuple[str, ...]:
        """For where there is room for some tags only: Statsig's own tags and apps, of which there may be many, last."""
        return telling_first(self.tags)

    @property
    def services(self) -> tuple[str, ...]:
        """The services that the tags name, those of `tag_rules` and of the instance, as Datadog spells them."""
        named = (normalise(each) for each in self.tags if each.partition(':')[2].strip())
        return tuple(dict.fromkeys(each.removeprefix('service:') for each in named if each.startswith('service:')))


def notice_of(
    entry: AuditEntry,
    *,
    project: str,
    now: int,
    hide_author: bool = False,
    tag_rules: TagRules = NO_TAG_RULES,
    tags: Sequence[str] = (),
    directory: Directory = EMPTY_DIRECTORY,
    environments: Sequence[str] = (),
) -> Notice:
    """`now` is epoch seconds; `tags` are the instance's, sent as they are; `directory` knows what the entry does not
    say; `environments` are those that it touches, where they are known from elsewhere than its changes. Never raises,
    whatever the entry holds."""
    reading = read_entry(entry, hide_author, directory)
    if environments:
        reading = replace(reading, environments=tuple(map(reading.shown, environments)))
    team = directory.team_of(reading.action.kind, entry.name)
    late, ahead = now - entry.timestamp > MAX_AGE, entry.timestamp - now > MAX_AHEAD
    # Figures are tagged with the id: an event that is tagged with it too meets them, whatever its title says.
    listed_id = directory.id_of(reading.action.kind, entry.name)
    also_named = [tag('name', _redacted(reading, listed_id))] if listed_id else []
    given = (*also_named, *_rule_tags(entry, reading, tag_rules, team), *tags)
    return Notice(
        entry=entry,
        reading=reading,
        project=project,
        team=_redacted(reading, team),
        title=title_of(reading),
        link=link_to(reading, project),
        timestamp=int(now if late or ahead else entry.timestamp),
        when=_when(entry.timestamp, late, ahead),
        alert_type=alert_type(reading.action),
        tags=_tags(entry, reading, project, team, late, given),
        key=clean(entry.id[:MAX_AGGREGATION_KEY]),
    )


def telling_first(tags: Sequence[str]) -> tuple[str, ...]:
    """In the order in which they are kept where not all have room."""
    return tuple(sorted(tags, key=lambda each: each.startswith(('statsig_tag:', 'target_app:'))))


def _when(timestamp: int, late: bool, ahead: bool) -> str:
    if late:
        return f'This happened at {utc(timestamp)} and is sent late.'
    return f'Statsig dates this {utc(timestamp)}, which is still to come.' if ahead else ''


def alert_type(action: Action) -> str:
    """warning where something is switched off, deleted, abandoned or rolled back; success where it is launched or
    decided; else info. Taking away a part of something that is not in force (a tag, a review) is no warning."""
    if action.is_change and action.verb in _OFF:
        minor = action.part and action.verb in ('deleted', 'removed') and action.group in ('reviews', 'housekeeping')
        return 'info' if minor else 'warning'
    return 'success' if action.verb in _LANDED else 'info'


def link_to(reading: Reading, project: str) -> str:
    """The page in Statsig: of the thing, where it has one and is still there and may be named; else the project's."""
    home = f'{CONSOLE}/{quote(project[:_MAX_LINK], safe="", errors="replace")}'.rstrip('/')
    home = home if len(home) <= _MAX_LINK else CONSOLE
    page, name = _PAGES.get(reading.action.kind), reading.name
    gone = reading.action.verb == 'deleted' and not reading.action.part
    if not page or not name or gone or home == CONSOLE or HIDDEN in name or SECRET in name:
        return home
    address = f'{home}/{page}/{quote(name, safe="")}'
    return address if len(address) <= _MAX_LINK else home


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
    return _nameable(reading.redaction.start_of(text, _MAX_TAG_SOURCE))


def _nameable(text: str) -> str:
    return text.replace(HIDDEN, 'hidden').replace(SECRET, 'secret')
