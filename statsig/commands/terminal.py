"""Writing for people: colours only where they are seen, tables that fit, and a sign of life while one waits."""

from __future__ import annotations

import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

_CODES = {'bold': '1', 'dim': '2', 'red': '31', 'green': '32', 'yellow': '33', 'blue': '34', 'cyan': '36'}
_ESCAPE = re.compile('\x1b\\[[0-9;]*m')


class Terminal:
    """Where a command writes. `width` is between 80 and 120 columns, 100 where the output is no terminal.

    Colours appear on a terminal only, and not at all where NO_COLOR is set (https://no-color.org).
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._colours = self._out.isatty() and not os.environ.get('NO_COLOR') and os.environ.get('TERM') != 'dumb'
        self.width = min(120, max(80, shutil.get_terminal_size().columns)) if self._out.isatty() else 100

    def line(self, text: str = '') -> None:
        print(text.rstrip(), file=self._out, flush=True)

    def heading(self, text: str, note: str = '') -> None:
        self.line()
        self.line(f'{self.style(text, "bold")}{self.style("  " + note, "dim") if note else ""}')

    def style(self, text: str, *styles: str) -> str:
        if not self._colours or not text:
            return text
        return f'\x1b[{";".join(_CODES[style] for style in styles)}m{text}\x1b[0m'

    def step(self, text: str, sign: str = '✔') -> None:
        """Something that has just been done."""
        self.line(f'  {self.style(sign, "green" if sign == "✔" else "yellow")} {text}')

    def verdict(self, good: bool, text: str) -> None:
        """Something that was promised, and whether it is so."""
        self.line(f'  {self.style("✔", "green") if good else self.style("✖", "red")} {text}')

    def table(self, rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> None:
        """Rows of equally many cells; the columns in `right` are aligned to the right. Cells may carry colours."""
        widths = [max(visible_length(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
        for row in rows:
            cells = [
                _padded(cell, width, column in right)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            self.line('  ' + '  '.join(cells))

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """While the body runs, a terminal shows `text` and the seconds gone by; nothing is shown anywhere else."""
        if not self._out.isatty():
            yield
            return
        done = threading.Event()
        thread = threading.Thread(target=self._show_seconds, args=(text, done), daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _show_seconds(self, text: str, done: threading.Event) -> None:
        started = time.monotonic()
        while not done.wait(0.2):
            shown = f'  {text} {time.monotonic() - started:.0f} s'[: self.width]
            print(f'\r{shown}\x1b[K', end='', file=self._out, flush=True)
        print('\r\x1b[K', end='', file=self._out, flush=True)


def visible_length(text: str) -> int:
    return len(_ESCAPE.sub('', text))


def shortened(text: str, width: int) -> str:
    return text if len(text) <= width else f'{text[: width - 1]}…'


def _padded(text: str, width: int, right: bool) -> str:
    padding = ' ' * (width - visible_length(text))
    return padding + text if right else text + padding
