"""The blocks of docs/dashboards.md that somebody is told to paste."""

from __future__ import annotations

import json
import re

from tests.assets.files import ROOT, JsonObject

PAGE = (ROOT / 'docs' / 'dashboards.md').read_text(encoding='utf-8')


def downtime() -> JsonObject:
    """The request for the recurring downtime, the only JSON of the page."""
    (block,) = re.findall(r'```json\n(.*?)```', PAGE, re.DOTALL)
    request: JsonObject = json.loads(block)
    return request


def query() -> str:
    """The query of a monitor that is offered instead of one of ours."""
    (block,) = re.findall(r'```text\n(.*?)```', PAGE, re.DOTALL)
    return ' '.join(str(block).split())
