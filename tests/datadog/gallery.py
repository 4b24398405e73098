"""docs/events.md, made of the golden entries: `make gallery`. A test keeps it current."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from statsig.datadog.action_words import GROUPS
from statsig.datadog.actions import classify
from statsig.datadog.change_event import change_event_of
from statsig.datadog.event import event_of
from statsig.datadog.log import log_of
from statsig.datadog.notice import Notice
from tests.datadog.entries import CASES, THEMES, Case
from tests.datadog.notices import notice_of_case

PAGE = Path(__file__).parents[2] / 'docs' / 'events.md'
STRANGE = 'The unknown and the hostile'
OF_EACH_GROUP = 8

GROUPS_IN_WORDS = {
    'rollouts': 'what code reads at runtime: gates, dynamic configs, layers, holdouts, segments, parameter stores',
    'experiments': 'experiments, from their set-up to the decision',
    'reviews': 'asking for, giving and refusing approval of a change',
    'housekeeping': 'names, owners, tags, descriptions: nobody gets anything else than before',
    'metrics': 'the metrics by which Statsig judges experiments',
    'data': 'where the data of metrics comes from',
    'dashboards': "Statsig's own dashboards and reports",
    'alerts': "Statsig's own alerts",
    'ai': 'prompts and models configured in Statsig',
    'access': 'people, teams, roles, keys, sign-on',
    'integrations': 'connections to other services',
    'billing': 'the contract with Statsig',
    'settings': 'of the project and the organisation',
    'other': 'what Statsig has added since this was written',
}

INTRODUCTION = """\
# What a change looks like in Datadog

Made by `make gallery` from the entries that the tests use; a test keeps this page equal to what the code sends.

**Statsig in a minute.** A *gate* is a switch in the code, on for those users whom its *rules* let pass: "50 % of the
users in Germany". A *dynamic config* gives values instead of on and off. An *experiment* gives each user one of several
*groups* and measures what comes of it; a *layer* is a set of parameters that several experiments share. A *holdout*
keeps some users out of everything new, and a *segment* is a named set of users. Whoever changes any of these leaves an
entry in the project's audit log, and each entry becomes

- an **event** in Datadog, always: title, what was before and what is now, a link, tags to find it by and to lay it over
  graphs;
- a **change event** for Change Tracking (`send_change_events: true`), for entries by which something has changed: the
  same with structured values before and after, on the pages of the services that `tag_rules` name;
- a **log** (`send_logs: true`): the whole entry under Datadog's standard attributes, for a SIEM.

The signs: ▲ is an alert type of `warning` (something was switched off, deleted, abandoned or rolled back), ✔ `success`
(launched or decided), ● `info`. Each entry belongs to a group, its tag `statsig_group`, that `audit_log_include` and
`audit_log_exclude` take:

"""

SIGNS = {'warning': '▲', 'success': '✔', 'info': '●'}


def page() -> str:
    table = ''.join(f'| [`{group}`](#{group}) | {GROUPS_IN_WORDS[group]} |\n' for group in GROUPS)
    return f'{INTRODUCTION}| group | what it is about |\n|---|---|\n{table}{"".join(_sections())}'


def chosen() -> dict[str, list[Case]]:
    """The first entries of each group that differ in what was done."""
    strange = {case for case, _, _ in THEMES[STRANGE]}
    found: dict[str, dict[str, Case]] = {group: {} for group in GROUPS}
    for case in CASES:
        action = classify(case[1]['actionType'])
        if case[0] not in strange or action.group == 'other':
            found[action.group].setdefault(case[1]['actionType'], case)
    return {group: list(cases.values())[:OF_EACH_GROUP] for group, cases in found.items()}


def _sections() -> Iterator[str]:
    for group, cases in chosen().items():
        yield f'\n## {group}\n\n{GROUPS_IN_WORDS[group][0].upper()}{GROUPS_IN_WORDS[group][1:]}.\n'
        for case, raw, options in cases:
            yield _entry(case, notice_of_case(raw, options))


def _entry(case: str, notice: Notice) -> str:
    event, body = event_of(notice), change_event_of(notice)
    text = re.sub(r'^%%% \n|\n %%%$', '', event.text)
    quoted = '\n'.join(f'> {line}'.rstrip() for line in text.split('\n'))
    tags = ' '.join(f'`{tag}`' for tag in event.tags)
    if body is None:
        other = '\nNothing has changed by it, so it is no change event.\n'
    else:
        other = _folded('As a change event', body)
    return (
        f'\n### {case[0].upper()}{case[1:]}\n\n{SIGNS[event.alert_type]} **{event.title}**\n\n{quoted}\n\n'
        f'Tags: {tags}\n{other}{_folded("As a log", log_of(notice))}'
    )


def _folded(summary: str, value: Any) -> str:
    shown = json.dumps(value, indent=2, ensure_ascii=False)
    return f'\n<details><summary>{summary}</summary>\n\n```json\n{shown}\n```\n\n</details>\n'


if __name__ == '__main__':
    PAGE.write_text(page(), encoding='utf-8')
    print(f'{PAGE.name}: {sum(map(len, chosen().values()))} entries of {len(GROUPS)} groups')
