"""`agent integration install | remove` as the Agent's Go code does it, on a tree laid out as an Agent's.

Written after cmd/agent/subcommands/integrations/command.go of datadog-agent. Run by the tree's `agent`:
`python agent_integration.py <root of the tree> integration install …`. Differs in one thing: pip is the one that runs
the tests, told to work on the tree's Python.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

TREE, *ARGUMENTS = sys.argv[1:]
AGENT = Path(TREE) / 'opt/datadog-agent'
PYTHON = AGENT / 'embedded/bin/python3'
CONF_D = Path(TREE) / 'etc/datadog-agent/conf.d'


def main() -> None:
    parser = argparse.ArgumentParser(prog='agent')
    parser.add_argument('integration', choices=['integration'])
    parser.add_argument('command', choices=['install', 'remove'])
    parser.add_argument('--allow-root', '-r', action='store_true')
    parser.add_argument('--local-wheel', '-w', action='store_true')
    parser.add_argument('packages', nargs='*')
    options = parser.parse_intermixed_args(ARGUMENTS)

    if os.environ.get('USER_OF_COMMAND', 'root') == 'root' and not options.allow_root:
        sys.exit('operation is disabled for root user. Please run this tool with the agent-running user or pass -r')
    if len(options.packages) != 1:
        sys.exit('Too many arguments' if options.packages else 'Missing package argument')
    (package,) = options.packages
    if options.command == 'remove':
        pip('uninstall', '-y', package)
    elif options.local_wheel:
        install(Path(package))
    else:
        sys.exit('only wheels that Datadog hosts are installed by name')


def install(wheel: Path) -> None:
    if not wheel.exists():
        sys.exit(f'local wheel {wheel} does not exist')
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith('METADATA'))
        metadata = archive.read(name).decode()
    if 'Requires-Dist: datadog-checks-base' not in metadata:
        sys.exit(f'the wheel {wheel} is not an agent check, it will not be installed')
    named = re.search(r'Name: (\S+)', metadata)
    assert named is not None
    constraints = AGENT / 'final_constraints-py3.txt'
    pip('install', '--constraint', str(constraints), '--no-cache-dir', '--no-index', '--no-deps', str(wheel))

    check = named[1].replace('_', '-').removeprefix('datadog-').replace('-', '_')
    destination = CONF_D / f'{check}.d'
    destination.mkdir(mode=0o755, parents=True, exist_ok=True)
    (checks,) = (AGENT / 'embedded/lib').glob('python3.*/site-packages/datadog_checks')
    for file in (checks / check / 'data').iterdir():
        if re.search(r'[\w_]+\.yaml.*', file.name):
            (destination / file.name).write_bytes(file.read_bytes())
            print(f'Successfully copied configuration file {file.name}')


def pip(*arguments: str) -> None:
    command = [sys.executable, '-m', 'pip', '--python', str(PYTHON), *arguments, '--disable-pip-version-check']
    if subprocess.run(command, check=False).returncode != 0:
        sys.exit('error running command: pip')


if __name__ == '__main__':
    main()
