"""A config change of the webhook as a Datadog event, rendered by the code that renders the audit log's entries."""

from __future__ import annotations

import re
from collections.abc import Sequence

from statsig.console.records import AuditEntry
from statsig.datadog.action_words import VERBS
from statsig.datadog.event import DatadogEvent, event_of
from statsig.datadog.notice import notice_of
from statsig.webhook.config_changes import ConfigChange

# Where the audit log is read as well, the same change comes from there too: this tells the two apart.
SOURCE_TAG = 'statsig_source:webhook'

_WORD = re.compile(r'[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+')
# `updated` → `update`: of several words that mean the same, the one that it begins with.
_VERB_OF: dict[str, str] = {}
for _verb, _said in VERBS.items():
    if _said not in _VERB_OF or _said.startswith(_verb):
        _VERB_OF[_said] = _verb


def event_of_change(
    change: ConfigChange, *, now: int, hide_author: bool = False, tags: Sequence[str] = ()
) -> DatadogEvent:
    """now: epoch seconds. tags: of the configuration. Never raises, whatever the change holds."""
    entry = AuditEntry(
        id=change.id,
        name=change.name,
        action=action_type_of(change.type, change.action),
        timestamp=now if change.timestamp is None else change.timestamp,
        change_log=change.description,
        author=change.author or change.author_email or change.author_id,
        author_id=change.author_id,
        author_email=change.author_email,
        tags=change.tags,
        target_apps=change.target_apps,
    )
    notice = notice_of(
        entry,
        project=change.project_id,
        now=now,
        hide_author=hide_author,
        tags=(SOURCE_TAG, *tags),
        environments=change.environments,
    )
    return event_of(notice, for_dogstatsd=True)


def action_type_of(kind: str, action: str) -> str:
    """As the audit log would call it: `DynamicConfig`, `created` → `dynamic_config_create`.

    The webhook has no action types. An action that is no word of the audit log's stands as it is.
    """
    words, said = ' '.join(_WORD.findall(kind)).lower(), ' '.join(_WORD.findall(action)).lower()
    return '_'.join(f'{words} {_VERB_OF.get(said, said)}'.split())
