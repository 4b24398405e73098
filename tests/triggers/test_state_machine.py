"""Whatever arrives, in any order, repeated or at once, whatever people do meanwhile, and however often the relay starts
again: what must never happen does not, and what must happen is not forgotten."""

from __future__ import annotations

import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from statsig.relay.triggers.decision import HOUR, Limits
from statsig.relay.triggers.executor import Executor
from statsig.relay.triggers.journal import Journal
from statsig.relay.triggers.kill_switch import KillSwitch
from statsig.relay.triggers.notification import ALREADY, Notification
from statsig.relay.triggers.rules import Rule
from statsig.sandbox.knobs import Fault, Request
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer
from tests.clock import Clock
from tests.triggers.relay_with_triggers import rows

ENABLES, DISABLES, DRY, NOT_NAMED = 'checkout_v2', 'new_search_ranking', 'express_shipping', 'not_in_any_rule'
RULES = (
    Rule('enables again', '1', ENABLES, dry_run=False, on_recovery=True, cooldown=0, stable_for=60),
    Rule('disables', '2', DISABLES, dry_run=False, cooldown=300),
    Rule('the same gate', '2', ENABLES, frozenset({'env:production'}), dry_run=False, cooldown=0),
    Rule('the same gate and monitor', '1', ENABLES, frozenset({'env:production'}), dry_run=False, cooldown=0),
    Rule('dry', '3', DRY, cooldown=0),
)
GIVE_UP_AFTER = 900.0
LIMITS = Limits(max_actions_per_hour=4, max_age=GIVE_UP_AFTER)
GATES = (ENABLES, DISABLES, DRY, NOT_NAMED)

notifications = st.builds(
    Notification,
    monitor_id=st.sampled_from(['1', '1', '2', '3', '4']),
    transition=st.sampled_from(
        [
            *('Triggered', 'Triggered', 'Re-Triggered', 'Recovered', 'Recovered'),
            *('No Data', 'Warn', 'Renotify', '', ALREADY),
        ]
    ),
    cycle=st.sampled_from(['a', 'b', 'c', '']),
    scope=st.sampled_from(['', 'env:production', 'env:staging']),
    is_test=st.sampled_from([False, False, False, True]),
)
ages = st.sampled_from([None, None, 5.0, 2000.0])


class LastWord:
    """Of each monitor about the gate that may be turned on: whether it was an alert that was not known to be over."""

    def __init__(self) -> None:
        self.alerting: dict[str, bool] = {}
        self._over: set[tuple[str, str, str]] = set()
        self._cycles: dict[tuple[str, str], set[str]] = {}

    def hear(self, notification: Notification) -> None:
        monitor, cycle, scope = notification.monitor_id, notification.cycle, notification.scope
        concerns = monitor == '1' or (monitor == '2' and scope == 'env:production')
        if notification.is_test or not concerns or not (notification.is_open or notification.is_recovery):
            return
        if (monitor, cycle, scope) in self._over and cycle and notification.is_open:
            return
        if scope:
            seen = self._cycles.setdefault((monitor, scope), set())
            # A group is in one cycle at a time.
            self._over |= {(monitor, other, scope) for other in seen - {cycle}}
            seen |= {cycle} - {''}
        if notification.is_recovery and cycle:
            self._over.add((monitor, cycle, scope))
        self.alerting[monitor] = notification.is_open


