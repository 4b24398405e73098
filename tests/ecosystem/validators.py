"""The validators that apply to an Agent check outside of Datadog's repositories, and how each says that it passed.

Not here, and why: `all`, `ci`, `codeowners`, `labeler`, `pr-description`, `qa-label`, `agent-reqs`, `licenses` and
`version` are about Datadog's repositories; `license-headers` wants Datadog's copyright in each file, `eula` a terms
file of the marketplace; `jmx-metrics` and `openmetrics` are for other kinds of checks; `typos` fails when it finds
nothing.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.ecosystem.tree import NAME, Tree


@dataclass(frozen=True, slots=True)
class Validator:
    """`proof` must be in what it prints: some exit 0 without having looked at a file, or in spite of a finding."""

    name: str
    proof: str
    holds: str
    options: tuple[str, ...] = ()
    finding: str = '(?!)'

    def command(self) -> tuple[str, ...]:
        if self.name == 'manifest':
            return (sys.executable, str(Path(__file__).with_name('manifest_checks.py')), NAME)
        ddev = str(Path(sys.executable).with_name('ddev'))
        return (ddev, '--here', '--no-interactive', 'validate', self.name, *self.options, NAME)


@dataclass(frozen=True, slots=True)
class Verdict:
    validator: Validator
    passed: bool
    output: str


VALIDATORS = (
    Validator('config', r'All \d+ configuration files are valid', 'conf.yaml.example is that of spec.yaml'),
    Validator('models', r'All \d+ data model files are in sync', 'config_models/ are those of spec.yaml'),
    Validator('manifest', r'\d+ checks of the manifest passed', 'manifest.json'),
    Validator('metadata', r'Passed: 1', 'metadata.csv: columns, types, units, names'),
    Validator('dashboards', r'\d+ valid files', 'dashboards that the manifest lists'),
    Validator('service-checks', r'1 valid files', 'service_checks.json'),
    Validator('saved-views', r'All saved views are valid', 'saved views that the manifest lists'),
    Validator('package', r'1 valid files', 'the name of the package'),
    Validator('dep', r'All dependencies are valid', 'CHECKS_BASE_REQ in setup.py'),
    Validator('http', r'Passed: 1', "requests through the Agent's wrapper, and its options in spec.yaml"),
    Validator('imports', r'Validation passed', 'base is imported from where it is'),
    Validator('readmes', r'All 1 READMEs are valid', 'sections, images and characters of README.md'),
    Validator(
        'integration-style',
        r'Validating integration style for 1 integrations',
        'check() has the signature of today',
        options=('--verbose',),
        finding=r'going to be deprecated',
    ),
    Validator(
        'legacy-signature',
        r'uses the new agent signature',
        'no agentConfig in the constructor',
        finding=r'uses legacy agent signature',
    ),
)


def run(validator: Validator, tree: Tree) -> Verdict:
    done = tree.run(*validator.command())
    # Long lines are wrapped, and what is said in two places may be in two streams.
    output = done.stdout + done.stderr
    unwrapped = re.sub(r'\s+', ' ', output)
    says_so = re.search(validator.proof, output) is not None
    found = re.search(validator.finding, unwrapped) is not None
    return Verdict(validator, done.returncode == 0 and says_so and not found, output.strip())
