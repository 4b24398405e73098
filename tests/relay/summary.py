"""What became of events when a replica failed, printed at the end of a test run."""

from __future__ import annotations

import pytest

REPLICAS = 'replicas row'
HEADINGS = ('three replicas behind nginx', 'answered 200', 'lost', 'counted twice')


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    rows = [
        [str(cell) for cell in value]
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == 'call'
        for name, value in report.user_properties
        if name == REPLICAS and isinstance(value, list)
    ]
    if not rows:
        return
    width = max(len(row[0]) for row in (HEADINGS, *rows))
    terminalreporter.section('replicas: what became of the events of deliveries that were answered 200')
    for what, *figures in (HEADINGS, *sorted(rows)):
        terminalreporter.write_line(f'{what:{width}}' + ''.join(f'{figure:>16}' for figure in figures))
