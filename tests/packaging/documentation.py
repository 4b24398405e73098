"""The shell commands of docs/installation.md, so that tests run what people are told to run."""

from __future__ import annotations

import re
from pathlib import Path

INSTALLATION = Path(__file__).resolve().parents[2] / 'docs' / 'installation.md'
# A comment above each block of commands says under which name a test runs it, or why none does.
BLOCK = re.compile(r'(?:<!-- (?P<kind>run|not run): (?P<text>[^>]+) -->\n)?```sh\n(?P<commands>.*?)```', re.DOTALL)


def blocks() -> list[re.Match[str]]:
    return list(BLOCK.finditer(INSTALLATION.read_text(encoding='utf-8')))


def commands(name: str) -> str:
    """The commands of the block `<!-- run: name -->`. Raises ValueError unless there is exactly one."""
    (found,) = (block['commands'] for block in blocks() if (block['kind'], block['text']) == ('run', name))
    return found
