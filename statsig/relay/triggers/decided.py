"""A line of the journal: what was decided about a request by one rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from statsig.relay.triggers.database import Database
from statsig.relay.triggers.decision import Decision, Reason, Verdict
from statsig.relay.triggers.rules import Rule


@dataclass(frozen=True, slots=True)
class Decided:
    """times: how many lines that say the same, the newest of which this is."""

    rule: str
    gate: str
    decision: Decision
    action_id: int | None
    link: str
    at: float
    monitor_id: str
    times: int = 1
    is_test: bool = False


class Decisions:
    """Raises sqlite3.Error when the disk fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, request: int, rule: Rule, decision: Decision, action: int | None, now: float) -> None:
        """What an action follows from is told when that ends."""
        self._database.execute(
            'INSERT INTO decisions (request_id, at, rule, gate, verdict, reason, why, action_id, told) '
            'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
            (
                *(request, now, rule.name, rule.gate, decision.verdict, decision.reason, decision.why, action),
                action is not None,
            ),
        )

    def untold(self) -> tuple[list[Decided], int]:
        """What nobody has been told of, one for each rule, verdict and reason; and the last line that was looked at.

        However many notifications come in, this is short, so that no refusal waits behind others.
        """
        with self._database.lock:
            newest = int(self._database.one('SELECT coalesce(max(id), 0) FROM decisions WHERE told = 0') or 0)
            # With max() the other columns are those of the row that has it: https://sqlite.org/lang_select.html
            rows = self._database.execute(
                'SELECT d.rule, d.gate, d.verdict, d.reason, d.why, r.link, d.at, r.monitor_id, count(*), '
                'r.is_test, max(d.id) '
                'FROM decisions d JOIN requests r ON r.id = d.request_id WHERE d.told = 0 AND d.id <= ? '
                'GROUP BY d.rule, d.gate, d.verdict, d.reason, r.is_test',
                (newest,),
            ).fetchall()
        found = [
            Decided(rule, gate, _decision(verdict, reason, why), None, link, at, monitor, times, bool(is_test))
            for rule, gate, verdict, reason, why, link, at, monitor, times, is_test, _ in rows
        ]
        return found, newest

    def told(self, last: int) -> None:
        self._database.execute('UPDATE decisions SET told = 1 WHERE told = 0 AND id <= ?', (last,))

    def forget(self, requests: Sequence[int]) -> None:
        self._database.execute_many('DELETE FROM decisions WHERE request_id = ?', [(each,) for each in requests])


def _decision(verdict: str, reason: str, why: str) -> Decision:
    # A line of a later version of this program must not keep the others from being told.
    known = Reason(reason) if reason in set(Reason) else Reason.NONE
    return Decision(Verdict(verdict) if verdict in set(Verdict) else Verdict.RECORDED, known, why)
