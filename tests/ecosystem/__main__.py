"""`python -m tests.ecosystem`, in an environment with ddev: Datadog's validators on this integration, offline."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.ecosystem.mutations import MUTATIONS, Mutation
from tests.ecosystem.tree import ROOT, Tree, make_tree
from tests.ecosystem.validators import VALIDATORS, Validator, Verdict, run

DESCRIPTION = """\
Runs the validators that Datadog has for integrations on a copy of the files that git tracks, as they are in the
working tree; then breaks one thing after another in copies of it, and sees that the validators notice.
"""
EXIT_CODES = 'exit codes: 0 all is well; 1 a validator failed, or did not notice; 2 they could not be run'
GENERATED = ('datadog_checks/statsig/data/conf.yaml.example', 'datadog_checks/statsig/config_models')


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog='python -m tests.ecosystem', description=DESCRIPTION, epilog=EXIT_CODES)
    parser.add_argument(
        '--generate',
        action='store_true',
        help='write conf.yaml.example and config_models/ from assets/configuration/spec.yaml, and validate nothing',
    )
    options = parser.parse_args(arguments)
    if not Path(sys.executable).with_name('ddev').exists():
        print(f'error: no ddev beside {sys.executable}: `make validate` sets an environment up', file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix='statsig-validate-') as directory:
        try:
            tree = make_tree(Path(directory) / 'tree')
            return generate(tree) if options.generate else validate(tree, Path(directory))
        except RuntimeError as error:
            print(f'error: {error}', file=sys.stderr)
            return 2


def validate(tree: Tree, directory: Path) -> int:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = list(pool.map(lambda validator: run(validator, tree), VALIDATORS))
        for verdict in verdicts:
            print(
                f'  {"passed" if verdict.passed else "FAILED"}  {verdict.validator.name:17} {verdict.validator.holds}'
            )
        failed = [verdict for verdict in verdicts if not verdict.passed]
        for verdict in failed:
            print(f'\n{verdict.validator.name}:\n{verdict.output or "It said nothing at all."}')
        if failed:
            print(f'\n{len(verdicts) - len(failed)} validators passed, {len(failed)} failed')
            return 1
        trials = enumerate(MUTATIONS)
        noticed = list(pool.map(lambda trial: _try(trial[1], tree, directory / str(trial[0])), trials))
    unnoticed = [mutation for mutation, verdict in zip(MUTATIONS, noticed, strict=True) if verdict.passed]
    for mutation in unnoticed:
        print(f'  FAILED  {mutation.validator:17} does not notice: {mutation.what}')
    print(
        f'\n{len(verdicts)} validators passed; {len(noticed) - len(unnoticed)} of {len(noticed)} broken files were '
        'noticed'
    )
    return 1 if unnoticed else 0


def _try(mutation: Mutation, tree: Tree, directory: Path) -> Verdict:
    copy = tree.copy(directory)
    mutation.break_it(copy.integration)
    verdict = run(_validator(mutation.validator), copy)
    shutil.rmtree(directory)
    return verdict


def _validator(name: str) -> Validator:
    return next(validator for validator in VALIDATORS if validator.name == name)


def generate(tree: Tree) -> int:
    for name in ('config', 'models'):
        verdict = run(Validator(name, '', '', options=('--sync',)), tree)
        if not verdict.passed:
            print(verdict.output, file=sys.stderr)
            return 1
    example, models = (tree.integration / path for path in GENERATED)
    shutil.copyfile(example, ROOT / GENERATED[0])
    shutil.copyfile(example, ROOT / 'conf.yaml.example')
    for model in models.glob('*.py'):
        shutil.copyfile(model, ROOT / GENERATED[1] / model.name)
    return 0


if __name__ == '__main__':
    sys.exit(main())
