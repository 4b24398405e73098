"""What people are told: each action and each refusal as a Datadog event, every decision as a count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from statsig.datadog.event import DatadogEvent
from statsig.datadog.markdown import clean, cut
from statsig.datadog.metrics import Sample
from statsig.datadog.relay_metrics import TRIGGERS
from statsig.datadog.tags import tag
from statsig.datadog.text import escape_for_dogstatsd, inert
from statsig.relay.triggers.action import Action
from statsig.relay.triggers.decided import Decided
from statsig.relay.triggers.decision import Reason, Verdict
from statsig.relay.triggers.rules import Kind, Rule

REFUSAL_INTERVAL = 60.0  # seconds between two events about refusals of one rule for the same reason

_DONE = {'disable': 'turned off', 'enable': 'turned on'}
# outcome → (what the title says of the gate, alert type)
_OUTCOMES = {
    'disabled': ('turned off', 'warning'),
    'enabled': ('turned on again', 'success'),
    'already_off': ('was off already', 'info'),
    'already_on': ('was on already', 'info'),
    'cancelled': ('left as it is: called off', 'info'),
    'refused': ('NOT {}: refused', 'error'),
    'refused_by_statsig': ('NOT {}: Statsig refused', 'error'),
    'gave_up': ('NOT known to be {}: gave up', 'error'),
    'failed': ('NOT {}: failed', 'error'),
    'unknown': ('NOT known to be {}', 'error'),
    'would_disable': ('would be turned off (dry run)', 'info'),
    'would_enable': ('would be turned on again (dry run)', 'info'),
    'would_refuse': ('would be left as it is (dry run)', 'info'),
    'would_do_nothing': ('would be left as it is (dry run)', 'info'),
}
_OF_REHEARSALS = {outcome for outcome in _OUTCOMES if outcome.startswith('would_')}
# A real alert was refused for these: somebody may count on a gate being off that is not.
_MISSED = (Reason.SWITCHED_OFF, Reason.STALE, Reason.COOLDOWN)
_BY_HAND = (
    'What to do: look at the gate in the Statsig console. If it should be off, or on again after a recovery, switch it '
    'there by hand: this is not tried again.'
)


@dataclass(frozen=True, slots=True)
class Links:
    """project: the id in the address of the Statsig console, or ''. datadog: what `site_address` says."""

    project: str
    datadog: str

    def gate(self, gate: str) -> str:
        """'' where the project is not known: the trigger's key may not be allowed to ask for it."""
        if not self.project:
            return ''
        return f'https://console.statsig.com/{quote(self.project, safe="")}/gates/{quote(gate, safe="")}'

    def monitor(self, monitor_id: str) -> str:
        return f'{self.datadog}/monitors/{quote(monitor_id, safe="")}'


def site_address(site: str) -> str:
    """The site's URL for its parameter, as in https://docs.datadoghq.com/getting_started/site/: with `app.` where the
    parameter is a bare domain."""
    return f'https://{site}' if site.count('.') > 1 else f'https://app.{site}'


@dataclass(frozen=True, slots=True)
class Report:
    events: Sequence[DatadogEvent]
    samples: Sequence[Sample]


class Reporter:
    """Puts into words what has happened; remembers which refusals were told of in the last minute."""

    def __init__(self, links: Links, rules: Iterable[Rule]) -> None:
        self._links = links
        self._in_dry_run = {rule.name for rule in rules if rule.dry_run}
        self._refused: dict[tuple[str, Reason, bool], float] = {}

    def report(self, decided: Iterable[Decided], ended: Iterable[Action]) -> Report:
        counts: Counter[tuple[str, str, str]] = Counter()
        events = []
        for each in decided:
            if each.action_id is None:
                reason = each.decision.reason or 'recovered'
                counts[each.rule, each.gate, f'{each.decision.verdict}_{reason}'] += each.times
                is_rehearsal = each.is_test or each.rule in self._in_dry_run
                if each.decision.verdict is Verdict.REFUSED and self._is_news(each, is_rehearsal):
                    events.append(refusal_event(each, self._links, is_rehearsal))
        for action in ended:
            counts[action.rule, action.gate, action.outcome] += 1
            events.append(action_event(action, self._links))
        return Report(
            events,
            [
                Sample(TRIGGERS, number, (tag('rule', rule), tag('gate', gate), tag('outcome', outcome)))
                for (rule, gate, outcome), number in counts.items()
            ],
        )

    def _is_news(self, refused: Decided, is_rehearsal: bool) -> bool:
        key = (refused.rule, refused.decision.reason, is_rehearsal)
        if refused.at - self._refused.get(key, float('-inf')) < REFUSAL_INTERVAL:
            return False
        self._refused[key] = refused.at
        return True


