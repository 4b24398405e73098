"""Whatever has gone wrong: once everything works again all comes to an end, and what can be done was done, or told."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from statsig.relay.triggers.decision import Limits
from statsig.relay.triggers.journal import Journal
from statsig.relay.triggers.kill_switch import SwitchError
from statsig.relay.triggers.rules import Kind, Rule
from tests.triggers.played_statsig import PlayedWorld
from tests.triggers.relay_with_triggers import GATE, rows

RULES = (
    Rule('checkout errors', '1', GATE, dry_run=False, on_recovery=True, cooldown=0, stable_for=60),
    Rule('latency', '2', GATE, dry_run=False, on_recovery=True, cooldown=0, stable_for=60),
    Rule('for good', '1', GATE, dry_run=False, cooldown=0),
)
TOLD = ('refused', 'refused_by_statsig', 'failed', 'gave_up', 'unknown')
TROUBLES = (
    *(None, None, SwitchError('no answer in time'), SwitchError('answered 500', refused=True)),
    *(SwitchError('no connection', unsent=True), SwitchError('answered 403', final=True)),
)

words = st.tuples(
    st.just('hear'),
    st.sampled_from(['Triggered', 'Triggered', 'Re-Triggered', 'Recovered', 'Recovered', 'Warn']),
    st.sampled_from(['a', 'b', 'c', '']),
    st.sampled_from(['host:a', 'host:b', '']),
    st.sampled_from([None, 0.0, 3.0]),
    st.sampled_from('1112'),
)
events = st.one_of(
    words,
    words,
    st.tuples(st.just('act'), st.sampled_from([0.0, 1.0, 6.0, 30.0, 61.0, 400.0, 1000.0, -300.0])),
    st.tuples(st.just('act'), st.sampled_from([0.0, 1.0, 6.0])),
    st.tuples(st.just('trouble'), st.sampled_from(TROUBLES)),
    st.tuples(st.just('readings'), st.booleans()),
    st.tuples(st.just('arrive')),
    st.tuples(st.just('person'), st.booleans()),
    st.tuples(st.just('restart')),
    st.tuples(st.just('hurry')),
)


def happen(world: PlayedWorld, event: tuple[object, ...]) -> None:
    match event:
        case ('hear', str(transition), str(cycle), str(scope), age, str(monitor)):
            world.hear(transition, cycle, scope, age if isinstance(age, float) else None, monitor)
        case ('act', float(seconds)):
            world.act(seconds)
        case ('trouble', trouble):
            world.switch.trouble = trouble if isinstance(trouble, SwitchError) else None
        case ('readings', bool(work)):
            world.switch.before_reading = (lambda: None) if work else fails
        case ('arrive',) if world.switch.puts and world.switch.trouble:
            world.switch.arrive(world.switch.puts[-1])
        case ('person', bool(on)):
            world.switch.arrive(Kind.ENABLE if on else Kind.DISABLE)
        case ('hurry',):
            before = world.switch.reads
            for _ in range(100):
                world.act(0.01)
            assert world.switch.reads - before <= 30, 'one after the other, and not without a pause'
        case ('restart',):
            world.journal.close()
            world.journal = Journal(world.directory, RULES, Limits(1000), world.clock, 900)
            world.executor._actions = world.journal.actions


def fails() -> None:
    raise SwitchError('no answer in time')


@given(st.lists(events, min_size=15, max_size=40))
@settings(max_examples=100, deadline=None)
def test_in_the_end_nothing_waits_and_nothing_is_forgotten(story: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory(prefix='triggers-') as directory:
        world = PlayedWorld(Path(directory), *RULES)
        happen(world, ('restart',))
        for event in story:
            happen(world, event)
        for alert in rows(
            world.directory, "SELECT DISTINCT monitor_id, cycle, scope FROM alerts WHERE state = 'alerting'"
        ):
            world.hear('Recovered', alert['cycle'], alert['scope'], monitor=alert['monitor_id'])
        world.switch.trouble, world.switch.before_reading = None, lambda: None
        is_over = len(world.switch.puts)

        for _ in range(150):
            before = world.switch.reads
            world.act(10)
            assert world.switch.reads - before <= 12, 'a few readings for each action'

        actions = rows(world.directory, 'SELECT * FROM actions ORDER BY id')
        world.journal.close()
        assert [each for each in actions if each['state'] == 'waiting'] == []
        assert all(each['changes'] <= 3 for each in actions)
        assert Kind.DISABLE not in world.switch.puts[is_over:], 'all that alerted had recovered'
        assert rows(world.directory, "SELECT 1 FROM alerts WHERE state = 'alerting'") == []
        for owned in (each for each in actions if each['owned'] and not each['undone'] and each['rule'] != 'for good'):
            after = [each['outcome'] for each in actions if each['kind'] == 'enable' and each['rule'] == owned['rule']]
            assert set(after) & set(TOLD), 'turned off, and neither turned on again nor told why not'