class Triggers(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.clock = Clock()
        self.directory = tempfile.TemporaryDirectory(prefix='triggers-')
        self.path = Path(self.directory.name)
        self.project = SandboxProject(seed=1, clock=self.statsigs_clock)
        some = dict(self.project.gates['checkout_v2'])
        for gate in GATES:
            self.project.gates[gate] = {**some, 'id': gate, 'name': gate, 'isEnabled': True, 'status': 'In Progress'}
        self.known = dict.fromkeys(GATES, True)
        self.last_changed_by = dict.fromkeys(GATES, 'a person')
        self.last_word = LastWord()
        self.server = SandboxServer(self.project)
        self.server.knobs.before_request = self.statsig_is_asked
        self.server.start()
        self.puts: list[tuple[float, str, str]] = []
        self.meddling: list[bool | None] = []
        self.wrong: list[str] = []
        self.open()

    def statsigs_clock(self) -> float:
        """No two changes at the same millisecond."""
        self.ticks = getattr(self, 'ticks', 0) + 1
        return self.clock.now + self.ticks / 1000

    def open(self) -> None:
        # Two of them, as two workers have.
        self.journals = [Journal(self.path, RULES, LIMITS, self.clock, GIVE_UP_AFTER) for _ in range(2)]
        never = threading.Event()
        never.set()  # so that nothing waits
        self.executor = Executor(
            self.journals[0].actions, lambda: KillSwitch(self.server.url, DEFAULT_KEY, True), self.clock, never
        )

    def teardown(self) -> None:
        if hasattr(self, 'server'):
            for journal in self.journals:
                journal.close()
            self.server.stop()
            self.directory.cleanup()

    @rule(notification=notifications, age=ages, times=st.integers(1, 3), then_act=st.sampled_from([True, True, False]))
    def notify(self, notification: Notification, age: float | None, times: int, then_act: bool) -> None:
        for _ in range(times):
            self.tell(notification, age)
        if then_act:
            self.act()

    def tell(self, notification: Notification, age: float | None = None) -> None:
        happened = None if age is None else self.clock.now - age
        self.journals[1].receive([(replace(notification, happened=happened), 'webhook', '')])
        self.last_word.hear(notification)

    @rule(monitor=st.sampled_from('12'), cycles=st.lists(st.sampled_from('abcd'), min_size=1, max_size=6))
    def somebody_is_stubborn(self, monitor: str, cycles: list[str]) -> None:
        """Turns the gates on again after each alert."""
        for cycle in cycles:
            self.tell(Notification(monitor, 'Triggered', cycle, 'env:production'))
            self.act()
            for gate in (ENABLES, DISABLES):
                self.somebody_changes(gate, True)

    @rule(cycle=st.sampled_from('abcd'), changes=st.integers(0, 2), seconds=st.sampled_from([0, 61]))
    def an_alert_comes_and_goes(self, cycle: str, changes: int, seconds: int) -> None:
        """Meanwhile somebody changes the gate so many times, and it is off in the end."""
        self.tell(Notification('1', 'Triggered', cycle))
        self.act()
        for number in range(changes):
            self.somebody_changes(ENABLES, number % 2 == 0)
        self.somebody_changes(ENABLES, False)
        self.tell(Notification('1', 'Recovered', cycle))
        self.act()
        self.time_passes(seconds)
        self.act()

    @rule(first=st.sampled_from('abcd'), second=st.sampled_from('abcd'), down=st.booleans())
    def two_groups_alert_and_one_recovers(self, first: str, second: str, down: bool) -> None:
        """down: while Statsig cannot be reached; else while the answer to the change is on its way."""
        self.server.knobs.down = down
        for cycle, scope in ((first, 'env:production'), (second, 'env:staging')):
            self.tell(Notification('1', 'Triggered', cycle, scope))
            self.act()
        self.tell(Notification('1', 'Recovered', first, 'env:production'))
        self.server.knobs.down = False
        self.act()

    @rule(several=st.lists(notifications, min_size=2, max_size=5))
    def notify_at_once(self, several: list[Notification]) -> None:
        with ThreadPoolExecutor(4) as pool:
            received = [
                pool.submit(self.journals[number % 2].receive, [(notification, 'webhook', '')])
                for number, notification in enumerate(several * 2)
            ]
        for each in received:
            each.result()
        # Which of them was the last is not known.
        for notification in several:
            self.last_word.hear(notification)
            self.last_word.alerting.pop(notification.monitor_id, None)

    @rule(seconds=st.sampled_from([1, 11, 30, 61, 301, 1000, 3700]))
    def time_passes(self, seconds: int) -> None:
        self.clock.now += seconds

    @rule()
    def start_again(self) -> None:
        for journal in self.journals:
            journal.close()
        self.open()

    @rule(gate=st.sampled_from(GATES), on=st.booleans())
    def somebody_changes(self, gate: str, on: bool) -> None:
        if self.project.gates[gate]['isEnabled'] is not on:
            self.project.set_gate_enabled(gate, on)
            self.known[gate] = on
            self.last_changed_by[gate] = 'a person'

    @rule(
        kind=st.sampled_from(['reset', 'timeout', 'html', 'status', 'blocked']),
        verb=st.sampled_from(['', '', '/disable', '/enable']),
        skip=st.integers(0, 3),
        times=st.sampled_from([1, 1, 4]),
    )
    def something_goes_wrong(self, kind: str, verb: str, skip: int, times: int) -> None:
        """Readings before, between and after; and changes."""
        self.server.clear_faults()
        fault = Fault(kind, seconds=0.0)  # type: ignore[arg-type]
        self.server.fail_next(f'/console/v1/gates/{ENABLES}{verb}', fault, skip=skip, times=times)

    @rule(changes=st.lists(st.sampled_from([None, True, False]), min_size=1, max_size=5))
    def somebody_will_meddle(self, changes: list[bool | None]) -> None:
        """Between the requests of an attempt: a person turns the gate on or off just before it is read."""
        self.meddling = changes

    def statsig_is_asked(self, request: Request) -> None:
        self.see_what_changed()
        if request.method == 'PUT':
            _, gate, verb = request.path.rsplit('/', 2)
            self.check_put(gate, verb)
        elif self.meddling and (on := self.meddling.pop(0)) is not None:
            self.somebody_changes(ENABLES, on)

    def see_what_changed(self) -> None:
        for gate in GATES:
            on = self.project.gates[gate]['isEnabled']
            if on is not self.known[gate]:
                self.known[gate] = on
                self.last_changed_by[gate] = 'this'

    @rule()
    def act(self) -> None:
        for action in self.journals[0].actions.due():
            self.executor.attempt(action)
            self.see_what_changed()
        self.server.reset_requests()

    def check_put(self, gate: str, verb: str) -> None:
        """Called by the server's thread, where an assertion would be an answer 500."""
        self.puts.append((self.clock.now, gate, verb))
        if gate not in (ENABLES, DISABLES):
            self.wrong.append(f'{gate} was touched')
        if verb == 'enable':
            if gate != ENABLES or self.last_changed_by[gate] != 'this':
                self.wrong.append(f'{gate} was turned on, and was changed last by {self.last_changed_by[gate]}')
            if any(self.last_word.alerting.values()):
                self.wrong.append(f'{gate} was turned on during an alert: {self.last_word.alerting}')

    @invariant()
    def never(self) -> None:
        if not hasattr(self, 'server'):
            return
        assert self.wrong == []
        assert self.last_changed_by[DRY] == self.last_changed_by[NOT_NAMED] == 'a person'
        changed = "changes > 0 AND kind = 'disable' AND cycle != ''"
        twice = rows(
            self.path,
            f'SELECT gate, cycle FROM actions WHERE {changed} GROUP BY gate, monitor_id, cycle HAVING count(*) > 1',
        )
        assert twice == []
        # The journal knows of every PUT before it is sent.
        (counted,) = rows(self.path, 'SELECT coalesce(sum(changes), 0) AS puts, max(changes) AS most FROM actions')
        assert counted['puts'] == len(self.puts)
        assert (counted['most'] or 0) <= 3
        begun = [row['at'] for row in rows(self.path, 'SELECT first_change_at AS at FROM actions WHERE changes > 0')]
        for at in begun:
            assert sum(at - HOUR < other <= at for other in begun) <= LIMITS.max_actions_per_hour

    @invariant()
    def an_open_alert_is_not_forgotten(self) -> None:
        """One that was refused because an action was under way, and is not over, has an action of its own once that has
        ended without having come to anything."""
        if not hasattr(self, 'server'):
            return
        forgotten = rows(
            self.path,
            'SELECT a.rule, a.key FROM alerts a JOIN decisions d ON d.request_id = a.request_id AND d.rule = a.rule '
            "WHERE a.state = 'alerting' AND d.reason = 'under_way' AND d.verdict = 'refused' "
            f'AND a.at > {self.clock.now - GIVE_UP_AFTER} '
            'AND NOT EXISTS (SELECT 1 FROM actions x WHERE x.rule = a.rule '
            "AND x.kind = 'disable' AND x.rehearsal = 0 AND (x.state = 'waiting' OR (x.ended_at >= a.at "
            "AND x.outcome NOT IN ('cancelled', 'gave_up', 'unknown')))) "
            'AND NOT EXISTS (SELECT 1 FROM actions x JOIN decisions y ON y.action_id = x.id '
            "WHERE x.monitor_id = a.monitor_id AND x.cycle = a.cycle AND a.cycle != '' "
            "AND (x.changes > 0 OR x.state = 'waiting'))",
        )
        assert forgotten == []

    @invariant()
    def what_was_turned_off_is_not_forgotten(self) -> None:
        """Once no alert about a gate is open, the rule that turned it off waits to turn it on, or has said why not."""
        if not hasattr(self, 'server'):
            return
        about = [each.name for each in RULES if each.gate == ENABLES]
        if any(row['rule'] in about for row in rows(self.path, "SELECT rule FROM alerts WHERE state = 'alerting'")):
            return
        forgotten = rows(
            self.path,
            "SELECT o.id FROM actions o WHERE o.rule = 'enables again' AND o.owned = 1 AND o.undone = 0 "
            "AND NOT EXISTS (SELECT 1 FROM actions x WHERE x.rule = o.rule AND (x.state = 'waiting' "
            "OR (x.kind = 'enable' AND x.ended_at >= o.ended_at AND x.outcome != 'cancelled'))) "
            'AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.rule = o.rule AND d.at >= o.ended_at '
            "AND d.verdict = 'refused' AND d.reason = 'breaker')",
        )
        assert forgotten == []


TestTriggers = Triggers.TestCase
# Not shrunk: that would take minutes, because each attempt starts a server.
TestTriggers.settings = settings(
    max_examples=50, stateful_step_count=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
