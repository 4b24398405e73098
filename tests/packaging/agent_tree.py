"""A directory laid out as a machine with an Agent: /etc/datadog-agent, /opt/datadog-agent, an embedded Python.

The Python is a real one of its own, with datadog-checks-base and what the Agent embeds, and nothing of this checkout.
What the machine has beside the Agent and cannot be here (root, the user dd-agent, systemd) is a stand-in on the PATH.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from statsig.sandbox.agent import Run
from statsig.sandbox.embedded import EMBEDDED_PACKAGES

# sys.path of an Agent's checks: wheels first, checks.d last (GetPythonPaths in pkg/collector/python).
RUN_AS_THE_AGENT = """
import sys
sys.path.append(sys.argv.pop(1))
from statsig.sandbox.agent_program import main
sys.exit(main())
"""
STAND_INS = {
    'sudo': '[ "$1" = -u ] && { export USER_OF_COMMAND=$2; shift 2; }; exec "$@"',
    'chown': 'for path; do last=$path; done; [ -e "$last" ]',
    'systemctl': '[ "$*" = "restart datadog-agent" ]',
    'datadog-agent': 'exec agent "$@"',
}


@dataclass(frozen=True)
class AgentTree:
    """`etc` is its /etc/datadog-agent, `opt` its /opt/datadog-agent."""

    root: Path

    @property
    def etc(self) -> Path:
        return self.root / 'etc/datadog-agent'

    @property
    def opt(self) -> Path:
        return self.root / 'opt/datadog-agent'

    @property
    def run_path(self) -> Path:
        return self.opt / 'run'

    @property
    def site_packages(self) -> Path:
        (found,) = (self.opt / 'embedded/lib').glob('python3.*/site-packages')
        return found

    @property
    def conf_yaml(self) -> Path:
        return self.etc / 'conf.d/statsig.d/conf.yaml'

    def shell(self, script: str, cwd: Path) -> str:
        """Runs shell commands as if the tree were the machine. Fails the test when one of them fails."""
        for directory in ('/etc/datadog-agent', '/opt/datadog-agent'):
            script = script.replace(directory, f'{self.root}{directory}')
        path = f'{self.root}/usr/bin:{self.opt}/bin/agent:{os.environ["PATH"]}'
        command = ['bash', '-euo', 'pipefail', '-c', script]
        done = subprocess.run(
            command, cwd=cwd, env={'PATH': path}, capture_output=True, text=True, check=False, timeout=60
        )
        if done.returncode != 0:
            pytest.fail(f'{script}\nexited {done.returncode}:\n{done.stdout}\n{done.stderr}')
        return done.stdout

    def runs(self, number: int = 1) -> list[Run]:
        """What the check submits when the Agent is started and runs it: a process of its own each time."""
        # -I: neither the environment nor the working directory adds to what the Agent can import.
        command = [self.opt / 'embedded/bin/python3', '-I', '-c', RUN_AS_THE_AGENT, self.etc / 'checks.d', '--json']
        command += ['--config', self.conf_yaml, '--cache', self.run_path, '--runs', number, '--interval', '0']
        done = subprocess.run(
            [str(part) for part in command], cwd=self.root, capture_output=True, text=True, check=False, timeout=60
        )
        if done.returncode != 0:
            pytest.fail(f'the Agent exited {done.returncode}:\n{done.stdout}\n{done.stderr}')
        return [Run.from_json_object(json.loads(line)) for line in done.stdout.splitlines()]


def lay_out(root: Path) -> AgentTree:
    """A bare Agent, as after its installation."""
    tree = AgentTree(root)
    for directory in ('checks.d', 'conf.d/cpu.d'):
        (tree.etc / directory).mkdir(parents=True)
    (tree.etc / 'conf.d/cpu.d/conf.yaml.default').write_text('init_config:\ninstances:\n  - {}\n')
    (tree.etc / 'datadog.yaml').write_text('api_key: 0123\n')
    tree.run_path.mkdir(parents=True)
    (tree.opt / 'final_constraints-py3.txt').touch()
    embed_python(tree)

    program = Path(__file__).with_name('agent_integration.py')
    stand_ins = {f'usr/bin/{name}': script for name, script in STAND_INS.items()}
    stand_ins['opt/datadog-agent/bin/agent/agent'] = f'exec {sys.executable} {program} {root} "$@"'
    for name, script in stand_ins.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f'#!/bin/sh\n{script}\n')
        (root / name).chmod(0o755)
    return tree


def embed_python(tree: AgentTree) -> None:
    """A new embedded Python in place of the old one, as packages of the Agent bring it."""
    shutil.rmtree(tree.opt / 'embedded', ignore_errors=True)
    venv.create(tree.opt / 'embedded', with_pip=False, symlinks=True)
    ours, theirs = Path(sysconfig.get_path('purelib')), tree.site_packages
    # Wheels add to `datadog_checks`: a folder of its own. The rest is linked.
    (theirs / 'datadog_checks').mkdir()
    for entry in (ours / 'datadog_checks').iterdir():
        (theirs / 'datadog_checks' / entry.name).symlink_to(entry)
    for entry in ours.iterdir():
        name = entry.name.partition('.')[0]
        # mypyc compiles several modules of a package into one beside it.
        if name in EMBEDDED_PACKAGES | {'_yaml'} or name.endswith('__mypyc') or name.startswith('datadog_checks_base'):
            (theirs / entry.name).symlink_to(entry)
