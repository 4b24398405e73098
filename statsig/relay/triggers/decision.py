"""What follows from a notification, and from what is found at Statsig. Pure: everything known comes in as arguments."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from statsig.relay.triggers.notification import Notification
from statsig.relay.triggers.rules import Kind, Rule

HOUR = 3600.0


class Verdict(StrEnum):
    """recorded: nothing is to be done. refused: something would be, and is not. rehearse: all but the change.
    act: at once. wait: once the monitor has been quiet for long enough."""

    RECORDED = 'recorded'
    REFUSED = 'refused'
    REHEARSE = 'rehearse'
    ACT = 'act'
    WAIT = 'wait'


class Reason(StrEnum):
    """Of what is not done, for metrics and for filters."""

    TRANSITION = 'transition'
    SCOPE = 'scope'
    SWITCHED_OFF = 'switched_off'
    STALE = 'stale'
    CYCLE_OVER = 'cycle_over'
    CYCLE_USED = 'cycle_used'
    UNDER_WAY = 'under_way'
    COOLDOWN = 'cooldown'
    BREAKER = 'breaker'
    NOTHING_TO_UNDO = 'nothing_to_undo'
    STILL_ALERTING = 'still_alerting'
    REHEARSED = 'rehearsed'
    NONE = ''


@dataclass(frozen=True, slots=True)
class Limits:
    """max_age: seconds after which an alert is too old to act upon."""

    max_actions_per_hour: int = 5
    max_age: float = 900.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What the journal knows about a rule at the time of a notification.

    cycle_used: an action about the gate in this cycle changed something, or is about to. cycle_over: the alert has
    recovered. under_way: an action of the rule waits or runs; its kind. cooldown_left: seconds.
    actions_in_hour: changes of all rules. turned_off: the rule turned its gate off, and has not turned it on since.
    still_alerting: another alert about the gate is not over. rehearsed: moments ago.
    """

    now: float
    switched_off: bool = False
    cycle_used: bool = False
    cycle_over: bool = False
    under_way: Kind | None = None
    cooldown_left: float = 0.0
    actions_in_hour: int = 0
    turned_off: bool = False
    still_alerting: bool = False
    rehearsed: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """kind: what would be, or is, done. cancels: which waiting actions of the rule end by this, if any."""

    verdict: Verdict
    reason: Reason
    why: str
    kind: Kind | None = None
    cancels: Kind | None = None


def decide(notification: Notification, rule: Rule, facts: Facts, limits: Limits) -> Decision:
    """For a notification of the rule's monitor."""
    if not rule.in_scope(notification):
        missing = ', '.join(sorted(rule.scope - notification.about))
        return _recorded(Reason.SCOPE, f'what alerts does not have {missing}')
    if notification.is_alert:
        return _on_alert(notification, rule, facts, limits)
    if notification.is_recovery:
        return _on_recovery(notification, rule, facts, limits)
    if notification.is_open:
        why = 'it alerted before anybody looked: left alone, but nothing is turned on before it is over'
        return _recorded(Reason.TRANSITION, why, _no_longer_quiet(notification))
    said = f'the transition is {notification.transition[:40]}' if notification.transition else 'no transition is given'
    return _recorded(Reason.TRANSITION, f'{said}: only Triggered and Re-Triggered are acted upon')


def _on_alert(notification: Notification, rule: Rule, facts: Facts, limits: Limits) -> Decision:
    if facts.cycle_over:
        return _refused(Kind.DISABLE, Reason.CYCLE_OVER, 'this alert has recovered already')
    cancels = _no_longer_quiet(notification)
    blocked = _blocked_alert(notification, rule, facts, limits)
    if blocked:
        return _refused(Kind.DISABLE, *blocked, cancels)
    return _done(notification, rule, facts, Kind.DISABLE, cancels)


def _no_longer_quiet(notification: Notification) -> Kind | None:
    """Whatever becomes of an alert, and whatever else is under way, what was to be turned on again stays off."""
    return None if notification.is_test else Kind.ENABLE


def _blocked_alert(notification: Notification, rule: Rule, facts: Facts, limits: Limits) -> tuple[Reason, str] | None:
    age = facts.now - notification.happened if notification.happened is not None else 0.0
    if age > limits.max_age:
        return Reason.STALE, f'the alert is {age:.0f} s old, more than {limits.max_age:.0f} s'
    if facts.switched_off:
        return Reason.SWITCHED_OFF, 'triggers are switched off'
    if facts.under_way is Kind.DISABLE:
        return Reason.UNDER_WAY, 'an action of this rule is under way; should it be called off, this alert is next'
    if facts.cycle_used and notification.cycle:
        return Reason.CYCLE_USED, 'this gate was acted upon in this alert cycle'
    if facts.cooldown_left > 0:
        return Reason.COOLDOWN, f'this rule acts again in {facts.cooldown_left:.0f} s at the earliest'
    return _breaker(facts, limits)


