"""A directory laid out as a machine on which the relay is installed: as an image, or on a host with systemd."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from statsig.sandbox.dogstatsd_listener import DogStatsdListener
from statsig.sandbox.relay_process import RelayProcess
from tests.packaging.image import instructions

PROJECT = Path(__file__).resolve().parents[2]
DOCKERFILE = PROJECT / 'deploy/relay/Dockerfile'
PROGRAM = 'opt/statsig-datadog/bin/statsig-datadog'
SOCKET = '/var/run/datadog/dsd.socket'
SETTINGS = {'ARG', 'FROM', 'ENV', 'USER', 'EXPOSE', 'STOPSIGNAL', 'ENTRYPOINT', 'CMD'}
STAND_INS = {
    'sudo': 'exec "$@"',
    'useradd': '[ "$*" = "--system --no-create-home --shell /usr/sbin/nologin statsig-datadog" ]',
    'systemctl': 'echo "$@" >> {root}/systemctl',
}
_PATHS = re.compile(r'(?<![\w.])/(opt/statsig-datadog|etc/statsig-datadog|etc/systemd|tmp/)')


@dataclass(frozen=True)
class Machine:
    root: Path

    @property
    def program(self) -> Path:
        return self.root / PROGRAM

    def shell(self, script: str, cwd: Path, **variables: str) -> str:
        """Runs shell commands as if the directory were the machine. Fails the test when one of them fails."""
        # `python` and `pip` are those that run the tests.
        path = f'{self.root}/usr/bin:{Path(sys.executable).parent}:{os.environ["PATH"]}'
        # pip compiles all that it installs, of which little is imported: for a test, that is time for nothing.
        pip = {'PIP_COMPILE': '0'}
        done = subprocess.run(
            ['bash', '-euo', 'pipefail', '-c', _PATHS.sub(rf'{self.root}/\1', script)],
            cwd=cwd,
            env={**os.environ, **pip, 'PATH': path, **variables},
            capture_output=True,
            text=True,
            timeout=300,
        )
        if done.returncode != 0:
            pytest.fail(f'{script}\nexited {done.returncode}:\n{done.stdout}\n{done.stderr}')
        return done.stdout


@dataclass(frozen=True)
class Image(Machine):
    """settings: of the instructions that set something, the last of each kind."""

    settings: Mapping[str, str]

    @property
    def entry_point(self) -> list[str]:
        return _exec_form(self.settings['ENTRYPOINT'])

    @property
    def command(self) -> list[str]:
        return _exec_form(self.settings['CMD'])


def lay_out(root: Path) -> Machine:
    """A host: what it has beside its files and cannot be here is a stand-in on the PATH."""
    (root / 'usr/bin').mkdir(parents=True)
    (root / 'etc/systemd/system').mkdir(parents=True)
    for name, script in STAND_INS.items():
        program = root / 'usr/bin' / name
        program.write_text(f'#!/bin/sh\n{script.format(root=root)}\n')
        program.chmod(0o755)
    return Machine(root)


def build(context: Path, root: Path) -> Image:
    """What `docker build` would make of the build context. Both stages are in one directory."""
    (root / 'tmp').mkdir(parents=True)
    machine, settings = Machine(root), {}
    for name, arguments in instructions(DOCKERFILE):
        if name == 'COPY' and arguments.startswith('--from=build '):
            _, source, destination = arguments.split()
            assert source == destination
            assert (root / source.lstrip('/')).exists()
        elif name == 'COPY':
            source, destination = arguments.split()
            found = list(context.glob(source))
            assert found, f'COPY {source}: not in the build context'
            for file in found:
                shutil.copy(file, f'{root}{destination}')
        elif name == 'RUN':
            machine.shell(arguments, cwd=root)
        else:
            assert name in {'ARG', 'FROM', 'ENV', 'USER', 'EXPOSE', 'STOPSIGNAL', 'ENTRYPOINT', 'CMD'}, (
                f'{name}: teach it'
            )
            settings[name] = arguments
    return Image(root, settings)


@contextmanager
def relay_with(
    configuration: Mapping[str, Any], secret: str, program: Path, directory: Path
) -> Iterator[tuple[RelayProcess, DogStatsdListener]]:
    """A relay with a configuration for a machine, and what stands for that machine's Agent."""
    assert configuration.get('dogstatsd_url', f'unix://{SOCKET}') == f'unix://{SOCKET}'
    here = {**configuration, 'listen': '127.0.0.1:0', 'dogstatsd_url': f'unix://{directory}/dsd.socket'}
    with (
        DogStatsdListener(directory / 'dsd.socket') as agent,
        RelayProcess(here, secret, directory, program) as relay,
    ):
        yield relay, agent


def sums(agent: DogStatsdListener, prefix: str) -> Counter[str]:
    """By name, without the estimates and the relay's own."""
    found: Counter[str] = Counter()
    for (name, _), value in agent.counts(prefix, without=f'{prefix}.relay.').items():
        found[name] += 0 if name.endswith('.estimated') else value
    return found


def _exec_form(written: str) -> list[str]:
    """Raises ValueError for the other form, which would run a shell that gets the signals."""
    value = json.loads(written)
    if not isinstance(value, list):
        raise ValueError(f'{written} is not in exec form')
    return [str(part) for part in value]


def directives(unit: Path) -> dict[str, str]:
    """Of a systemd unit, those of all sections; of one that is there several times, the last."""
    text = unit.read_text(encoding='utf-8').replace('\\\n', ' ')
    return dict(line.split('=', 1) for line in text.splitlines() if '=' in line and not line.startswith('#'))


def command_of(unit: Path) -> list[str]:
    return shlex.split(directives(unit)['ExecStart'])
