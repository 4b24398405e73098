"""The Agent's persistent cache, on a directory, with everything that makes it dangerous to rely on.

A write truncates the file in place, does not sync, and says nothing when it fails. A read of a key never written gives
''. The knobs (`writes_are_lost`, `tear_after`, `reads_fail`) are plain attributes and stay until they are put back.
"""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

_UNUSABLE = re.compile('[^a-zA-Z0-9_-]')


class PersistentCache:
    """`read` and `write` behave as `datadog_agent.read_persistent_cache` and `write_persistent_cache` do.

    directory: the Agent's `run_path`; made if absent. Two processes may share it, as the Agent and `agent check` do.
    writes_are_lost: a write changes nothing, silently (directory not writable, file owned by root).
    tear_after: only this many bytes of a write reach the file, silently (full disk, crash); 0 leaves it empty.
    reads_fail: a read raises RuntimeError, as the Agent does when the file is there and cannot be read.
    full_after: so many more writes succeed, then the disk is full: files are truncated and stay empty, silently.
    killed_in: (writes, bytes): after so many more writes, the process is killed in the next one, when so many bytes of
        it have reached the file.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.writes_are_lost = False
        self.tear_after: int | None = None
        self.reads_fail = False
        self.full_after: int | None = None
        self.killed_in: tuple[int, int] | None = None
        self._writes = 0
        directory.mkdir(parents=True, exist_ok=True)

    def path(self, key: str) -> Path:
        """Where `key` is kept: what stands before its first colon is a directory; unusable characters are dropped.

        So `a.b` and `ab` are one key, as they are in the Agent.
        """
        first, colon, rest = key.partition(':')
        parent = self.directory / _UNUSABLE.sub('', first)
        return parent / _UNUSABLE.sub('', rest) if colon else parent

    def read(self, key: str) -> str:
        """'' for a key never written. Raises RuntimeError when the file cannot be read, ValueError when it is no UTF-8.

        What follows a NUL is invisible: the value passes through a C string.
        """
        path = self.path(key)
        if self.reads_fail:
            raise RuntimeError('failed to read data')
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return ''
        except OSError:
            raise RuntimeError('failed to read data') from None
        return content.partition(b'\0')[0].decode()

    def write(self, key: str, value: str) -> None:
        """Truncates the file in place and writes. Never says that it failed, because the Agent does not either."""
        content = value.encode()
        if self.writes_are_lost:
            return
        self._writes += 1
        is_last = self.killed_in is not None and self._writes > self.killed_in[0]
        path = self.path(key)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                os.write(file, content[: self._bytes_that_fit()])
                if is_last:
                    os.kill(os.getpid(), signal.SIGKILL)
            finally:
                os.close(file)
        except OSError:
            return

    def _bytes_that_fit(self) -> int | None:
        if self.killed_in is not None and self._writes > self.killed_in[0]:
            return self.killed_in[1]
        return 0 if self.full_after is not None and self._writes > self.full_after else self.tear_after
