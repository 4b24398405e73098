"""Files that are replaced as a whole, and a lock that ends with its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from statsig.console.cursor import Cursor
from statsig.console.cursor_files import CursorFiles, HeldElsewhereError, StateDirectoryError, file_key
from statsig.console.cursor_store import CursorNotSavedError, CursorStore

ROOT = Path(__file__).resolve().parents[2]


def store(directory: Path) -> CursorStore:
    files = CursorFiles(directory)
    return CursorStore(files.read, files.write, 'cursor')


def python(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, '-c', program, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT)


def test_what_one_process_wrote_another_reads(tmp_path: Path) -> None:
    assert store(tmp_path / 'made' / 'for it').load() is None
    store(tmp_path / 'made' / 'for it').save(Cursor(5, {'AAAAAAAA': 7}))

    assert store(tmp_path / 'made' / 'for it').load() == Cursor(5, {'AAAAAAAA': 7})


def test_a_file_is_never_changed_in_place(tmp_path: Path) -> None:
    files = CursorFiles(tmp_path)
    files.write('cursor_a', 'first')
    with (tmp_path / 'cursor_a').open() as opened:
        files.write('cursor_a', 'second')
        assert opened.read() == 'first'
    assert files.read('cursor_a') == 'second'
    assert [path.name for path in tmp_path.iterdir()] == ['cursor_a']


def test_it_has_reached_the_disk_before_it_gets_its_name_and_so_has_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noting_fsync(file: int) -> None:
        done.append(f'fsync {Path(os.readlink(f"/proc/self/fd/{file}")).name}')
        fsync(file)

    def noting_replace(self: Path, target: Path) -> Path:
        done.append(f'{self.name} -> {target.name}')
        return replace(self, target)

    monkeypatch.setattr(os, 'fsync', noting_fsync)
    monkeypatch.setattr(Path, 'replace', noting_replace)
    CursorFiles(tmp_path).write('cursor_a', 'text')

    assert done == ['fsync cursor_a.new', 'cursor_a.new -> cursor_a', f'fsync {tmp_path.name}']


def test_no_kill_leaves_half_a_file(tmp_path: Path) -> None:
    program = (
        'import sys, pathlib\n'
        'from statsig.console.cursor_files import CursorFiles\n'
        'files, number = CursorFiles(pathlib.Path(sys.argv[1])), 0\n'
        'while True:\n'
        '    number += 1\n'
        '    files.write("cursor_a", str(number) * 40_000)\n'
    )
    seen = set()
    for kill in range(20):
        process = python(program, str(tmp_path))
        while not (tmp_path / 'cursor_a').exists():
            time.sleep(0.001)
        time.sleep(0.003 * kill)
        process.kill()
        process.communicate()
        text = CursorFiles(tmp_path).read('cursor_a')
        number = text[: len(text) // 40_000]
        assert text == number * 40_000
        seen.add(number)
        (tmp_path / 'cursor_a').unlink()
    assert len(seen) > 1


def test_a_full_disk_costs_nothing_that_was_there(tmp_path: Path) -> None:
    """No file may grow beyond 100 bytes in that process: the write fails as on a full disk."""
    store(tmp_path).save(Cursor(1))
    program = (
        'import pathlib, resource, signal, sys\n'
        'from statsig.console.cursor import Cursor\n'
        'from statsig.console.cursor_store import CursorNotSavedError\n'
        'from tests.console.test_cursor_files import store\n'
        'signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n'
        'resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n'
        'one = store(pathlib.Path(sys.argv[1]))\n'
        'one.load()\n'
        'try:\n'
        '    one.save(Cursor(2, {f"{number:08}": 3 for number in range(100)}))\n'
        'except CursorNotSavedError as error:\n'
        '    print(error)\n'
    )
    assert python(program, str(tmp_path)).communicate()[0] == 'failed with OSError\n'
    assert store(tmp_path).load() == Cursor(1)


def test_the_lock_names_its_holder_and_ends_with_it(tmp_path: Path) -> None:
    program = (
        'import pathlib, sys, time\n'
        'from statsig.console.cursor_files import CursorFiles\n'
        'files = CursorFiles(pathlib.Path(sys.argv[1]))\n'
        'files.hold("cursor", None)\n'
        'print("held", flush=True)\n'
        'time.sleep(60)\n'
    )
    other = python(program, str(tmp_path))
    assert other.stdout
    assert other.stdout.readline() == 'held\n'
    files = CursorFiles(tmp_path)
    with pytest.raises(HeldElsewhereError) as refused:
        files.hold('cursor', self_ := object())
    assert f'{tmp_path / "cursor.lock"} is locked by process {other.pid},' in str(refused.value)
    files.hold('another', self_)

    other.send_signal(signal.SIGKILL)
    other.communicate()
    files.hold('cursor', self_)
    files.hold('cursor', self_)


def test_two_in_one_process_cannot_hold_the_same(tmp_path: Path) -> None:
    files = CursorFiles(tmp_path)
    files.hold('cursor', 'one')
    with pytest.raises(HeldElsewhereError, match='Another instance of this configuration'):
        files.hold('cursor', 'two')
    files.release()
    CursorFiles(tmp_path).hold('cursor', 'three')


def test_a_link_in_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / 'victim'
    victim.write_text('precious')
    (tmp_path / 'cursor_a.new').symlink_to(victim)
    (tmp_path / 'cursor.lock').symlink_to(victim)
    files = CursorFiles(tmp_path)
    with pytest.raises(CursorNotSavedError):
        CursorStore(files.read, files.write, 'cursor').save(Cursor(1))
    with pytest.raises(OSError, match='symbolic'):
        files.hold('cursor', None)
    assert victim.read_text() == 'precious'


def test_a_file_that_is_no_text_is_damage_to_one_slot(tmp_path: Path) -> None:
    store(tmp_path).save(Cursor(1))
    (tmp_path / 'cursor_a').write_bytes(b'\xff\xfe\x00')
    assert store(tmp_path).load() == Cursor(1)


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    with pytest.raises(StateDirectoryError, match=f'no files can be made in {tmp_path}/file: '):
        CursorFiles(tmp_path / 'file')


@pytest.mark.parametrize('project', ['../../etc/passwd', 'a/b', 'x' * 500, '', 'ünï\n'])
def test_no_project_leaves_the_directory(tmp_path: Path, project: str) -> None:
    CursorFiles(tmp_path).write(file_key(project, 'd1'), 'text')
    (file,) = tmp_path.iterdir()
    assert file.name.startswith('audit_log_')
