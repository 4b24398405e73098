"""`tag_rules`: which Datadog tags an entity of Statsig gets, by its name, its Statsig tags, target apps or team.

tag_rules:
  - match: "gate:checkout_*"
    tags: ["service:checkout", "team:payments"]
  - match: "tag:payments"
    tags: ["team:payments"]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from statsig.datadog import tags as tag_text
from statsig.datadog.actions import ALL_KINDS

_ASPECTS = ('tag', 'target_app', 'team')
_TAKES = (
    f'a rule is {{match: "<what>:<pattern>", tags: ["key:value", …]}}, where <what> is one of {", ".join(ALL_KINDS)}, '
    f'{", ".join(_ASPECTS)}'
)
# Statsig writes `config_*` for gates, dynamic configs and segments alike, and its entry need not say which it was:
# a rule for any of the three then goes by the name alone.
_CONFIG_KINDS = frozenset({'gate', 'dynamic_config', 'segment', 'config'})


@dataclass(frozen=True, slots=True)
class TagRule:
    """One rule: `what` (a kind, `tag`, `target_app` or `team`), a shell pattern, and the tags it gives, normalised."""

    what: str
    pattern: str
    tags: tuple[str, ...]

    def matches(self, kind: str, name: str, tags: Sequence[str], target_apps: Sequence[str], team: str) -> bool:
        if self.what == 'tag':
            return any(fnmatchcase(item, self.pattern) for item in tags)
        if self.what == 'target_app':
            return any(fnmatchcase(item, self.pattern) for item in target_apps)
        if self.what == 'team':
            return bool(team) and fnmatchcase(team, self.pattern)
        same_kind = self.what == kind or (kind == 'config' and self.what in _CONFIG_KINDS)
        return same_kind and fnmatchcase(name, self.pattern)


@dataclass(frozen=True, slots=True)
class TagRules:
    """All rules of an instance, in the order they were written. Without rules it gives no tags."""

    rules: tuple[TagRule, ...] = ()

    def tags_for(
        self,
        kind: str,
        name: str,
        tags: Sequence[str] = (),
        target_apps: Sequence[str] = (),
        team: str = '',
    ) -> tuple[str, ...]:
        """The tags of every rule that matches, each once, in the order of the rules. Letter case counts."""
        found = (each for rule in self.rules if rule.matches(kind, name, tags, target_apps, team) for each in rule.tags)
        return tuple(dict.fromkeys(found))


def parse_tag_rules(raw: Any) -> TagRules:
    """Rules from the option's value: nothing, or a list of `{match, tags}`.

    Raises ValueError that names the rule, says what it got and what it takes.
    """
    if raw is None:
        return TagRules()
    if isinstance(raw, (str, Mapping)) or not isinstance(raw, Sequence):
        raise ValueError(f'`tag_rules` is {_shown(raw)}, expected a list of rules; {_TAKES}')
    return TagRules(tuple(_parse_rule(number, item) for number, item in enumerate(raw, start=1)))


def _parse_rule(number: int, raw: Any) -> TagRule:
    where = f'`tag_rules`, rule {number}'
    fields = _fields(raw)
    if fields is None:
        raise ValueError(f'{where} is {_shown(raw)}; {_TAKES}')
    unknown = sorted(str(key) for key in fields if key not in ('match', 'tags'))
    if unknown:
        raise ValueError(f'{where} has the key {_shown(unknown[0])}; {_TAKES}')
    match = fields.get('match')
    what, colon, pattern = match.partition(':') if isinstance(match, str) else ('', '', '')
    what, pattern = what.strip(), pattern.strip()
    if not colon or not pattern or what not in (*ALL_KINDS, *_ASPECTS):
        raise ValueError(f'{where}: `match` is {_shown(match)}; {_TAKES}')
    return TagRule(what, pattern, _parse_tags(where, fields.get('tags')))


def _fields(raw: Any) -> Mapping[Any, Any] | None:
    """A rule as a mapping, whether it comes from YAML or as a model that the Agent's configuration made of it."""
    if isinstance(raw, Mapping):
        return raw
    dump = getattr(raw, 'model_dump', None)
    dumped = dump() if callable(dump) else None
    return dumped if isinstance(dumped, Mapping) else None


def _parse_tags(where: str, raw: Any) -> tuple[str, ...]:
    if isinstance(raw, (str, Mapping)) or not isinstance(raw, Sequence) or not raw:
        raise ValueError(f'{where}: `tags` is {_shown(raw)}, expected a list such as ["service:checkout"]')
    found = []
    for item in raw:
        text = tag_text.normalise(item) if isinstance(item, str) else ''
        if not text:
            raise ValueError(f'{where}: `tags` holds {_shown(item)}, expected text such as "service:checkout"')
        found.append(text)
    return tuple(dict.fromkeys(found))


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f'{shown[:57]}...'
