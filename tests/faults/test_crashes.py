"""The host is killed again and again, at random moments, while entries keep arriving.

What was handed to the Agent is in a journal, which is written before the check goes on, and so survives the kill.
"""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from statsig.sandbox.agent_process import AgentEndedError
from tests.faults.lives import repeated_after
from tests.faults.world import MINUTE, Tally, World

SEED = 1
KILLS = 50
BATCH = 50  # events that one kill may repeat


@dataclass
class Journal:
    """What one host after the other has submitted."""

    path: Path
    events: list[str] = field(default_factory=list)
    _read: int = 0

    def read(self) -> list[str]:
        """The ids of all events so far, in the order of their submission."""
        with self.path.open('rb') as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b'\n'):  # being written at this moment
                    break
                self._read += len(line)
                submission = json.loads(line)
                if submission['kind'] == 'Event':
                    self.events.append(submission['aggregation_key'])
        return self.events


def killed_from_outside(world: World, journal: Journal, dice: random.Random) -> None:
    """After so many events, in the middle of a batch or at its edge; where there are not as many, after some time."""
    events = len(journal.read()) + dice.choice([1, 5, 49, 50, 51, 75, 99, 100, 120])
    until = time.monotonic() + dice.uniform(0.0, 0.4)
    world.options = ('--journal', str(journal.path))
    world.start_runs(3)
    world.insert(dice.randrange(40), apart=0.005)
    while len(journal.read()) < events and time.monotonic() < until:
        time.sleep(0.001)
    world.restart()


def killed_in_a_write(world: World, journal: Journal, dice: random.Random) -> None:
    """The file of the cursor is truncated already, and holds nothing yet, or a part, or all."""
    moment = f'killed={dice.randrange(6)}:{dice.choice([0, 1, 30, 500, 100_000])}'
    world.options = ('--journal', str(journal.path), '--cache-fault', moment)
    host = world.start_runs(3)
    world.insert(dice.randrange(40), apart=0.005)
    with contextlib.suppress(AgentEndedError):
        for _ in range(3):
            host.next_run()
    world.restart()


def test_50_kills_lose_nothing_and_repeat_at_most_a_batch_each(
    world: World, note: Callable[[str, Tally], None]
) -> None:
    dice = random.Random(SEED)
    journal = Journal(world.directory / 'journal')
    journal.path.touch()
    lives: list[list[str]] = []
    for kill in range(KILLS):
        world.insert(dice.choice([0, 1, 60, 130]), ago=dice.uniform(0, 5 * MINUTE), apart=0.01)
        before = len(journal.events)
        (killed_in_a_write if kill % 2 else killed_from_outside)(world, journal, dice)
        lives.append(journal.read()[before:])
    before = len(journal.events)
    world.options = ('--journal', str(journal.path))
    world.run(2)
    lives.append(journal.read()[before:])

    inserted = {entry.value['id'] for entry in world.project.audit_log}
    delivered = Counter(journal.read())
    tally = Tally(len(inserted), delivered.total(), len(inserted - set(delivered)), delivered.total() - len(delivered))
    note(f'{KILLS} kills (at most {BATCH} repeated by each)', tally)
    assert tally.lost == 0
    assert set(delivered) <= inserted
    repeated = repeated_after(lives)
    assert max(repeated) <= BATCH, repeated
    assert sum(repeated) > 0, 'no kill hit a delivery: this shows nothing'
    assert world.warnings == []
