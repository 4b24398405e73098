"""Which packages an Agent's Python has. `block_what_the_agent_lacks` makes this interpreter pretend to be one.

The list holds what `datadog-checks-base` requires with all its extras, and what those require; all of that is in every
Agent. An Agent has more, but a check that needs more than this rests on luck.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

RTLOADER_MODULES = frozenset(
    {'aggregator', 'datadog_agent', 'tagger', '_util', 'util', 'kubeutil', 'containers', 'telemetry', 'topology'}
)
_REQUIRED_BY_BASE = {
    *('binary', 'cachetools', 'cryptography', 'dateutil', 'ddtrace', 'google', 'jellyfish', 'lazy_loader', 'mmh3'),
    *('orjson', 'prometheus_client', 'pydantic', 'requests', 'requests_toolbelt', 'requests_unixsocket', 'simplejson'),
    *('urllib3', 'wrapt', 'yaml', 'aws_requests_auth', 'botocore', 'jwt', 'kubernetes', 'oauthlib', 'OpenSSL', 'socks'),
    *('requests_kerberos', 'requests_ntlm', 'requests_oauthlib'),
}
_REQUIRED_BY_THOSE = {
    *(
        '_cffi_backend',
        'annotated_types',
        'certifi',
        'cffi',
        'charset_normalizer',
        'cython_runtime',
        'idna',
        'jmespath',
    ),
    *('packaging', 'pycparser', 'pydantic_core', 'six', 'typing_extensions', 'typing_inspection'),
}
EMBEDDED_PACKAGES = frozenset(_REQUIRED_BY_BASE | _REQUIRED_BY_THOSE)
OWN_PACKAGES = frozenset({'datadog_checks', 'statsig'})


class _OnlyEmbedded(MetaPathFinder):
    def __init__(self, allowed: frozenset[str]) -> None:
        self._allowed = allowed

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package = fullname.partition('.')[0]
        if package in self._allowed or package.startswith(('_cython_', '_sysconfigdata')):
            return None
        raise ModuleNotFoundError(f'No module named {package!r} (the Agent does not embed it)', name=package)


def block_what_the_agent_lacks(also_allow: Sequence[str] = ()) -> None:
    """From here on, importing a package that the Agent does not embed raises ModuleNotFoundError in this process.

    also_allow: more top-level names, such as a check under test. Raises RuntimeError when such a package is already
    imported: the promise would be empty.
    """
    allowed = frozenset(sys.stdlib_module_names) | RTLOADER_MODULES | EMBEDDED_PACKAGES | OWN_PACKAGES
    finder = _OnlyEmbedded(allowed | frozenset(also_allow))
    for package in ('datadog', 'msgspec', 'httpx', 'aiohttp', 'flask', 'uvicorn', 'pytest', 'hypothesis'):
        if package in sys.modules:
            raise RuntimeError(f'{package} is already imported: block what the Agent lacks in a fresh process')
    sys.meta_path.insert(0, finder)
