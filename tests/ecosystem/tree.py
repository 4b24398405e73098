"""A repository like Datadog's own, in a temporary directory, whose one integration is this project."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = 'statsig'

# Without a manifest's help, ddev takes these from the repository. ddev asks PyPI for a newer release of itself, unless
# told not to.
REPOSITORY_CONFIG = f"""\
[overrides.display-name]
{NAME} = "Statsig"
[overrides.metrics-prefix]
{NAME} = "statsig."
"""
DDEV_CONFIG = 'upgrade_check = false\n'


class Tree:
    """`integration` is the copy of this project. Everything else ddev could look at is in `directory` as well."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.repository = directory / 'repository'
        self.integration = self.repository / NAME

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command in the repository, with a home and a configuration that are this tree's, and nobody else's."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith(('GIT_', 'DDEV_', 'XDG_'))}
        environment |= {
            'HOME': str(self.directory / 'home'),
            'DDEV_CONFIG': str(self.directory / 'ddev.toml'),
            'GIT_CONFIG_NOSYSTEM': '1',
            'NO_COLOR': '1',
            'COLUMNS': '200',
        }
        return subprocess.run(
            command, cwd=self.repository, env=environment, capture_output=True, text=True, check=False, timeout=120
        )

    def copy(self, directory: Path) -> Tree:
        shutil.copytree(self.directory, directory)
        return Tree(directory)


def make_tree(directory: Path) -> Tree:
    """Of the files that git tracks, as they are in the working tree. Raises RuntimeError where git does not run."""
    tree = Tree(directory)
    for folder in (directory / 'home', tree.repository / '.ddev', tree.integration):
        folder.mkdir(parents=True)
    (directory / 'ddev.toml').write_text(DDEV_CONFIG, encoding='utf-8')
    (tree.repository / '.ddev' / 'config.toml').write_text(REPOSITORY_CONFIG, encoding='utf-8')
    for name in _tracked_files():
        if (ROOT / name).is_file():  # it may have been deleted: then the validators shall miss it
            (tree.integration / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tree.integration / name)
    author = ('-c', 'user.name=validate', '-c', 'user.email=validate@localhost')
    for command in (('init', '-b', 'master'), ('add', '-A'), (*author, 'commit', '-m', 'The working tree')):
        _must(tree.run('git', *command))
    return tree


def _tracked_files() -> list[str]:
    listed = subprocess.run(
        ('git', '-C', str(ROOT), 'ls-files', '-z'), capture_output=True, text=True, check=False, timeout=60
    )
    return [name for name in _must(listed).split('\0') if name]


def _must(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode != 0:
        raise RuntimeError(f'{" ".join(done.args)} exited {done.returncode}: {done.stderr.strip()}')
    return done.stdout
