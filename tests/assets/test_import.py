"""The recipes of docs/dashboards.md import what it says, and no command on any page shows a key to everybody."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.assets import documentation
from tests.assets.files import ROOT, dashboards, every_dashboard, monitors

KEYS = {'DD_API_KEY': 'k3y-of-the-api', 'DD_APP_KEY': 'k3y-of-the-app'}
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md')), *sorted((ROOT / 'deploy').rglob('*.md'))]

# Stands before the real curl: writes down its arguments, as everybody sees them, and calls it for this machine.
CURL = """#!{python}
import os, sys
with open({arguments!r}, 'a') as file:
    file.write(' '.join(sys.argv[1:]) + chr(10))
own = [each.replace('https://api.datadoghq.eu', {url!r}) for each in sys.argv[1:]]
os.execv({curl!r}, ['curl', *own])
"""


class Datadog:
    """Takes what is posted to it: (path, both keys, body)."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, tuple[str | None, str | None], Any]] = []
        datadog = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
                keys = self.headers['DD-API-KEY'], self.headers['DD-APPLICATION-KEY']
                datadog.posted.append((self.path, keys, body))
                self.send_response(200)
                self.send_header('Content-Length', '0')
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self.http.server_port}'


@pytest.fixture
def datadog() -> Iterator[Datadog]:
    found = Datadog()
    thread = threading.Thread(target=found.http.serve_forever, args=(0.05,))
    thread.start()
    yield found
    found.http.shutdown()
    thread.join()
    found.http.server_close()


@pytest.mark.parametrize('shell', ['sh', 'bash'])
def test_the_recipe_for_the_api_imports_all_that_is_ready_to_be(datadog: Datadog, tmp_path: Path, shell: str) -> None:
    (recipe,) = (block for block in re.findall(r'```sh\n(.*?)```', documentation.PAGE, re.DOTALL) if 'curl' in block)
    for tool in ('curl', 'jq', shell):
        assert shutil.which(tool), f'{tool} is not installed'
    arguments, curl = tmp_path / 'arguments', tmp_path / 'curl'
    real = str(shutil.which('curl'))
    curl.write_text(CURL.format(python=sys.executable, arguments=str(arguments), url=datadog.url, curl=real))
    curl.chmod(0o755)
    environment = {**os.environ, **KEYS, 'DD_SITE': 'datadoghq.eu', 'PATH': f'{tmp_path}:{os.environ["PATH"]}'}

    subprocess.run([shell, '-ec', recipe], cwd=ROOT, env=environment, check=True, timeout=60)

    assert {keys for _, keys, _ in datadog.posted} == {tuple(KEYS.values())}
    posted = {path: [body for at, _, body in datadog.posted if at == path] for path, _, _ in datadog.posted}
    assert posted == {
        '/api/v1/dashboard': [*dashboards().values()],
        '/api/v1/monitor': [monitor['definition'] for monitor in monitors().values()],
    }
    assert [key for key in KEYS.values() if key in arguments.read_text()] == []


def test_the_recipe_for_terraform_names_the_same_files() -> None:
    (pattern,) = re.findall(r'assets/dashboards", "([^"]+)"', documentation.PAGE)

    assert [file for file in every_dashboard() if fnmatch(file, pattern)] == [*dashboards()]


# What is seen in the list of processes: a key, or the variable that holds one, among the arguments of a command.
_SHOWN = re.compile(
    r'(?:-H|--header)[ =]?["\'][^"\']*KEY: *[^"\']|--from-literal|console-(?!sandbox)[\w.…]|--(?:api-|app-)?key[ =]|'
    r'\benv [^\n]*\w*(?:KEY|TOKEN|SECRET)\w*=|--env \w*(?:KEY|TOKEN|SECRET)\w*='
)


def shown_to_everybody(page: str) -> list[str]:
    blocks = re.findall(r'```(?:sh|bash|shell|console)\n(.*?)```', page, re.DOTALL)
    commands = [command for block in blocks for command in block.replace('\\\n', ' ').split('\n')]
    # What stands before a command is its environment: that is nobody else's to read.
    return [command for command in commands if _SHOWN.search(re.sub(r'^(\w+=\S* )+', '', command))]


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_no_command_has_a_key_among_its_arguments(page: Path) -> None:
    assert shown_to_everybody(page.read_text(encoding='utf-8')) == []


@pytest.mark.parametrize(
    'command',
    [
        'curl https://api.datadoghq.com -H "DD-API-KEY: $DD_API_KEY"',
        'kubectl create secret generic a \\\n  --from-literal=datadog-api-key=0123',
        'sudo env STATSIG_CONSOLE_API_KEY=console-... python3',
        'docker run --env DD_API_KEY=0123 agent',
        'statsig-datadog check --api-key console-abc',
    ],
)
def test_such_a_command_would_be_found(command: str) -> None:
    assert shown_to_everybody(f'```sh\n{command}\n```') != []
