"""Carries out what the journal holds: one action at a time to a gate, a few gates at once, from threads of its own.

An action is a loop of short attempts. Each begins by reading the gate, and everything it finds out and is about to do
is in the journal first. So it does not matter where a process dies: the next one reads the gate and goes on.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from statsig.relay.triggers.action import Action
from statsig.relay.triggers.actions import Actions
from statsig.relay.triggers.decision import MOST_CHANGES, NOTHING_SENT, Gate, Step, next_step
from statsig.relay.triggers.kill_switch import KillSwitch, SwitchError
from statsig.relay.triggers.rules import Kind

THREADS = 4
_REHEARSAL = '*'  # is no name of a gate
_READ_BACK = (0.0, 0.3, 1.0)  # seconds before each look at whether a change is there
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # seconds between two attempts
_log = logging.getLogger(__name__)


class Executor:
    """`run_due` is to be called again and again; it returns at once."""

    def __init__(
        self,
        actions: Actions,
        new_switch: Callable[[], KillSwitch],
        clock: Callable[[], float],
        stopping: threading.Event,
        ended: Callable[[], None] = lambda: None,
        complain: Callable[[str, Exception], None] = lambda what, error: _log.error('%s: %r', what, error),
    ) -> None:
        self._actions = actions
        self._new_switch = new_switch
        self._clock = clock
        self._stopping = stopping
        self._ended = ended
        self._complain = complain
        self._local = threading.local()
        self._queue: SimpleQueue[Action | None] = SimpleQueue()
        self._threads = [threading.Thread(target=self._work, name='trigger', daemon=True) for _ in range(THREADS)]
        self._lock = threading.Lock()
        self._busy: dict[int, str] = {}  # action → gate, or _REHEARSAL

    def run_due(self) -> None:
        with self._lock:
            busy = dict(self._busy)
        for action in self._actions.due(busy):
            if len(busy) >= THREADS or self._stopping.is_set():
                return
            # One thing at a time to a gate; and rehearsals, which may be slow, are in nobody's way.
            held = _REHEARSAL if action.rehearsal else action.gate
            if held not in busy.values():
                busy[action.id] = held
                with self._lock:
                    self._busy[action.id] = held
                self._queue.put(action)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, grace: float) -> None:
        """Waits for attempts under way. What is not finished by then is finished after the next start."""
        for _ in self._threads:
            self._queue.put(None)
        end = time.monotonic() + grace
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    @property
    def is_whole(self) -> bool:
        """Whether all threads run."""
        return all(thread.is_alive() for thread in self._threads)

    @property
    def is_idle(self) -> bool:
        """Whether no thread may still send something."""
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while (action := self._queue.get()) is not None:
            self._run(action)

    def _run(self, action: Action) -> None:
        try:
            self.attempt(action)
        except Exception as error:
            self._complain('An action cannot be carried out', error)
            self._stopping.wait(_FIRST_PAUSE)
        finally:
            with self._lock:
                del self._busy[action.id]
            self._ended()

    def attempt(self, action: Action) -> None:
        """One attempt, or all that a rehearsal is. Raises sqlite3.Error when the journal cannot be written."""
        actions, now = self._actions, self._clock()
        action = actions.action(action.id)
        if action.state != 'waiting':
            return
        if actions.rule_of(action) is None and not action.changes:
            actions.end(action, 'cancelled', 'the rule is gone, is in dry run, or says something else by now')
            return
        if now > action.give_up_at and not action.changes:
            actions.end(action, 'gave_up', f'not done within give_up_after, in {action.attempts} attempts')
            return
        try:
            gate = self._switch().read(action.gate)
        except SwitchError as error:
            self._not_read(action, error, now)
            return
        actions.found(action, gate.state)
        # While a PUT to turn it on may arrive, a change is not for certain somebody else's.
        is_unsure = self._may_be_turned_on(action)
        sent = NOTHING_SENT if is_unsure else action.sent
        step, why = next_step(action.kind, gate, actions.mark_when_turned_off(action), sent)
        if step is Step.SETTLED:
            self._settled(action, gate, is_unsure)
        elif step is Step.LEAVE:
            actions.end(action, 'refused' if not action.rehearsal else 'would_refuse', why, gate, nothing_left=True)
        elif action.rehearsal:
            why = f'the gate is {gate.state} and would be turned {action.goal}'
            actions.end(action, f'would_{action.kind}', why, gate)
        elif action.called_off or (action.changes and actions.rule_of(action) is None):
            self._called_off(action, gate)
        elif now > action.give_up_at:
            why = f'not done within give_up_after; PUTs without effect: {action.changes}'
            actions.end(action, 'gave_up', why, gate)
        elif left := actions.put_left(action):
            self._again(action, SwitchError(f'the next PUT is due in {left:.0f} s'), at_most=left)
        elif action.kind is Kind.ENABLE and not actions.may_be_quiet(action):
            self._again(action, SwitchError('a monitor about this gate could not be looked at lately'))
        else:
            self._change(action, gate)

    def _called_off(self, action: Action, gate: Gate) -> None:
        if self._actions.is_open(action):
            self._again(action, SwitchError('a PUT that was not answered may still have an effect'))
        else:
            reason = action.called_off or 'the rule has changed'
            self._actions.end(action, 'cancelled', f'{reason}; PUTs without effect: {action.changes}', gate)

    def _not_read(self, action: Action, error: SwitchError, now: float) -> None:
        if not (error.final or action.rehearsal or now > action.give_up_at):
            self._again(action, error)
        elif action.rehearsal:
            self._actions.end(action, 'failed', str(error))
        elif action.changes:
            sent = 'Statsig accepted a PUT' if action.answered else 'a PUT was sent'
            self._actions.end(action, 'unknown', f'{sent}, and whether it had an effect cannot be read: {error}')
        else:
            self._actions.end(action, 'refused_by_statsig' if error.final else 'gave_up', str(error))

    def _again(
        self,
        action: Action,
        error: SwitchError,
        *,
        put_failed: bool = False,
        put_refused: bool = False,
        at_most: float = _LONGEST_PAUSE,
    ) -> None:
        # What became of a PUT is looked at soon, however long the attempts before it took.
        doubled = 0 if put_failed else min(action.attempts, 10)
        pause = min(_FIRST_PAUSE * 2**doubled, at_most)
        pause = max(pause * random.uniform(0.75, 1.0), error.pause)  # noqa: S311 (it only spreads requests)
        self._actions.retry(action, pause, str(error), put_failed=put_failed, put_refused=put_refused)

    def _may_be_turned_on(self, action: Action) -> bool:
        is_real = action.kind is Kind.DISABLE and not action.rehearsal
        return is_real and self._actions.may_still_be_turned_on(action.gate)

    def _settled(self, action: Action, gate: Gate, is_unsure: bool) -> None:
        """The gate is as it should be, at the beginning of an attempt."""
        if action.rehearsal:
            self._actions.end(action, 'would_do_nothing', f'the gate is {gate.state} already', gate)
        elif is_unsure:
            self._again(action, SwitchError('a PUT to turn the gate on was not answered and may still have an effect'))
        elif not action.changes:
            self._actions.end(action, f'already_{gate.state}', 'nothing to do', gate, nothing_left=True)
        else:
            self._actions.end_changed(action, gate, at_once=False)

    def _change(self, action: Action, gate: Gate) -> None:
        actions = self._actions
        if not actions.claim_change(action, gate):
            if (current := actions.action(action.id)).state == 'waiting':
                self._again(current, SwitchError('no PUT is to be sent any more'))
            return
        try:
            answered = self._switch().put(action.kind, action.gate)
        except SwitchError as error:
            if error.unsent:
                actions.not_sent(action, str(error))
                self._again(actions.action(action.id), error)
            elif error.final:
                # `found` has just seen it, and Statsig has said no.
                actions.end(action, 'refused_by_statsig', _with_review(str(error), gate), gate)
            else:
                self._again(actions.action(action.id), error, put_failed=True, put_refused=error.refused)
            return
        actions.answered(action, answered)
        self._verify(actions.action(action.id))

    def _verify(self, action: Action) -> None:
        """Whether Statsig, asked again, says so too."""
        gate, error = None, SwitchError('the gate does not show the change')
        for number, pause in enumerate(_READ_BACK):
            self._stopping.wait(pause)
            try:
                gate = self._switch().read(action.gate)
            except SwitchError as failed:
                error = failed
                continue
            self._actions.step(action, f'read back: the gate is {gate.state}')
            if next_step(action.kind, gate, gate.mark)[0] is Step.SETTLED:
                if self._may_be_turned_on(action):
                    self._settled(action, gate, is_unsure=True)
                else:
                    self._actions.end_changed(action, gate, at_once=number == 0)
                return
        if gate is not None and (gate.requires_review or action.changes >= MOST_CHANGES):
            why = f'Statsig accepted {action.changes} PUTs, and the gate is still {gate.state}'
            self._actions.end(action, 'failed', _with_review(why, gate), gate)
        else:
            self._again(action, error, put_failed=True)

    def _switch(self) -> KillSwitch:
        switch: KillSwitch | None = getattr(self._local, 'switch', None)
        if switch is None:
            switch = self._local.switch = self._new_switch()
        return switch


def _with_review(why: str, gate: Gate) -> str:
    return f'{why}; the gate requires a review' if gate.requires_review else why
