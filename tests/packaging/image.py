"""deploy/agent/Dockerfile carried out on a directory laid out as the Agent's image: no registry is needed for that."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.packaging.agent_tree import AgentTree, lay_out

DOCKERFILE = Path(__file__).resolve().parents[2] / 'deploy/agent/Dockerfile'


def instructions(dockerfile: Path = DOCKERFILE) -> list[tuple[str, str]]:
    """(instruction, arguments) in order, without comments, continued lines joined."""
    text = re.sub(r'^#.*\n', '', dockerfile.read_text(encoding='utf-8'), flags=re.MULTILINE)
    lines = text.replace('\\\n', ' ').splitlines()
    return [(name, arguments.strip()) for name, _, arguments in (line.partition(' ') for line in lines if line)]


def build(context: Path, root: Path) -> AgentTree:
    """What `docker build` would make of the build context, from a bare Agent."""
    tree = lay_out(root)
    (root / 'tmp').mkdir()
    for name, arguments in instructions():
        if name == 'COPY':
            source, destination = arguments.split()
            found = list(context.glob(source))
            assert found, f'COPY {source}: not in the build context'
            for file in found:
                shutil.copy(file, f'{root}{destination}')
        elif name == 'RUN':
            tree.shell(arguments.replace('/tmp/', f'{root}/tmp/'), cwd=root)
        else:
            assert name in {'ARG', 'FROM'}, f'{name} is not carried out here: teach it'
    return tree
