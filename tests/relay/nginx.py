"""nginx as deploy/relay/nginx.conf sets it up, in front of relays that run here."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.relay.conftest import RunningRelay
from tests.relay.dogstatsd_receiver import wait_until

EXAMPLE = Path(__file__).resolve().parents[2] / 'deploy/relay/nginx.conf'


def nginx_program() -> str:
    # Debian has it in /usr/sbin, which is not on everybody's PATH.
    found = shutil.which('nginx', path=f'{os.environ["PATH"]}:/usr/sbin')
    if not found:
        pytest.skip('nginx is not installed (Debian: nginx-light)')
    return found


def with_main_context(site: str, directory: Path) -> str:
    """A whole configuration around a file of conf.d, all of whose files are in `directory`."""
    kinds = ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi')
    paths = '\n'.join(f'    {kind}_temp_path {directory}/{kind};' for kind in kinds)
    # nginx that is started by root becomes another user, who may not enter the directories of tests.
    user = 'user root;' if os.geteuid() == 0 else ''
    return f"""
{user}
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 256; }}
http {{
{paths}
    # One line a request: which relays were asked, in order, and what the sender was answered.
    log_format asked '$http_x_statsig_signature|$upstream_addr|$status';
    access_log {directory}/access.log asked;
{site}
}}
"""


@contextmanager
def nginx_in_front_of(relays: Sequence[RunningRelay], directory: Path, read_timeout: str = '30s') -> Iterator[str]:
    """The address of the webhook, without TLS."""
    program = nginx_program()
    with socket.create_server(('127.0.0.1', 0)) as free:
        port: int = free.getsockname()[1]
    site = EXAMPLE.read_text(encoding='utf-8')
    addresses = iter(f'127.0.0.1:{relay.port}' for relay in relays)
    site, servers = re.subn(r'relay-\d\.example\.com:8700', lambda _: next(addresses), site)
    assert servers == len(relays)
    site = re.sub(r'^ +ssl_.*\n', '', site, flags=re.MULTILINE)
    assert site.count('listen 443 ssl;') == site.count('proxy_read_timeout 30s;') == 1
    site = site.replace('listen 443 ssl;', f'listen 127.0.0.1:{port};')
    site = site.replace('proxy_read_timeout 30s;', f'proxy_read_timeout {read_timeout};')
    (directory / 'nginx.conf').write_text(with_main_context(site, directory), encoding='utf-8')
    errors = directory / 'error.log'
    process = subprocess.Popen([program, '-p', directory, '-c', directory / 'nginx.conf', '-e', errors])
    try:
        wait_until(lambda: _listens(port) or process.poll() is not None)
        assert process.poll() is None, errors.read_text()
        yield f'http://127.0.0.1:{port}/webhooks/statsig'
    finally:
        process.terminate()
        process.wait(timeout=20)


@dataclass(frozen=True, slots=True)
class Asked:
    """What nginx did with a request. signature: that of the delivery. ports: of the relays, in order."""

    signature: str
    ports: tuple[int, ...]
    status: int


def requests(directory: Path) -> list[Asked]:
    """In the order in which they ended."""
    lines = (line.split('|') for line in (directory / 'access.log').read_text().splitlines())
    return [
        Asked(signature, tuple(map(int, re.findall(r'127\.0\.0\.1:(\d+)', relays))), int(status))
        for signature, relays, status in lines
    ]


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(('127.0.0.1', port)) == 0
