"""Whatever arrives, in any order, repeated or at once, whatever people do meanwhile, and however often the relay starts
again: what must never happen does not."""

from __future__ import annotations

import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from statsig.relay.triggers.decision import HOUR, Limits
from statsig.relay.triggers.executor import Executor
from statsig.relay.triggers.journal import Journal
from statsig.relay.triggers.kill_switch import KillSwitch
from statsig.relay.triggers.notification import Notification
from statsig.relay.triggers.rules import Rule
from statsig.sandbox.knobs import Fault
from statsig.sandbox.project import SandboxProject
from statsig.sandbox.server import DEFAULT_KEY, SandboxServer
from tests.clock import Clock
from tests.triggers.relay_with_triggers import rows

ENABLES, DISABLES, DRY, NOT_NAMED = 'checkout_v2', 'new_search_ranking', 'express_shipping', 'not_in_any_rule'
RULES = (
    Rule('enables again', '1', ENABLES, dry_run=False, on_recovery=True, cooldown=0, stable_for=60),
    Rule('disables', '2', DISABLES, dry_run=False, cooldown=300),
    Rule('the same gate', '2', ENABLES, frozenset({'env:production'}), dry_run=False, cooldown=0),
    Rule('dry', '3', DRY, cooldown=0),
)
LIMITS = Limits(max_actions_per_hour=4)
GATES = (ENABLES, DISABLES, DRY, NOT_NAMED)

notifications = st.builds(
    Notification,
    monitor_id=st.sampled_from(['1', '1', '2', '3', '4']),
    transition=st.sampled_from(
        ['Triggered', 'Triggered', 'Re-Triggered', 'Recovered', 'Recovered', 'No Data', 'Warn', 'Renotify', '']
    ),
    cycle=st.sampled_from(['a', 'b', 'c', '']),
    scope=st.sampled_from(['', 'env:production', 'env:staging']),
    is_test=st.sampled_from([False, False, False, True]),
)


class Triggers(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.clock = Clock()
        self.directory = tempfile.TemporaryDirectory(prefix='triggers-')
        self.path = Path(self.directory.name)
        self.project = SandboxProject(seed=1, clock=self.clock)
        some = dict(self.project.gates['checkout_v2'])
        for gate in GATES:
            self.project.gates[gate] = {**some, 'id': gate, 'name': gate, 'isEnabled': True, 'status': 'In Progress'}
        self.last_changed_by = dict.fromkeys(GATES, 'a person')
        self.server = SandboxServer(self.project)
        self.server.start()
        self.puts: list[tuple[float, str, str]] = []
        self.open()

    def open(self) -> None:
        # Two of them, as two workers have.
        self.journals = [Journal(self.path, RULES, LIMITS, self.clock, 900) for _ in range(2)]
        self.executor = Executor(
            self.journals[0].actions,
            lambda: KillSwitch(self.server.url, DEFAULT_KEY, True),
            self.clock,
            threading.Event(),
        )

    def teardown(self) -> None:
        if hasattr(self, 'server'):
            for journal in self.journals:
                journal.close()
            self.server.stop()
            self.directory.cleanup()

    @rule(notification=notifications, times=st.integers(1, 3), then_act=st.sampled_from([True, True, False]))
    def notify(self, notification: Notification, times: int, then_act: bool) -> None:
        for _ in range(times):
            self.journals[1].receive([(notification, 'webhook', '')])
        if then_act:
            self.act()

    @rule(monitor=st.sampled_from('12'), cycles=st.lists(st.sampled_from('abcd'), min_size=1, max_size=6))
    def somebody_is_stubborn(self, monitor: str, cycles: list[str]) -> None:
        """Turns the gates on again after each alert."""
        for cycle in cycles:
            self.notify(Notification(monitor, 'Triggered', cycle, 'env:production'), 1, True)
            for gate in (ENABLES, DISABLES):
                self.somebody_changes(gate, True)

    @rule(cycle=st.sampled_from('abcd'), changes=st.integers(0, 2), seconds=st.sampled_from([0, 61]))
    def an_alert_comes_and_goes(self, cycle: str, changes: int, seconds: int) -> None:
        """Meanwhile somebody changes the gate so many times, and it is off in the end."""
        self.notify(Notification('1', 'Triggered', cycle), 1, True)
        for number in range(changes):
            self.somebody_changes(ENABLES, number % 2 == 0)
        self.somebody_changes(ENABLES, False)
        self.notify(Notification('1', 'Recovered', cycle), 1, True)
        self.time_passes(seconds)
        self.act()

    @rule(several=st.lists(notifications, min_size=2, max_size=5))
    def notify_at_once(self, several: list[Notification]) -> None:
        with ThreadPoolExecutor(4) as pool:
            for number, notification in enumerate(several * 2):
                pool.submit(self.journals[number % 2].receive, [(notification, 'webhook', '')])

    @rule(seconds=st.sampled_from([1, 30, 61, 301, 1000, 3700]))
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
            self.last_changed_by[gate] = 'a person'

    @rule(kind=st.sampled_from(['reset', 'timeout', 'html']), verb=st.sampled_from(['', '/disable', '/enable']))
    def something_goes_wrong(self, kind: str, verb: str) -> None:
        self.server.clear_faults()
        self.server.fail_next(f'/console/v1/gates/{ENABLES}{verb}', Fault(kind, seconds=0.0))  # type: ignore[arg-type]

    @rule()
    def act(self) -> None:
        for action in self.journals[0].actions.due():
            before = len(self.server.requests)
            was_on = {gate: self.project.gates[gate]['isEnabled'] for gate in GATES}
            self.executor.attempt(action)
            for request in self.server.requests[before:]:
                if request.method == 'PUT':
                    _, gate, verb = request.path.rsplit('/', 2)
                    self.check_put(gate, verb)
            for gate in GATES:
                if self.project.gates[gate]['isEnabled'] is not was_on[gate]:
                    self.last_changed_by[gate] = 'this'
        self.server.reset_requests()

    def check_put(self, gate: str, verb: str) -> None:
        self.puts.append((self.clock.now, gate, verb))
        assert gate in (ENABLES, DISABLES)
        if verb == 'enable':
            assert gate == ENABLES
            assert self.last_changed_by[gate] == 'this'

    @invariant()
    def never(self) -> None:
        if not hasattr(self, 'server'):
            return
        assert self.last_changed_by[DRY] == self.last_changed_by[NOT_NAMED] == 'a person'
        changed = "changes > 0 AND kind = 'disable'"
        twice = rows(
            self.path,
            f"SELECT rule, cycle FROM actions WHERE {changed} AND cycle != '' GROUP BY rule, cycle HAVING count(*) > 1",
        )
        assert twice == []
        # The journal knows of every PUT before it is sent.
        (counted,) = rows(self.path, 'SELECT coalesce(sum(changes), 0) AS puts FROM actions')
        assert counted['puts'] == len(self.puts)
        begun = [row['at'] for row in rows(self.path, 'SELECT first_change_at AS at FROM actions WHERE changes > 0')]
        for at in begun:
            assert sum(at - HOUR < other <= at for other in begun) <= LIMITS.max_actions_per_hour


TestTriggers = Triggers.TestCase
# Not shrunk: that would take minutes, because each attempt starts a server.
TestTriggers.settings = settings(
    max_examples=50, stateful_step_count=20, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
