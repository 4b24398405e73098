"""What an action type of the audit log means: what kind of thing, what was done to it, and to which group it belongs.

Statsig has some 400 action types and adds more. Their names follow no one grammar (`gate_create`, `create_dashboard`,
`update_gate_is_permanent`), but their words do: one names the kind, one the deed, and what is left the part concerned.
So the words are looked up, and only what they would mislead about is listed as an exception.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache

from statsig.console.records import AuditEntry
from statsig.datadog.action_exceptions import EXCEPTIONS
from statsig.datadog.action_words import (
    EXPERIMENT_PARTS_IN_FORCE,
    GROUP_OF_KIND,
    GROUP_OF_PART,
    GROUPS,
    IN_FORCE_ELSEWHERE,
    KINDS,
    NO_CHANGE_PARTS,
    NO_CHANGE_VERBS,
    PART_NAMES,
    ROLLOUT_PARTS_NOT_IN_FORCE,
    UPKEEP,
    VERBS,
)
from statsig.datadog.direction import direction_of, kind_of_config
from statsig.datadog.environments import PRODUCTION, environments_touched, is_only_upkeep
from statsig.datadog.markdown import clean

__all__ = ['ALL_KINDS', 'GROUPS', 'PRESETS', 'Action', 'classify', 'interpret', 'reaches_users', 'selected']

ALL_KINDS = (*dict.fromkeys(kind for _, kind in KINDS), 'billing', 'playlist', 'role', 'warehouse', 'other')
PRESETS = ('rollouts', 'production')

_EXCEPTIONS = {name.lower(): meaning for name, meaning in EXCEPTIONS.items()}
_KINDS = tuple((tuple(phrase.split()), kind) for phrase, kind in KINDS)
# Words that say nothing of their own: whose the thing is, or the code name of Statsig's warehouse product.
_FILLERS = frozenset({'echidna', 'company', 'project', 'custom', 'whn', 'as', 'to', 'in', 'of', 'the', 'bulk', 'batch'})
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Action:
    """What an action type means.

    `kind` is one of `ALL_KINDS`; `verb` a past participle said of the thing ('disabled'); `group` one of `GROUPS`;
    `part` what of the thing it concerns ('default value', 'review'), '' for the thing as such. `is_change`: something
    is configured differently than before. `in_force`: it can change what users get. `is_guess`: no word of the action
    type says what was done, so `verb` is the least that can be said and `part` holds the words.
    """

    kind: str
    verb: str
    group: str
    is_change: bool
    part: str = ''
    in_force: bool = False
    is_guess: bool = False


def classify(action_type: str) -> Action:
    """The meaning of an action type by itself. One that Statsig has yet to add is read by its words."""
    return _classify(clean(action_type[:_LONGEST]).lower())


@lru_cache(maxsize=2_000)
def _classify(action_type: str) -> Action:
    kind, verb, part = _EXCEPTIONS.get(action_type) or _read(re.split(r'[\W_]+', action_type))
    is_guess = not verb
    verb = verb or 'updated'
    is_change = verb not in NO_CHANGE_VERBS and part not in NO_CHANGE_PARTS
    group = _group(kind, verb, part)
    return Action(kind, verb, group, is_change, part, is_change and _in_force(kind, verb, part, group), is_guess)


def interpret(entry: AuditEntry) -> Action:
    """The meaning of an entry: of its action type, completed by what its changes and its text say.

    `config_state_toggle` becomes a gate that was disabled; `gate_update` too, where the update switched it off.
    """
    action = classify(entry.action)
    if action.kind == 'config':
        action = replace(action, kind=kind_of_config(entry.changes, entry.change_log))
    if action.verb in ('toggled', 'updated'):
        direction = direction_of(entry.changes, entry.change_log, action.verb == 'toggled', action.part)
        action = replace(action, verb=direction or action.verb)
    elif (action.part, action.verb) == ('review', 'committed'):
        # A review put in force is the change itself: what was reviewed may have been to switch the thing off.
        direction = direction_of(entry.changes, '', False, '')
        action = replace(action, verb=direction, part='') if direction else action
    return action


def selected(entry: AuditEntry, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> bool:
    """Whether an entry is to be delivered: included by any pattern (or none are given), and excluded by none.

    A pattern is a group, a preset, or a shell pattern on the action type, letter case aside. The presets:
    `rollouts` is what can change what users get: gates, configs, layers, holdouts, segments; experiments starting,
    stopping, shipping; SDK keys switched off or confined; AI config versions. `production` is what touches the
    production environment. An update of nothing but descriptions, owners, tags and the like is neither, and what is
    only up for review is neither. An entry that names no environment counts for `production` where its action is in
    force: better one too many than a switched-off gate too few.
    """
    if not include and not exclude:
        return True
    included = not include or any(_matches(entry, pattern) for pattern in include)
    return included and not any(_matches(entry, pattern) for pattern in exclude)


def reaches_users(action: Action) -> bool:
    """Whether it changes gates, configs, experiments and the like, which are in force in every environment unless
    confined to some."""
    return action.in_force and action.group in ('rollouts', 'experiments')


def _matches(entry: AuditEntry, pattern: str) -> bool:
    action = classify(entry.action)
    wanted = pattern.strip().lower()
    if wanted == 'rollouts':
        return action.in_force and not is_only_upkeep(entry.changes)
    if wanted == 'production':
        return _touches_production(entry, action)
    return wanted == action.group or fnmatchcase(entry.action.lower(), wanted)


def _touches_production(entry: AuditEntry, action: Action) -> bool:
    if action.group == 'reviews':
        return False
    touched = environments_touched(entry.changes, reaches_users(action))
    if touched:
        return PRODUCTION in (name.lower() for name in touched)
    return action.in_force and not is_only_upkeep(entry.changes)


def _read(words: list[str]) -> tuple[str, str, str]:
    """(kind, verb, part) from the words of an action type; '' for the verb where none of them is one."""
    kind, rest = 'other', words
    for phrase, candidate in _KINDS:
        at = _find(phrase, words)
        if at >= 0:
            kind, rest = candidate, words[:at] + words[at + len(phrase) :]
            break
    deeds = [index for index, word in enumerate(rest) if word in VERBS]
    verb = ''
    if deeds:
        at = 0 if deeds[0] == 0 else deeds[-1]
        verb, rest = VERBS[rest[at]], rest[:at] + rest[at + 1 :]
    if verb in ('', 'updated') and rest and rest[-1] == 'enabled':
        verb, rest = 'toggled', rest[:-1]
    part = ' '.join(word for word in rest if word and (word not in _FILLERS or kind == 'other'))
    return kind, verb, PART_NAMES.get(part, part)


def _find(phrase: tuple[str, ...], words: list[str]) -> int:
    size = len(phrase)
    return next((at for at in range(len(words) - size + 1) if tuple(words[at : at + size]) == phrase), -1)


def _group(kind: str, verb: str, part: str) -> str:
    group = GROUP_OF_KIND.get(kind, 'other')
    if group == 'settings':
        return next((found for word, found in GROUP_OF_PART if word in part), group)
    if group not in ('rollouts', 'experiments', 'metrics', 'data'):
        return group
    if 'review' in part:
        return group if verb == 'committed' else 'reviews'
    if group == 'rollouts' and (part in UPKEEP or verb in ('renamed', 'tagged')):
        return 'housekeeping'
    return group


def _in_force(kind: str, verb: str, part: str, group: str) -> bool:
    if verb in ('renamed', 'tagged') or (kind, verb) == ('release_pipeline', 'created'):
        return False
    if (kind, verb, part) in IN_FORCE_ELSEWHERE:
        return True
    if group == 'experiments':
        return (kind in ('experiment', 'autotune') and part in EXPERIMENT_PARTS_IN_FORCE and verb != 'created') or (
            verb == 'committed'
        )
    return group == 'rollouts' and kind in GROUP_OF_KIND and part not in ROLLOUT_PARTS_NOT_IN_FORCE
