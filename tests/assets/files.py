"""The dashboards and monitors as they lie in `assets/`, and the ways into them that the tests share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
JsonObject = dict[str, Any]


def _loaded(folder: str) -> dict[str, JsonObject]:
    return {file.name: json.loads(file.read_text(encoding='utf-8')) for file in sorted((ROOT / folder).glob('*.json'))}


def every_dashboard() -> dict[str, JsonObject]:
    """By file name. Read anew each time, so that a test may break its copy."""
    return _loaded('assets/dashboards')


def dashboards() -> dict[str, JsonObject]:
    """Those of what the check sends. What the one of RUM asks for is the matter of tests/rum."""
    return {file: board for file, board in every_dashboard().items() if not file.startswith('rum_')}


def monitors() -> dict[str, JsonObject]:
    """By file name, with the frame that integrations-core puts around Datadog's own definition."""
    return _loaded('assets/monitors')


def widgets(board: JsonObject) -> Iterator[JsonObject]:
    """All widgets, those inside of groups after their group."""
    for widget in board['widgets']:
        yield widget
        yield from widgets(widget['definition'] if widget['definition']['type'] == 'group' else {'widgets': []})
