"""Config changes in a body: somebody changed a gate, an experiment, a config in the console.

Statsig documents little of them: what is missing is empty here, and so is what has another type than expected.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from itertools import islice
from typing import Any

from statsig.webhook.counting import CONFIG_CHANGE
from statsig.webhook.decoding import events_named

_LONGEST_TEXT = 800  # characters of a name
_LONGEST_DESCRIPTION = 100_000
_MOST_LISTED = 50
_LARGEST_TIME = 10**12  # epoch seconds


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """What a `statsig::config_change` says; there are no values before and after.

    id: the same whenever it is delivered. type: `Gate`, `DynamicConfig`, …; action: `created`, `updated`, …, as Statsig
    writes them. environments: those of the thing, as they are written. timestamp: epoch seconds, None where unknown.
    """

    id: str
    type: str
    action: str
    name: str
    description: str
    project_id: str
    environments: tuple[str, ...]
    author: str
    author_email: str
    author_id: str
    tags: tuple[str, ...]
    target_apps: tuple[str, ...]
    timestamp: int | None

    def concerns(self, environments: Set[str]) -> bool:
        """Whether it may concern one of these (in lower case; empty means all). One that names none concerns all."""
        mine = {name.lower() for name in self.environments}
        return not environments or not mine or not mine.isdisjoint(environments)


def config_changes(body: bytes, most: int) -> list[ConfigChange]:
    """The first `most` of them, of a body that `decode` takes."""
    return list(islice(_config_changes(body), most))


def _config_changes(body: bytes) -> Iterator[ConfigChange]:
    for event in events_named(body, CONFIG_CHANGE):
        user, metadata = _object(event.get('user')), _object(event.get('metadata'))
        yield ConfigChange(
            id=_text(event.get('timeUUID')) or _digest(event),
            type=_text(metadata.get('type')),
            action=_text(metadata.get('action')),
            name=_text(metadata.get('name')),
            description=_text(metadata.get('description'), _LONGEST_DESCRIPTION),
            project_id=_text(metadata.get('projectID')),
            environments=_names(metadata.get('environments')) or _names(metadata.get('environment')),
            author=_text(user.get('name')),
            author_email=_text(user.get('email')),
            author_id=_text(user.get('userID')) or _text(event.get('userID')),
            tags=_names(metadata.get('tags')),
            target_apps=_names(metadata.get('targetApps')),
            timestamp=_seconds(event.get('timestamp')),
        )


def _digest(event: dict[str, Any]) -> str:
    """Of who, what and when: without a `timeUUID` that is what makes it the same change."""
    content = json.dumps([event.get(key) for key in ('timestamp', 'user', 'userID', 'metadata')], sort_keys=True)
    return f'webhook-{hashlib.sha256(content.encode()).hexdigest()[:32]}'


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object, longest: int = _LONGEST_TEXT) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value[:longest].strip() if isinstance(value, str) else ''


def _names(value: object) -> tuple[str, ...]:
    """Of a list, or of one text with commas."""
    items = value[: _LONGEST_TEXT * _MOST_LISTED].split(',') if isinstance(value, str) else value
    if not isinstance(items, list):
        return ()
    return tuple(filter(None, (_text(item) for item in items[:_MOST_LISTED])))


def _seconds(value: object) -> int | None:
    """Of milliseconds, a number or text."""
    if isinstance(value, str) and not re.fullmatch(r'\s*\d{1,20}(\.\d*)?\s*', value):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    seconds = float(value) / 1000 if isinstance(value, str) or abs(value) < 1000 * _LARGEST_TIME else -1.0
    return int(seconds) if 0 < seconds < _LARGEST_TIME else None
