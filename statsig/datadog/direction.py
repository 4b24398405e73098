"""What an action type leaves open and the entry itself can tell: which way a switch went, and what a `config` is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice

from statsig.datadog.differences import folded
from statsig.datadog.fields import differing_fields
from statsig.datadog.values import JSON, parsed, parsed_value, truth

# Where Statsig says by a word what has become of a thing.
_STATUS = {
    'disabled': 'disabled',
    'enabled': 'enabled',
    'archived': 'archived',
    'launched': 'launched',
    'abandoned': 'abandoned',
    'active': 'started',
    'decision_made': 'decided',
    'experiment_stopped': 'stopped',
    'assignment_stopped': 'stopped',
}
_SWITCHES = ('isenabled', 'enabled')
_OFF = r'disabled?|turned off|switched off|deactivated?|stopped|paused'
_ON = r'enabled?|turned on|switched on|activated?'
_TEXT = re.compile(rf'\b(?:({_OFF})|({_ON}))\b', re.IGNORECASE)
_KINDS = (
    ('dynamic config', 'dynamic_config'),
    ('dynamicconfig', 'dynamic_config'),
    ('feature gate', 'gate'),
    ('gate', 'gate'),
    ('segment', 'segment'),
    ('experiment', 'experiment'),
    ('layer', 'layer'),
    ('holdout', 'holdout'),
)
_KIND_WORD = re.compile('|'.join(rf'\b{word}s?\b' for word, _ in _KINDS), re.IGNORECASE)
_QUOTED = re.compile(r'"[^"\n]{0,300}"|\'[^\'\n]{0,300}\'|`[^`\n]{0,300}`')
_LOOKED_AT = 500


def direction_of(changes: Mapping[str, JSON] | None, change_log: str, toggled: bool, part: str) -> str:
    """'disabled', 'enabled', 'archived', …; '' where nothing tells.

    A thing's own switch or status counts for every action on the thing as such (`part` is ''). Where the action type
    itself says that something was toggled, so does any field that went from one truth value to the other, and the text.
    """
    status = switched = ''
    for field, before, after in differing_fields(changes):
        key = folded(field)
        before, after = truth(before), truth(after)
        if not part and key in _SWITCHES and isinstance(after, bool) and isinstance(before, bool):
            switched = 'enabled' if after else 'disabled'
        if not part and key in ('status', 'state') and isinstance(after, str) and before is not None:
            status = status or _STATUS.get(after[:40].lower().replace(' ', '_'), '')
        if not part and key in ('isarchived', 'archived') and isinstance(after, bool) and isinstance(before, bool):
            status = status or ('archived' if after else 'unarchived')
        if toggled and isinstance(after, bool) and not switched:
            switched = 'enabled' if after else 'disabled'
    # What is archived is switched off as well, and that is the lesser half of it.
    found = status if status == 'archived' else switched or status
    return found or (_direction_in(change_log) if toggled else '')


def kind_of_config(changes: Mapping[str, JSON] | None, change_log: str) -> str:
    """What Statsig calls `config` in `config_*`: gate, dynamic_config, segment, …; 'config' where nothing tells.

    Its text says it mostly ("Updated Gate"). Otherwise what the rules return does: objects are a dynamic config's, and
    true or false a gate's.
    """
    in_text = _KIND_WORD.search(_QUOTED.sub(' ', change_log[:_LOOKED_AT]))
    if in_text:
        word = in_text[0].lower()
        return next(kind for each, kind in _KINDS if word.startswith(each))
    for field, before, after in differing_fields(changes):
        for side in (after, before):
            kind = _kind_by_values(folded(field), side)
            if kind:
                return kind
    return 'config'


def _direction_in(text: str) -> str:
    found = _TEXT.search(_QUOTED.sub(' ', text[:_LOOKED_AT]))
    return '' if found is None else 'disabled' if found[1] else 'enabled'


def _kind_by_values(key: str, value: JSON) -> str:
    if key == 'isenabled':
        return 'gate'
    if key == 'rules' and isinstance(value, list):
        for rule in islice(value, 20):
            if isinstance(rule, dict):
                returned = parsed_value(rule.get('returnValue', rule.get('returnValueJSON')))
                if isinstance(returned, dict) and returned:
                    return 'dynamic_config'
                if isinstance(returned, bool):
                    return 'gate'
    if key.startswith(('defaultvalue', 'returnvalue')):
        return 'dynamic_config' if isinstance(parsed(value), dict) else ''
    return ''