def _on_recovery(notification: Notification, rule: Rule, facts: Facts, limits: Limits) -> Decision:
    real = not notification.is_test
    if facts.under_way is Kind.DISABLE:
        cancels = Kind.DISABLE if real else None
        return _recorded(Reason.NONE, 'recovered: what was under way is called off, unless it is done', cancels)
    if not rule.on_recovery:
        return _recorded(Reason.TRANSITION, 'recovered: this rule does nothing on a recovery')
    if facts.under_way is Kind.ENABLE:
        return _recorded(Reason.UNDER_WAY, 'recovered: the gate is already waiting to be turned on')
    if not facts.turned_off:
        return _recorded(Reason.NOTHING_TO_UNDO, 'recovered: this rule has turned nothing off')
    if facts.still_alerting:
        return _recorded(Reason.STILL_ALERTING, 'recovered, but another alert about this gate is not over')
    if facts.switched_off:
        return _refused(Kind.ENABLE, Reason.SWITCHED_OFF, 'triggers are switched off')
    if blocked := _breaker(facts, limits):
        return _refused(Kind.ENABLE, *blocked)
    return _done(notification, rule, facts, Kind.ENABLE, None)


def _breaker(facts: Facts, limits: Limits) -> tuple[Reason, str] | None:
    if facts.actions_in_hour < limits.max_actions_per_hour:
        return None
    return (
        Reason.BREAKER,
        f'{facts.actions_in_hour} actions in an hour, and max_actions_per_hour is {limits.max_actions_per_hour}: '
        'nothing is touched',
    )


def _done(notification: Notification, rule: Rule, facts: Facts, kind: Kind, cancels: Kind | None) -> Decision:
    if notification.is_test or rule.dry_run:
        why = 'a test of the monitor' if notification.is_test else 'the rule is in dry run'
        if facts.rehearsed:
            return Decision(Verdict.RECORDED, Reason.REHEARSED, f'{why}, rehearsed moments ago', kind, cancels)
        return Decision(Verdict.REHEARSE, Reason.NONE, f'{why}: all but the change', kind, cancels)
    if kind is Kind.ENABLE:
        return Decision(Verdict.WAIT, Reason.NONE, on_again(rule, facts.cooldown_left), kind)
    why = notification.transition
    if not notification.cycle:
        why += '; no usable cycle key: only the cooldown protects from acting twice'
    return Decision(Verdict.ACT, Reason.NONE, why, kind, cancels)


def on_again(rule: Rule, cooldown_left: float) -> str:
    # Before the cooldown is over the rule could not turn it off once more.
    return f'recovered: on again once it has been quiet for {max(rule.stable_for, cooldown_left):.0f} s'


def _recorded(reason: Reason, why: str, cancels: Kind | None = None) -> Decision:
    return Decision(Verdict.RECORDED, reason, why, cancels=cancels)


def _refused(kind: Kind, reason: Reason, why: str, cancels: Kind | None = None) -> Decision:
    return Decision(Verdict.REFUSED, reason, why, kind, cancels)


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate as Statsig answers it. mark: changes whenever somebody changes the gate; '' where Statsig does not say."""

    enabled: bool
    status: str = ''
    requires_review: bool = False
    mark: str = ''

    @property
    def state(self) -> str:
        return 'on' if self.enabled else 'off'


@dataclass(frozen=True, slots=True)
class Sent:
    """The last PUT of an action. mark_before: of the gate as it was read before. mark_answered: of the gate as Statsig
    answered it, changed as was asked for; '' where it did not."""

    mark_before: str = ''
    mark_answered: str = ''


NOTHING_SENT = Sent()


def is_ours(sent: Sent, gate: Gate, *, at_once: bool) -> bool:
    """Whether a gate that is as it should be is so because of this PUT, and nobody was there in between.

    at_once: it was read right after Statsig had answered the PUT. That counts where the answer shows the change, but
    still has the mark of before.
    """
    if not (gate.mark and sent.mark_answered):
        return False
    if sent.mark_answered == sent.mark_before:
        return at_once and gate.mark != sent.mark_before
    return gate.mark == sent.mark_answered


# Shares of `give_up_after` from a PUT that had no effect to the next: soon, in case it was a hiccup, and much later.
PUT_PAUSES = (1 / 90, 1 / 3)
MOST_CHANGES = len(PUT_PAUSES) + 1  # PUTs of one action


def pause_after_put(changes: int, give_up_after: float) -> float:
    """Seconds until the next PUT, after so many that had no effect."""
    return give_up_after * PUT_PAUSES[min(changes, len(PUT_PAUSES)) - 1]


class Step(StrEnum):
    """What to do about a gate that was just read. settled: it is as it should be. leave: it must not be touched."""

    SETTLED = 'settled'
    CHANGE = 'change'
    LEAVE = 'leave'


def next_step(kind: Kind, gate: Gate, mark_when_turned_off: str, sent: Sent = NOTHING_SENT) -> tuple[Step, str]:
    """mark_when_turned_off: of the gate when the rule had turned it off; matters for turning it on again."""
    if gate.enabled is (kind is Kind.ENABLE):
        return Step.SETTLED, gate.state
    if gate.status == 'Archived':
        return Step.LEAVE, 'the gate is archived'
    if gate.mark and sent.mark_answered and gate.mark not in (sent.mark_answered, sent.mark_before):
        return Step.LEAVE, 'somebody has changed the gate since Statsig accepted this change'
    if kind is Kind.ENABLE and not (gate.mark and gate.mark == mark_when_turned_off):
        return Step.LEAVE, 'the gate was changed since this rule turned it off, or Statsig does not say when it was'
    return Step.CHANGE, gate.state
