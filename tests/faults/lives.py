"""What the lives of a process that is killed again and again have sent, one list of ids of events for each."""

from __future__ import annotations


def repeated_after(lives: list[list[str]]) -> list[int]:
    """Of each life, how many of its events were sent again in a later one: what its end has cost."""
    repeated = [0] * len(lives)
    sent_in: dict[str, int] = {}
    for life, events in enumerate(lives):
        assert len(events) == len(set(events)), 'sent twice by the same process'
        for entry_id in events:
            if entry_id in sent_in:
                repeated[sent_in[entry_id]] += 1
            sent_in[entry_id] = life
    return repeated
