"""Makes what is installed into Agents, byte for byte the same from the same sources.

  python deploy/agent/package.py bundle   dist/statsig-datadog-agent-<version>.zip, to unpack into /etc/datadog-agent
  python deploy/agent/package.py wheel    dist/datadog_statsig-<version>-py3-none-any.whl, for images

Both are built from the modules alone, with fixed modes and one time for every file: that of the commit, or
SOURCE_DATE_EPOCH (seconds) where it is set, or else that of the newest file. The time must change with the contents:
Python goes on using the bytecode of the version before when a module has kept its time and its size, and
`__version__ = '0.1.1'` is as long as `'0.1.0'`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from zipfile import ZIP_STORED, ZipFile, ZipInfo

ROOT = Path(__file__).resolve().parents[2]
CHECK = 'datadog_checks/statsig'
EXAMPLE = f'{CHECK}/data/conf.yaml.example'
# What the check imports, and what `python -m statsig.cli check` needs beside it. The rest of `statsig` runs outside of
# Agents, on packages that they lack.
IN_AGENTS = ('statsig/cli.py', 'statsig/commands', 'statsig/console', 'statsig/datadog', 'statsig/sandbox')
# Exist in every Agent, or are shared with other checks: their modes are not ours to set.
SHARED_DIRECTORIES = {'checks.d', 'conf.d'}
OLDEST_IN_A_ZIP = 315_532_800  # 1980-01-01


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('form', choices=['bundle', 'wheel'])
    parser.add_argument('--output', type=Path, default=ROOT / 'dist', metavar='DIR', help='default: dist')
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    build = write_bundle if options.form == 'bundle' else build_wheel
    print(os.path.relpath(build(ROOT, options.output)))
    return 0


def write_bundle(root: Path, output: Path) -> Path:
    """A zip whose paths are those below /etc/datadog-agent."""
    bundle = output / f'statsig-datadog-agent-{version(root)}.zip'
    date_time = time.gmtime(build_time(root))[:6]
    contents = bundle_contents(root)
    # Not compressed: that would make the bytes depend on the version of zlib.
    with ZipFile(bundle, 'w', ZIP_STORED) as archive:
        for path in sorted({*contents, *_directories(contents)}):
            entry = ZipInfo(path if path in contents else f'{path}/', date_time)
            entry.create_system = 3  # Unix: whoever unpacks it takes the modes over
            is_file = path in contents
            entry.external_attr = (stat.S_IFREG | 0o644 if is_file else stat.S_IFDIR | 0o755) << 16
            entry.external_attr |= 0 if is_file else 0x10  # a directory, for MS-DOS
            archive.writestr(entry, contents.get(path, b''))
    return bundle


def bundle_contents(root: Path) -> Mapping[str, bytes]:
    """Path below /etc/datadog-agent → bytes."""
    contents = {f'checks.d/{path}': (root / path).read_bytes() for path in modules(root, (CHECK, *IN_AGENTS))}
    contents[f'checks.d/{CHECK}/LICENSE'] = (root / 'LICENSE').read_bytes()
    contents['conf.d/statsig.d/conf.yaml.example'] = (root / EXAMPLE).read_bytes()
    return contents


def build_wheel(root: Path, output: Path) -> Path:
    """Built from a copy: setuptools would take leftovers of former versions from `build/`, and modes from the umask."""
    for older in output.glob('datadog_statsig-*.whl'):
        older.unlink()  # the Dockerfile takes the one that is there
    with tempfile.TemporaryDirectory() as directory:
        sources = Path(directory)
        for path in (*modules(root, (CHECK, 'statsig')), EXAMPLE, 'setup.py', 'README.md', 'LICENSE'):
            (sources / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / path, sources / path)
            (sources / path).chmod(0o644)
        options = ['--wheel', '--no-isolation', '--outdir', str(output.resolve())]
        done = subprocess.run(  # noqa: S603  (our own interpreter, our own arguments)
            [sys.executable, '-m', 'build', *options, directory],
            env={**os.environ, 'SOURCE_DATE_EPOCH': str(build_time(root))},
            umask=0o022,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise SystemExit(f'error: the wheel could not be built\n{done.stdout}{done.stderr}')
    (wheel,) = output.glob('datadog_statsig-*.whl')
    return wheel


def modules(root: Path, tops: Sequence[str]) -> Iterator[str]:
    """The Python files at and below `tops`, relative to `root`, in order."""
    for top in tops:
        found = [root / top] if top.endswith('.py') else (root / top).rglob('*.py')
        yield from sorted(path.relative_to(root).as_posix() for path in found)


def version(root: Path) -> str:
    about = (root / CHECK / '__about__.py').read_text(encoding='utf-8')
    found = re.search(r"^__version__ = '(\d+\.\d+\.\d+)'$", about, re.MULTILINE)
    if found is None:
        raise SystemExit(f"error: {CHECK}/__about__.py has no line __version__ = 'x.y.z'")
    return found[1]


def build_time(root: Path) -> int:
    """Epoch seconds."""
    if 'SOURCE_DATE_EPOCH' in os.environ:
        return max(OLDEST_IN_A_ZIP, int(os.environ['SOURCE_DATE_EPOCH']))
    if (root / '.git').exists():
        command = ['git', '-C', str(root), 'log', '-1', '--format=%ct']
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)  # noqa: S603  (ours)
    return int(max((root / path).stat().st_mtime for path in modules(root, (CHECK, 'statsig'))))


def _directories(paths: Mapping[str, bytes]) -> set[str]:
    """Those that are ours. Named in the archive, they are readable for the Agent whatever the umask of who unpacks."""
    parents = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    return parents - SHARED_DIRECTORIES - {'.'}


if __name__ == '__main__':
    sys.exit(main())
