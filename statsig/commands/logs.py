"""The log of a command that runs until it is told to stop: lines on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence


def start_logging(name: str, secrets: Sequence[str] = ()) -> None:
    """secrets: never to be seen, whatever library would write them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(f'%(asctime)s {name} %(levelname)s %(message)s', secrets))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # datadogpy writes protocol lines here, and nothing that concerns its users.
    logging.getLogger('datadog').setLevel(logging.ERROR)


class _Formatter(logging.Formatter):
    def __init__(self, layout: str, secrets: Sequence[str]) -> None:
        super().__init__(layout)
        self._secrets = tuple(secret for secret in secrets if secret)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, '***')
        return text