def refusal_event(refused: Decided, links: Links, is_rehearsal: bool = False) -> DatadogEvent:
    """is_rehearsal: nothing would have been changed either way."""
    reason = refused.decision.reason
    breaker, missed = reason is Reason.BREAKER, reason in _MISSED and not is_rehearsal
    return _event(
        title=f'Gate {cut(refused.gate, 60)} left as it is: refused',
        lines=[
            f'The trigger **{_safe(refused.rule)}** did not touch the gate **{_safe(refused.gate)}**: '
            f'{_safe(refused.decision.why)}.',
            *(['Nothing more is turned off by any rule until the hour has passed.'] if breaker else []),
            *([_BY_HAND] if breaker or missed else []),
        ],
        links=_links(links, refused.gate, refused.monitor_id),
        at=refused.at,
        alert_type='error' if breaker else 'warning' if missed else 'info',
        tags=(refused.rule, refused.gate, f'refused_{reason}', refused.monitor_id),
        key=f'statsig-trigger-{refused.monitor_id}',
    )


def action_event(action: Action, links: Links) -> DatadogEvent:
    deed, alert_type = _deed(action)
    facts = [f'{before} → {after}' for before, after in [(action.gate_before, action.gate_after)] if before and after]
    lines = [
        f'Gate **{_safe(action.gate)}** {_safe(deed)} by the trigger **{_safe(action.rule)}**.',
        *([f'{_safe(action.why[:1].upper() + action.why[1:], 400)}.'] if action.why else []),
        f'- gate: {_safe(facts[0])}' if facts else '- the gate was not changed by this trigger, as far as is known',
        f'- alert: {_safe(action.title) or "without a title"}',
        f'- cycle: {_safe(action.cycle) or "no usable cycle key: only the cooldown protects from acting twice"}',
        f'- {action.changes} PUT{"" if action.changes == 1 else "s"}, {_took(action):.1f} s',
    ]
    return _event(
        title=f'Gate {cut(action.gate, 40)} {deed} by trigger {cut(action.rule, 40)}',
        lines=lines,
        links=_links(links, action.gate, action.monitor_id),
        at=action.ended_at or action.decided_at,
        alert_type=alert_type,
        tags=(action.rule, action.gate, action.outcome, action.monitor_id),
        key=f'statsig-trigger-{action.monitor_id}',
    )


def _deed(action: Action) -> tuple[str, str]:
    """What the title says of the gate, and the alert type."""
    if action.rehearsal and action.outcome not in _OF_REHEARSALS:
        return f'left as it is: rehearsal {action.outcome.replace("_", " ")} (dry run)', 'info'
    words, alert_type = _OUTCOMES.get(action.outcome, ('{}: ' + action.outcome, 'error'))
    return words.format(_DONE[action.kind]), alert_type


def _took(action: Action) -> float:
    """Seconds; not those in which it was to wait for quiet."""
    begun = action.decided_at if action.kind is Kind.DISABLE else action.begin_at
    return max(0.0, (action.ended_at or begun) - begun)


def _event(
    title: str, lines: list[str], links: list[str], at: float, alert_type: str, tags: tuple[str, ...], key: str
) -> DatadogEvent:
    rule, gate, outcome, monitor = tags
    return DatadogEvent(
        title=cut(inert(clean(title)), 100),
        text='%%% \n' + '\n'.join([*lines, '', ' · '.join(links)]) + '\n %%%',
        timestamp=int(at),
        alert_type=alert_type,
        tags=(
            *('statsig_action:trigger', 'statsig_kind:gate', tag('name', gate)),
            *(tag('rule', rule), tag('outcome', outcome), tag('monitor_id', monitor)),
        ),
        aggregation_key=cut(key, 100),
    )


def _links(links: Links, gate: str, monitor_id: str) -> list[str]:
    found = [f'[Monitor in Datadog]({links.monitor(monitor_id)})']
    return [*found, f'[Gate in Statsig]({links.gate(gate)})'] if links.gate(gate) else found


def _safe(text: str, longest: int = 160) -> str:
    return escape_for_dogstatsd(cut(clean(text), longest))
