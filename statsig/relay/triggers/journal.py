"""The journal: what came in, what was decided and why, what was done. It is the memory as well: cycles, cooldowns,
the breaker and actions that are not finished are read from it, so they survive a restart and hold for all processes.

SQLite arbitrates: every decision is made, and every change of a gate is claimed, in a transaction that no other
process can interleave with. Each is on disk before anything follows from it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from statsig.relay.triggers.decision import HOUR, Decision, Facts, Limits, Reason, Verdict, decide
from statsig.relay.triggers.notification import Notification
from statsig.relay.triggers.rules import Kind, Rule

FILE = 'triggers.sqlite3'
OFF_FILE = 'triggers.off'  # while it is there, nothing is changed
MOST_CHANGES = 3  # PUTs of one action
REHEARSAL_PAUSE = 10.0  # seconds between two rehearsals of a rule
KEPT = 90 * 24 * HOUR  # seconds
MOST_REQUESTS = 200_000
_REFUSAL_INTERVAL = 60.0  # seconds between two lines about requests that were turned away

_SCHEMA = """
CREATE TABLE requests (
  id INTEGER PRIMARY KEY, at REAL NOT NULL, source TEXT NOT NULL, address TEXT NOT NULL, outcome TEXT NOT NULL,
  times INTEGER NOT NULL DEFAULT 1, monitor_id TEXT NOT NULL DEFAULT '', transition TEXT NOT NULL DEFAULT '',
  cycle TEXT NOT NULL DEFAULT '', scope TEXT NOT NULL DEFAULT '', title TEXT NOT NULL DEFAULT '',
  link TEXT NOT NULL DEFAULT '', is_test INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX requests_by_outcome ON requests (outcome, at);
CREATE TABLE decisions (
  id INTEGER PRIMARY KEY, request_id INTEGER NOT NULL, at REAL NOT NULL, rule TEXT NOT NULL, gate TEXT NOT NULL,
  verdict TEXT NOT NULL, reason TEXT NOT NULL, why TEXT NOT NULL, action_id INTEGER, told INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX decisions_by_request ON decisions (request_id);
CREATE INDEX decisions_untold ON decisions (id) WHERE told = 0;
CREATE TABLE actions (
  id INTEGER PRIMARY KEY, request_id INTEGER NOT NULL, rule TEXT NOT NULL, gate TEXT NOT NULL, kind TEXT NOT NULL,
  rehearsal INTEGER NOT NULL, by TEXT NOT NULL, monitor_id TEXT NOT NULL, cycle TEXT NOT NULL, scope TEXT NOT NULL,
  decided_at REAL NOT NULL, due_at REAL NOT NULL, give_up_at REAL NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting', called_off TEXT NOT NULL DEFAULT '',
  changes INTEGER NOT NULL DEFAULT 0, first_change_at REAL, answered INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0, gate_before TEXT NOT NULL DEFAULT '', gate_after TEXT NOT NULL DEFAULT '',
  mark TEXT NOT NULL DEFAULT '', owned INTEGER NOT NULL DEFAULT 0, undone INTEGER NOT NULL DEFAULT 0,
  outcome TEXT NOT NULL DEFAULT '', why TEXT NOT NULL DEFAULT '', ended_at REAL, told INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX actions_by_rule ON actions (rule, kind, state);
CREATE INDEX actions_waiting ON actions (due_at) WHERE state = 'waiting';
CREATE INDEX actions_untold ON actions (id) WHERE told = 0 AND state = 'ended';
CREATE INDEX actions_changed ON actions (first_change_at) WHERE first_change_at IS NOT NULL;
CREATE TABLE steps (
  id INTEGER PRIMARY KEY, action_id INTEGER NOT NULL, at REAL NOT NULL, what TEXT NOT NULL
);
CREATE INDEX steps_by_action ON steps (action_id);
CREATE TABLE alerts (
  rule TEXT NOT NULL, monitor_id TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, at REAL NOT NULL,
  PRIMARY KEY (rule, monitor_id, key)
);
CREATE TABLE watched (
  monitor_id TEXT NOT NULL, scope TEXT NOT NULL, status TEXT NOT NULL, cycle TEXT NOT NULL,
  PRIMARY KEY (monitor_id, scope)
);
PRAGMA user_version = 1;
"""
_VERSION = 1


class JournalError(Exception):
    """The journal cannot be used; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something to be done at Statsig. Times in epoch seconds; `changes` is how many PUTs were sent so far.

    answered: Statsig has answered one of them with success. called_off: why the action should end, or ''.
    """

    id: int
    rule: str
    gate: str
    kind: Kind
    rehearsal: bool
    monitor_id: str
    cycle: str
    scope: str
    decided_at: float
    due_at: float
    give_up_at: float
    state: str
    called_off: str
    changes: int
    first_change_at: float | None
    answered: bool
    attempts: int
    gate_before: str
    gate_after: str
    outcome: str
    why: str
    ended_at: float | None
    link: str
    title: str


@dataclass(frozen=True, slots=True)
class Decided:
    """A line of the journal: what became of a request by one rule."""

    id: int
    rule: str
    gate: str
    decision: Decision
    action_id: int | None
    link: str
    at: float
    monitor_id: str


_ACTION = """
SELECT a.id, a.rule, a.gate, a.kind, a.rehearsal, a.monitor_id, a.cycle, a.scope, a.decided_at, a.due_at, a.give_up_at,
  a.state, a.called_off, a.changes, a.first_change_at, a.answered, a.attempts, a.gate_before, a.gate_after, a.outcome,
  a.why, a.ended_at, coalesce(r.link, ''), coalesce(r.title, '')
FROM actions a LEFT JOIN requests r ON r.id = a.request_id
"""


class Journal:
    """Safe to use from several threads and processes at once.

    Raises JournalError when it cannot be opened; its methods raise sqlite3.Error when the disk fails.
    """

    def __init__(
        self, directory: Path, rules: Sequence[Rule], limits: Limits, clock: Callable[[], float], give_up_after: float
    ) -> None:
        self._rules = {rule.name: rule for rule in rules}
        self._limits = limits
        self._clock = clock
        self._give_up_after = give_up_after
        self._off = directory / OFF_FILE
        self._lock = threading.RLock()
        self._connection = _opened(directory)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @property
    def switched_off(self) -> bool:
        return self._off.exists()

    # Receiving

    def receive(self, notifications: Sequence[tuple[Notification, str, str]], by: str = 'relay') -> list[list[Decided]]:
        """Writes down and decides each of (notification, source, address), all in one transaction.

        by: who is to carry out the rehearsals that follow.
        """
        with self._transaction():
            return [self._receive(notification, source, address, by) for notification, source, address in notifications]

    def turn_away(self, outcome: str, source: str, address: str, times: int = 1) -> None:
        """Requests that were not even read: one line a minute for each kind of trouble, with their number."""
        now = self._clock()
        with self._transaction():
            last = self._connection.execute(
                'SELECT id FROM requests WHERE outcome = ? AND at > ? ORDER BY at DESC LIMIT 1',
                (outcome, now - _REFUSAL_INTERVAL),
            ).fetchone()
            if last:
                self._connection.execute('UPDATE requests SET times = times + ? WHERE id = ?', (times, last[0]))
            else:
                self._connection.execute(
                    'INSERT INTO requests (at, source, address, outcome, times) VALUES (?, ?, ?, ?, ?)',
                    (now, source, address, outcome, times),
                )

    def _receive(self, notification: Notification, source: str, address: str, by: str) -> list[Decided]:
        now, execute = self._clock(), self._connection.execute
        concerned = [rule for rule in self._rules.values() if rule.concerns(notification)]
        request = execute(
            'INSERT INTO requests (at, source, address, outcome, monitor_id, transition, cycle, scope, title, link, '
            'is_test) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
            (
                *(now, source, address, 'decided' if concerned else 'no_rule'),
                *(notification.monitor_id, notification.transition, notification.cycle, notification.scope),
                *(notification.title, notification.link, notification.is_test),
            ),
        ).lastrowid
        return [self._decide(notification, rule, int(request or 0), now, by) for rule in concerned]

    def _decide(self, notification: Notification, rule: Rule, request: int, now: float, by: str) -> Decided:
        decision = decide(notification, rule, self._facts(notification, rule, now), self._limits)
        if rule.in_scope(notification) and not notification.is_test:
            self._note_alert(notification, rule, decision, now)
        if decision.cancels:
            self._call_off(rule, decision.cancels, notification, now)
        action = None
        if decision.verdict in (Verdict.ACT, Verdict.WAIT, Verdict.REHEARSE):
            action = self._plan(notification, rule, decision, request, now, by)
        row = self._connection.execute(
            'INSERT INTO decisions (request_id, at, rule, gate, verdict, reason, why, action_id) '
            'VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
            (request, now, rule.name, rule.gate, decision.verdict, decision.reason, decision.why, action),
        ).lastrowid
        return Decided(
            *(int(row or 0), rule.name, rule.gate, decision, action, notification.link, now, notification.monitor_id)
        )

    def _facts(self, notification: Notification, rule: Rule, now: float) -> Facts:
        key = notification.alert_key
        last_change = self._one(
            "SELECT max(first_change_at) FROM actions WHERE rule = ? AND kind = 'disable' AND rehearsal = 0", rule.name
        )
        alert = (rule.name, notification.monitor_id, key)
        return Facts(
            now=now,
            switched_off=self.switched_off,
            cycle_used=bool(
                self._one(
                    "SELECT 1 FROM actions WHERE rule = ? AND monitor_id = ? AND cycle = ? AND cycle != '' "
                    "AND kind = 'disable' AND rehearsal = 0 AND (changes > 0 OR state = 'waiting')",
                    *(rule.name, notification.monitor_id, notification.cycle),
                )
            ),
            cycle_over=bool(
                notification.cycle
                and self._one(
                    "SELECT 1 FROM alerts WHERE rule = ? AND monitor_id = ? AND key = ? AND state = 'over'", *alert
                )
            ),
            under_way=self._under_way(notification, rule),
            cooldown_left=max(0.0, last_change + rule.cooldown - now) if last_change is not None else 0.0,
            actions_in_hour=self._actions_in_hour(now),
            turned_off=self._turned_off(rule) is not None,
            still_alerting=self._alerting(rule, notification),
            rehearsed=bool(
                self._one(
                    'SELECT 1 FROM actions WHERE rule = ? AND rehearsal = 1 AND by = ? AND decided_at > ?',
                    *(rule.name, 'relay', now - REHEARSAL_PAUSE),
                )
            ),
        )

    def _under_way(self, notification: Notification, rule: Rule) -> Kind | None:
        """For an alert, any action of the rule; for a recovery, an action of another alert does not count."""
        waiting = self._connection.execute(
            "SELECT kind, cycle, scope FROM actions WHERE rule = ? AND state = 'waiting' AND rehearsal = 0",
            (rule.name,),
        ).fetchall()
        for kind, cycle, scope in sorted(waiting):
            is_same = cycle == notification.cycle if cycle and notification.cycle else scope == notification.scope
            if kind == Kind.ENABLE or notification.is_alert or is_same:
                return Kind(kind)
        return None

    def _alerting(self, rule: Rule, but: Notification | None = None) -> bool:
        """Whether an alert is not over, of any rule about the same gate; `but` one that is just ending."""
        alerting = self._connection.execute("SELECT rule, monitor_id, key FROM alerts WHERE state = 'alerting'")
        for name, monitor, key in alerting.fetchall():
            other = self._rules.get(name)
            is_ending = but is not None and (monitor, key) == (but.monitor_id, but.alert_key)
            if other is not None and other.gate == rule.gate and not is_ending:
                return True
        return False

    def _actions_in_hour(self, now: float, but: int = 0) -> int:
        """Those that changed something, and those decided that will: what waits for quiet is counted when it acts."""
        return int(
            self._one(
                'SELECT count(*) FROM actions WHERE rehearsal = 0 AND id != ? AND '
                "(first_change_at > ? OR (first_change_at IS NULL AND state = 'waiting' AND kind = 'disable'))",
                *(but, now - HOUR),
            )
        )

    def _turned_off(self, rule: Rule) -> tuple[int, str] | None:
        """(id, mark) of the action that turned the rule's gate off, where nothing has undone it."""
        found = self._connection.execute(
            "SELECT id, mark FROM actions WHERE rule = ? AND gate = ? AND kind = 'disable' AND owned = 1 "
            'AND undone = 0 ORDER BY id DESC LIMIT 1',
            (rule.name, rule.gate),
        ).fetchone()
        return (found[0], found[1]) if found else None

    def _note_alert(self, notification: Notification, rule: Rule, decision: Decision, now: float) -> None:
        """Which alerts of a rule are not over. What is over stays over: deliveries can overtake each other."""
        if not notification.is_alert and not notification.is_recovery:
            return
        if decision.reason in (Reason.STALE, Reason.CYCLE_OVER):
            return
        key = (rule.name, notification.monitor_id, notification.alert_key)
        self._connection.execute(
            'INSERT INTO alerts (rule, monitor_id, key, state, at) VALUES (?, ?, ?, ?, ?) '
            'ON CONFLICT DO UPDATE SET state = excluded.state, at = excluded.at',
            (*key, 'alerting' if notification.is_alert else 'over', now),
        )

    def _call_off(self, rule: Rule, kind: Kind, notification: Notification, now: float) -> None:
        """Ends what has changed nothing yet. What has sent a change is told, and finds out what became of it."""
        why = 'the alert recovered' if kind is Kind.DISABLE else 'the monitor alerts again'
        found = self._connection.execute(
            "SELECT id, changes, cycle, scope FROM actions WHERE rule = ? AND kind = ? AND state = 'waiting' "
            'AND rehearsal = 0',
            (rule.name, kind),
        ).fetchall()
        for action, changes, cycle, scope in found:
            is_same = cycle == notification.cycle if cycle and notification.cycle else scope == notification.scope
            if kind is Kind.DISABLE and not is_same:
                continue
            self._connection.execute('UPDATE actions SET called_off = ? WHERE id = ?', (why, action))
            if not changes:
                self._end(action, 'cancelled', why, now)
            else:
                self._step(action, f'called off: {why}', now)

    def _plan(
        self, notification: Notification, rule: Rule, decision: Decision, request: int, now: float, by: str
    ) -> int:
        kind = decision.kind or Kind.DISABLE
        rehearsal = decision.verdict is Verdict.REHEARSE
        due = now + rule.stable_for if decision.verdict is Verdict.WAIT else now
        row = self._connection.execute(
            'INSERT INTO actions (request_id, rule, gate, kind, rehearsal, by, monitor_id, cycle, scope, decided_at, '
            'due_at, give_up_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
            (
                *(request, rule.name, rule.gate, kind, rehearsal, by if rehearsal else 'relay'),
                *(notification.monitor_id, notification.cycle, notification.scope),
                *(now, due, due + (30.0 if rehearsal else self._give_up_after)),
            ),
        ).lastrowid
        return int(row or 0)

    # Acting

    def due(self, but: Iterator[int] | Sequence[int] = ()) -> list[Action]:
        """What is to be done now, real actions first; `but` are in somebody's hands."""
        with self._lock:
            rows = self._connection.execute(
                f"{_ACTION} WHERE a.state = 'waiting' AND a.by = 'relay' AND a.due_at <= ? "
                'ORDER BY a.rehearsal, a.id LIMIT 100',
                (self._clock(),),
            ).fetchall()
        busy = set(but)
        return [action for action in map(_action, rows) if action.id not in busy]

    def action(self, number: int) -> Action:
        with self._lock:
            return _action(self._connection.execute(f'{_ACTION} WHERE a.id = ?', (number,)).fetchone())

    def rule_of(self, action: Action) -> Rule | None:
        """The rule as it is configured now, if it still means what was decided."""
        rule = self._rules.get(action.rule)
        if rule is None or rule.gate != action.gate or rule.monitor_id != action.monitor_id:
            return None
        if not action.rehearsal and (rule.dry_run or (action.kind is Kind.ENABLE and not rule.on_recovery)):
            return None
        return rule

    def mark_when_turned_off(self, action: Action) -> str:
        rule = self._rules.get(action.rule)
        with self._lock:
            found = self._turned_off(rule) if rule else None
        return found[1] if found else ''

    def step(self, action: Action, what: str) -> None:
        with self._transaction():
            self._step(action.id, what, self._clock())

    def found(self, action: Action, state: str) -> None:
        """The gate as it was before this action touched it."""
        with self._transaction():
            if not action.gate_before and not action.changes:
                self._connection.execute('UPDATE actions SET gate_before = ? WHERE id = ?', (state, action.id))
            self._step(action.id, f'read: the gate is {state}', self._clock())

    def claim_change(self, action: Action) -> bool:
        """The permission to send one PUT. Without it the action has ended, or is to be looked at again.

        Here all that must hold is looked at once more, in one transaction: what was decided may be long ago.
        """
        now = self._clock()
        rule = self.rule_of(action)
        with self._transaction():
            current = self.action(action.id)
            if current.state != 'waiting' or current.called_off or action.rehearsal or rule is None:
                return False
            refusal = self._why_not(current, rule, now)
            if refusal:
                self._end(action.id, *refusal, now)
                return False
            self._connection.execute(
                'UPDATE actions SET changes = changes + 1, first_change_at = coalesce(first_change_at, ?) WHERE id = ?',
                (now, action.id),
            )
            self._step(action.id, f'sending: PUT {action.kind}, {current.changes + 1} of {MOST_CHANGES}', now)
        return True

    def _why_not(self, action: Action, rule: Rule, now: float) -> tuple[str, str] | None:
        if action.changes >= MOST_CHANGES:
            return 'failed', f'{MOST_CHANGES} PUTs were sent, and the gate is not {_wanted(action.kind)}'
        if self.switched_off:
            return 'refused', 'triggers are switched off'
        if action.changes:
            return None  # the rest was looked at before the first one
        in_hour = self._actions_in_hour(now, but=action.id)
        if in_hour >= self._limits.max_actions_per_hour:
            return 'refused', f'{in_hour} actions in an hour: max_actions_per_hour'
        if action.kind is Kind.ENABLE:
            if self._alerting(rule):
                return 'refused', 'an alert about this gate is not over'
            if not self._turned_off(rule):
                return 'refused', 'this rule has turned nothing off'
        elif action.cycle and self._one(
            "SELECT 1 FROM actions WHERE rule = ? AND monitor_id = ? AND cycle = ? AND kind = 'disable' "
            'AND changes > 0 AND id != ?',
            *(action.rule, action.monitor_id, action.cycle, action.id),
        ):
            return 'refused', 'this rule has acted in this alert cycle'
        return None

    def answered(self, action: Action) -> None:
        """Statsig has answered a PUT with success."""
        with self._transaction():
            self._connection.execute('UPDATE actions SET answered = 1 WHERE id = ?', (action.id,))
            self._step(action.id, f'answered: Statsig accepted PUT {action.kind}', self._clock())

    def retry(self, action: Action, delay: float, why: str) -> None:
        now = self._clock()
        with self._transaction():
            self._connection.execute(
                "UPDATE actions SET due_at = ?, attempts = attempts + 1 WHERE id = ? AND state = 'waiting'",
                (now + delay, action.id),
            )
            self._step(action.id, f'again in {delay:.1f} s: {why}', now)

    def end(self, action: Action, outcome: str, why: str = '', after: str = '', mark: str = '') -> None:
        """after: the gate as it was last read. mark: of a gate that this action has provably turned off."""
        now = self._clock()
        with self._transaction():
            current = self.action(action.id)
            if current.state != 'waiting':
                return
            if after:
                self._connection.execute('UPDATE actions SET gate_after = ? WHERE id = ?', (after, action.id))
            if outcome == 'disabled' and mark:
                self._connection.execute('UPDATE actions SET owned = 1, mark = ? WHERE id = ?', (mark, action.id))
            if outcome == 'enabled':
                self._connection.execute(
                    'UPDATE actions SET undone = 1 WHERE rule = ? AND gate = ?', (action.rule, action.gate)
                )
            self._end(action.id, outcome, why, now)
            if outcome == 'disabled' and mark and current.called_off:
                self._undo_later(action, now)

    def _undo_later(self, action: Action, now: float) -> None:
        """The alert recovered while the change was on its way: that recovery found nothing to undo yet."""
        rule = self.rule_of(action)
        if rule is None or not rule.on_recovery or self._alerting(rule):
            return
        due = now + rule.stable_for
        self._connection.execute(
            'INSERT INTO actions (request_id, rule, gate, kind, rehearsal, by, monitor_id, cycle, scope, decided_at, '
            "due_at, give_up_at) SELECT request_id, rule, gate, 'enable', 0, by, monitor_id, cycle, scope, ?, ?, ? "
            'FROM actions WHERE id = ?',
            (now, due, due + self._give_up_after, action.id),
        )
        self._step(action.id, f'the alert had recovered: on again in {rule.stable_for:.0f} s', now)

    def _end(self, action: int, outcome: str, why: str, now: float) -> None:
        self._connection.execute(
            "UPDATE actions SET state = 'ended', outcome = ?, why = ?, ended_at = ? WHERE id = ?",
            (outcome, why, now, action),
        )
        self._step(action, f'ended: {outcome}{f", {why}" if why else ""}', now)

    def _step(self, action: int, what: str, now: float) -> None:
        self._connection.execute('INSERT INTO steps (action_id, at, what) VALUES (?, ?, ?)', (action, now, what))

    # Telling

    def untold(self, most: int = 200) -> tuple[list[Decided], list[Action]]:
        """What nobody has been told of yet, oldest first."""
        with self._lock:
            decided = self._connection.execute(
                'SELECT d.id, d.rule, d.gate, d.verdict, d.reason, d.why, d.action_id, r.link, d.at, r.monitor_id '
                'FROM decisions d JOIN requests r ON r.id = d.request_id WHERE d.told = 0 ORDER BY d.id LIMIT ?',
                (most,),
            ).fetchall()
            ended = self._connection.execute(
                f"{_ACTION} WHERE a.told = 0 AND a.state = 'ended' ORDER BY a.id LIMIT ?", (most,)
            ).fetchall()
        return [_decided(row) for row in decided], [_action(row) for row in ended]

    def told(self, decided: Sequence[Decided], ended: Sequence[Action]) -> None:
        with self._transaction():
            self._connection.executemany('UPDATE decisions SET told = 1 WHERE id = ?', [(each.id,) for each in decided])
            self._connection.executemany('UPDATE actions SET told = 1 WHERE id = ?', [(each.id,) for each in ended])

    # Watching

    def watched(self, monitor_id: str) -> dict[str, tuple[str, str]]:
        """Group → (status, cycle) at the last look."""
        with self._lock:
            rows = self._connection.execute(
                'SELECT scope, status, cycle FROM watched WHERE monitor_id = ?', (monitor_id,)
            ).fetchall()
        return {scope: (status, cycle) for scope, status, cycle in rows}

    def look(
        self, monitor_id: str, groups: Mapping[str, tuple[str, str]], notifications: Sequence[Notification]
    ) -> None:
        """Remembers what a monitor was like and decides what follows, in one transaction: neither without the other."""
        with self._transaction():
            self._connection.execute('DELETE FROM watched WHERE monitor_id = ?', (monitor_id,))
            self._connection.executemany(
                'INSERT INTO watched (monitor_id, scope, status, cycle) VALUES (?, ?, ?, ?)',
                [(monitor_id, scope, status, cycle) for scope, (status, cycle) in groups.items()],
            )
            for notification in notifications:
                self._receive(notification, 'watch', '', 'relay')

    # Reading

    def requests(self, last: int) -> list[dict[str, Any]]:
        """The newest requests with what became of them, newest first, as the `log` command shows them."""
        with self._lock:
            requests = self._rows('SELECT * FROM requests ORDER BY id DESC LIMIT ?', last)
            for request in requests:
                request['decisions'] = self._rows('SELECT * FROM decisions WHERE request_id = ?', request['id'])
                for decision in request['decisions']:
                    found = self._rows('SELECT * FROM actions WHERE id = ?', decision['action_id'])
                    decision['action'] = found[0] if found else None
                    if found:
                        found[0]['steps'] = self._rows('SELECT at, what FROM steps WHERE action_id = ?', found[0]['id'])
        return requests

    def prune(self) -> None:
        """Forgets what is older than 90 days, and the oldest requests beyond 200,000. Open matters stay."""
        oldest = self._clock() - KEPT
        with self._transaction():
            execute = self._connection.execute
            newest = int(self._one('SELECT coalesce(max(id), 0) FROM requests'))
            gone = 'at < ? OR id <= ?'
            execute(f'DELETE FROM requests WHERE {gone}', (oldest, newest - MOST_REQUESTS))  # noqa: S608
            execute('DELETE FROM decisions WHERE request_id NOT IN (SELECT id FROM requests)')
            execute(
                "DELETE FROM actions WHERE state = 'ended' AND told = 1 AND (owned = 0 OR undone = 1) AND ended_at < ?",
                (oldest,),
            )
            execute('DELETE FROM steps WHERE action_id NOT IN (SELECT id FROM actions)')
            execute('DELETE FROM alerts WHERE at < ?', (oldest,))

    def _rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        cursor = self._connection.execute(query, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _one(self, query: str, *values: Any) -> Any:
        found = self._connection.execute(query, values).fetchone()
        return found[0] if found else None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute('BEGIN IMMEDIATE')
            try:
                yield
            except BaseException:
                self._connection.execute('ROLLBACK')
                raise
            self._connection.execute('COMMIT')


def _opened(directory: Path) -> sqlite3.Connection:
    file = directory / FILE
    try:
        directory.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(file, timeout=10.0, isolation_level=None, check_same_thread=False)
        connection.execute('PRAGMA journal_mode = WAL')
        connection.execute('PRAGMA synchronous = FULL')  # what is committed outlives a power cut
        connection.execute('BEGIN IMMEDIATE')
        version = connection.execute('PRAGMA user_version').fetchone()[0]
        if version == 0:
            for statement in _SCHEMA.split(';\n'):
                connection.execute(statement)
        connection.execute('COMMIT')
    except (sqlite3.Error, OSError) as error:
        raise JournalError(
            f'Option `state_dir`: the journal {file} cannot be opened ({getattr(error, "strerror", None) or error}). '
            'The directory must exist or be creatable, be writable, and be on a local disk.'
        ) from None
    if version not in (0, _VERSION):
        connection.close()
        raise JournalError(f'The journal {file} was written by another version ({version}) of this program.')
    return connection


def _wanted(kind: Kind) -> str:
    return 'off' if kind is Kind.DISABLE else 'on'


def _action(row: tuple[Any, ...]) -> Action:
    action = Action(*row)
    return replace(action, kind=Kind(action.kind), rehearsal=bool(action.rehearsal), answered=bool(action.answered))


def _decided(row: tuple[Any, ...]) -> Decided:
    number, rule, gate, verdict, reason, why, action, link, at, monitor = row
    return Decided(number, rule, gate, Decision(Verdict(verdict), Reason(reason), why), action, link, at, monitor)
