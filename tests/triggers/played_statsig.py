"""One gate at Statsig, played: answers that come late or never, and effects that come later than any answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from statsig.relay.triggers.decision import Gate, Limits
from statsig.relay.triggers.executor import Executor
from statsig.relay.triggers.journal import Journal
from statsig.relay.triggers.kill_switch import KillSwitch, SwitchError
from statsig.relay.triggers.notification import Notification
from statsig.relay.triggers.rules import Kind, Rule
from tests.clock import Clock
from tests.triggers.relay_with_triggers import rows


class PlayedGate(KillSwitch):
    """Does as it is told, unless `trouble` is set: that is raised then, and what was asked for happens at `arrive`.

    before_answer, before_reading: called before each PUT, and each reading, is answered. obeys: whether a PUT that is
    accepted has an effect.
    """

    def __init__(self) -> None:
        self.gate = Gate(True, mark='0')
        self.puts: list[Kind] = []
        self.reads = 0
        self.trouble: SwitchError | None = None
        self.obeys = True
        self.before_answer: Callable[[], object] = lambda: None
        self.before_reading: Callable[[], object] = lambda: None

    def read(self, gate: str) -> Gate:
        self.reads += 1
        self.before_reading()
        return self.gate

    def put(self, kind: Kind, gate: str) -> Gate:
        self.puts.append(kind)
        self.before_answer()
        if self.trouble:
            raise self.trouble
        return self.arrive(kind) if self.obeys else self.gate

    def arrive(self, kind: Kind) -> Gate:
        self.gate = Gate(kind is Kind.ENABLE, mark=f'{self.gate.mark}+')
        return self.gate


class PlayedWorld:
    """A journal, what monitors say to it, and what is carried out, with a clock that stands still."""

    def __init__(self, directory: Path, *rules: Rule, look_interval: float | None = None) -> None:
        self.directory, self.clock, self.switch = directory, Clock(), PlayedGate()
        self.journal = Journal(directory, rules, Limits(), self.clock, 900, look_interval)
        stopping = threading.Event()
        stopping.set()  # so that nothing waits
        self.executor = Executor(self.journal.actions, lambda: self.switch, self.clock, stopping)

    def hear(
        self, transition: str, cycle: str = '', scope: str = '', age: float | None = None, monitor: str = '1'
    ) -> str:
        """The reason of the (first) decision."""
        happened = None if age is None else self.clock() - age
        notification = Notification(monitor, transition, cycle, scope, happened=happened)
        return self.journal.receive([(notification, 'webhook', '')])[0][0].decision.reason

    def act(self, after: float = 0.0) -> None:
        self.clock.now += after
        for action in self.journal.actions.due():
            self.executor.attempt(action)

    def outcomes(self) -> list[tuple[str, str]]:
        """Of all actions so far: kind and outcome, '' while it is under way."""
        return [(row['kind'], row['outcome']) for row in rows(self.directory, 'SELECT * FROM actions ORDER BY id')]

    def waits_to_turn_on(self) -> bool:
        return ('enable', '') in self.outcomes()
