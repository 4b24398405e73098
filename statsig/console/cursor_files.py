"""The cursor's slots as files of a directory of our own, for a process that runs outside of an Agent.

A write replaces its file as a whole or not at all, whatever crashes, and has reached the disk when it returns.
"""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path

_LONGEST_PROJECT = 60  # characters of it in the names of files: for people, the digest beside it tells them apart


class StateDirectoryError(Exception):
    """The directory cannot be used; the message says which, and why."""


class HeldElsewhereError(Exception):
    """Somebody else works on this cursor; the message says who and what to do."""


class CursorFiles:
    """Raises StateDirectoryError where files cannot be made in `directory`, which is made if it is not there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._held: dict[str, tuple[int, object]] = {}
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            probe = directory / f'.probe-{os.getpid()}'
            os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            probe.unlink()
        except OSError as error:
            raise StateDirectoryError(f'no files can be made in {directory}: {error.strerror}') from None

    def read(self, key: str) -> str:
        """'' where nothing was written. Raises OSError, and ValueError for what is no text."""
        try:
            return self._path(key).read_text(encoding='utf-8')
        except FileNotFoundError:
            return ''

    def write(self, key: str, text: str) -> None:
        """Raises OSError; what was written before is then still there."""
        path = self._path(key)
        new = path.with_name(f'{key}.new')  # nobody else writes it: see `hold`
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, 'wb') as out:
            out.write(text.encode())
            out.flush()
            os.fsync(out.fileno())
        new.replace(path)
        directory = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def hold(self, key: str, holder: object) -> None:
        """Keeps everyone else off this cursor while this process lives, however it ends. Held already, it stays so.

        Raises HeldElsewhereError, and OSError where the lock's file cannot be made.
        """
        path = self._path(f'{key}.lock')
        if key in self._held and self._held[key][1] is holder:
            return
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            process = os.pread(file, 20, 0).decode(errors='replace').strip()
            os.close(file)
            if isinstance(error, BlockingIOError):
                raise HeldElsewhereError(_who(process, path)) from None
            raise
        os.ftruncate(file, 0)
        os.pwrite(file, f'{os.getpid()}\n'.encode(), 0)
        self._held[key] = file, holder

    def release(self) -> None:
        """Others may go on from here."""
        for file, _ in self._held.values():
            os.close(file)
        self._held.clear()

    def _path(self, key: str) -> Path:
        return self.directory / key


def file_key(project: str, digest: str) -> str:
    """Of the files of one cursor: `audit_log_<project>_<digest>`. The digest is of everything that it is known by."""
    return f'audit_log_{re.sub("[^A-Za-z0-9-]", "-", project[:_LONGEST_PROJECT])}_{digest}'


def _who(process: str, path: Path) -> str:
    remedy = 'Two would share one position in the audit log.'
    if process == str(os.getpid()):
        return (
            f'Another instance of this configuration reads the same audit log ({path} is locked). {remedy} Give each '
            'instance its own `name`, or set `collect_audit_log: false` in one.'
        )
    who = f'process {process}' if process.isdigit() else 'a process'
    return (
        f'{path} is locked by {who}, which reads the same audit log. {remedy} Stop that one, or give the instances '
        'different `name`s.'
    )
