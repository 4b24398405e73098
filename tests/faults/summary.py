"""The table of the fault suite, printed at the end of a test run: also where the tests ran in several processes."""

from __future__ import annotations

import pytest

ROW = 'fault suite row'
HEADINGS = ('scenario', 'inserted', 'delivered', 'lost', 'duplicated')


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    rows = [
        (report.nodeid, [str(cell) for cell in value])
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == 'call'
        for name, value in report.user_properties
        if name == ROW and isinstance(value, list)
    ]
    if not rows:
        return
    rows.sort(key=lambda row: row[0].partition('::')[0])  # by file; within one, in the order of the tests
    width = max(len(row[0]) for _, row in rows)
    terminalreporter.section('fault suite: what became of the entries of the audit log')
    for scenario, *figures in (HEADINGS, *(row for _, row in rows)):
        terminalreporter.write_line(f'{scenario:{width}}' + ''.join(f'{figure:>12}' for figure in figures))
