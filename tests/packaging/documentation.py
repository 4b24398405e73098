"""The shell commands of pages in docs/, so that tests run what people are told to run."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / 'docs'
INSTALLATION, RELAY = DOCS / 'installation.md', DOCS / 'relay.md'
# A comment above each block of commands says under which name a test runs it, or why none does.
BLOCK = re.compile(r'(?:<!-- (?P<kind>run|not run): (?P<text>[^>]+) -->\n)?```sh\n(?P<commands>.*?)```', re.DOTALL)


def blocks(page: Path = INSTALLATION) -> list[re.Match[str]]:
    return list(BLOCK.finditer(page.read_text(encoding='utf-8')))


def links_to_nowhere(page: Path) -> list[str]:
    """Links to headings that the page does not have, and to files that are not there."""
    text = page.read_text(encoding='utf-8')
    headings = {_anchor(heading) for heading in re.findall(r'^#+ (.*)$', text, re.MULTILINE)}
    links = [link for link in re.findall(r'\]\(([^)]+)\)', text) if not link.startswith('https://')]
    return [
        link
        for link in links
        if (link[1:] not in headings if link.startswith('#') else not (page.parent / link.partition('#')[0]).exists())
    ]


def _anchor(heading: str) -> str:
    return re.sub(r'[^a-z0-9 -]', '', heading.lower()).replace(' ', '-')


def commands(name: str, page: Path = INSTALLATION) -> str:
    """The commands of the block `<!-- run: name -->`. Raises ValueError unless there is exactly one."""
    (found,) = (block['commands'] for block in blocks(page) if (block['kind'], block['text']) == ('run', name))
    return found
