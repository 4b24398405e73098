"""The triggers' part of `statsig-datadog demo`."""

from __future__ import annotations

import io
from dataclasses import replace

from statsig.commands.terminal import Terminal
from statsig.commands.triggers_demo import Loop, broken, show_triggers
from statsig.sandbox.agent_intake import Event


def test_the_loop_closes() -> None:
    out = io.StringIO()

    assert show_triggers(Terminal(out), seed=1) == []

    assert 'Gate checkout_v2 turned off by trigger checkout errors' in out.getvalue()
    assert 'Gate checkout_v2 disabled by CONSOLE API' in out.getvalue()


def test_a_loop_that_does_not_close_is_said() -> None:
    event = Event('Gate checkout_v2 turned off by trigger checkout errors', '', 1, (), 'warning', '', '', '', '')
    whole = Loop((0.4, 8.0), 0.1, event, event)
    assert broken(whole) == []
    for missing in ({'seconds': None}, {'told': None}, {'audited': None}, {'told': replace(event, title='Gate off')}):
        assert len(broken(replace(whole, **missing))) == 1
