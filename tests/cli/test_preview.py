"""Metrics and events as people read them in a terminal."""

from __future__ import annotations

import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.commands.preview import gauge_series, plain_text, print_event, print_gauges
from statsig.commands.terminal import Terminal
from statsig.datadog.markdown import clean, escape
from statsig.sandbox.agent_intake import Event, Metric


def _gauge(name: str, value: float, *tags: str) -> Metric:
    return Metric('gauge', name, value, tags, '')


def _printed_gauges(*runs: list[Metric], per_metric: int = 2) -> list[str]:
    out = io.StringIO()
    print_gauges(Terminal(out), gauge_series(runs), per_metric)
    return [' '.join(line.split()) for line in out.getvalue().splitlines()]


def test_gauges_are_grouped_by_name_with_the_highest_first() -> None:
    gates = [_gauge('gates', value, f'name:{value}', 'statsig_project:p') for value in (5, 1234567, 0.25, 7.5)]
    assert _printed_gauges([*gates, _gauge('api', 1)]) == [
        'metric tags value',
        'api 1',
        'gates name:1234567 1,234,567',
        'name:7.5 … 2 more 7.5',
    ]


def test_of_several_runs_the_first_value_and_the_latest_are_shown() -> None:
    runs = [[_gauge('a', 1), _gauge('b', 1)], [_gauge('a', 2)], [_gauge('a', 3), _gauge('b', 1), _gauge('c', 9)]]
    assert _printed_gauges(*runs) == ['metric tags first now', 'a 1 3', 'b 1 1', 'c 9 9']


def test_no_line_is_wider_than_the_terminal() -> None:
    long = [_gauge('statsig.get_experiment.past_7_days.count', 10**8, f'name:{"x" * 200}', f'team:{"y" * 50}')]
    out = io.StringIO()
    terminal = Terminal(out)
    print_gauges(terminal, gauge_series([long, long]), 2)
    print_event(terminal, _event(title='a title', text='word ' * 100, tags=('t:' + 'x' * 300,)), brief=True)
    assert max(map(len, out.getvalue().splitlines())) <= terminal.width


@pytest.mark.parametrize(
    ('markdown', 'plain'),
    [
        ('no block, **left** alone', 'no block, **left** alone'),
        ('%%% \n**bold** and `code`\n %%%', 'bold and code'),
        ('%%% \n- one\n- two\n %%%', '• one\n• two'),
        (
            '%%% \n[Open in Statsig](https://console.statsig.com/p)\n %%%',
            'Open in Statsig: https://console.statsig.com/p',
        ),
        ('%%% \n1\\. a\\*b &lt;c&gt; &amp;lt;\n %%%', '1. a*b <c> &lt;'),
    ],
)
def test_markdown_reads_as_datadog_would_render_it(markdown: str, plain: str) -> None:
    assert plain_text(markdown) == plain


@given(st.text(max_size=80).map(clean).filter(bool))
def test_what_was_escaped_for_datadog_reads_as_it_was_meant(line: str) -> None:
    assert plain_text(f'%%% \n{escape(line)}\n %%%') == line


def test_an_event_has_its_time_its_sign_and_its_tags() -> None:
    out = io.StringIO()
    event = _event(
        title='Gate a disabled', text='%%% \nGate **a** disabled\n\n- off\n %%%', tags=('name:a', 'statsig_kind:gate')
    )
    print_event(Terminal(out), event)
    moment = time.strftime('%H:%M:%S', time.localtime(event.timestamp))
    assert [line.strip() for line in out.getvalue().splitlines()] == [f'{moment}  ▲ Gate a disabled', '• off', 'name:a']


def test_a_brief_event_says_how_much_more_there_is() -> None:
    out = io.StringIO()
    print_event(Terminal(out), _event(title='a', text='\n'.join(f'line {number}' for number in range(9))), brief=True)
    assert '… 4 more lines' in out.getvalue()


def _event(title: str, text: str, tags: tuple[str, ...] = ()) -> Event:
    return Event(title, text, 1_790_000_000, tags, 'warning', 'id', 'statsig', '', '')
