"""The sandbox as a program."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parents[2]
PROGRAM = 'from statsig.sandbox.run import run_sandbox; run_sandbox(port=0, speed=20_000, history_days=0.1)'


def lines_until(text: str, program: subprocess.Popen[str]) -> list[str]:
    assert program.stdout is not None
    lines: list[str] = []
    while not lines or text not in lines[-1]:
        line = program.stdout.readline()
        assert line, f'it ended before it said {text!r}:\n{"".join(lines)}'
        lines.append(line)
    return lines


@pytest.mark.parametrize('ending', [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_tells_what_happens_and_ends_when_told(ending: signal.Signals) -> None:
    program = subprocess.Popen([sys.executable, '-c', PROGRAM], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        lines = lines_until(' gate_update ', program)
        url = next(line.split('api_url: ')[1].strip() for line in lines if 'api_url' in line)
        key = next(line.split('api_key: ')[1].strip() for line in lines if 'api_key' in line)
        answer = requests.get(f'{url}/console/v1/audit_logs', headers={'STATSIG-API-KEY': key}, timeout=10)
        program.send_signal(ending)
        rest, _ = program.communicate(timeout=20)
    finally:
        program.kill()

    assert program.returncode == 0
    assert answer.json()['data'][0]['name'] in ''.join(lines) + rest
    assert 'gates, 4 experiments' in lines[0]
    assert rest.endswith('Sandbox ended.\n')


def test_a_port_that_is_taken_is_an_error_the_caller_can_word() -> None:
    program = (
        'import socket\n'
        'from statsig.sandbox.run import run_sandbox\n'
        "taken = socket.create_server(('127.0.0.1', 0))\n"
        'try:\n'
        '    run_sandbox(port=taken.getsockname()[1])\n'
        'except OSError as error:\n'
        "    print('taken:', error.strerror)\n"
    )

    ended = subprocess.run([sys.executable, '-c', program], cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert ended.stdout == 'taken: Address already in use\n'
