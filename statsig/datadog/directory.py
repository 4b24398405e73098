"""What the inventory knows of a name in the audit log: an entry itself tells neither team nor, at times, kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from statsig.console.inventory import Kind, Listing

# In Statsig's words a `config` is any of these; `config_add_tag` does not say which.
_CONFIGS = ('gate', 'dynamic_config', 'segment')


@dataclass(frozen=True, slots=True)
class Directory:
    """Team by kind (singular), for each name and id that is listed; and the id of each name that is another."""

    teams: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    ids: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, listings: Mapping[Kind, Listing]) -> Directory:
        teams: dict[str, dict[str, str]] = {}
        ids: dict[str, dict[str, str]] = {}
        for kind, listing in listings.items():
            for record in listing.records:
                for name in (record.name, record.id):
                    teams.setdefault(name, {})[kind.removesuffix('s')] = record.team
                if record.name != record.id:
                    ids.setdefault(record.name, {})[kind.removesuffix('s')] = record.id
        return cls(teams, ids)

    def kind_of_config(self, name: str) -> str:
        """`gate`, `dynamic_config` or `segment`; '' where none or more than one of that name is listed."""
        kinds = [kind for kind in self.teams.get(name, {}) if kind in _CONFIGS]
        return kinds[0] if len(kinds) == 1 else ''

    def team_of(self, kind: str, name: str) -> str:
        """The team's name, or ''."""
        return self.teams.get(name, {}).get(kind, '')

    def id_of(self, kind: str, name: str) -> str:
        """The id of what the audit log calls by its name, where that is another; else ''."""
        return self.ids.get(name, {}).get(kind, '')
