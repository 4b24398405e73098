"""What datadog-checks-dev holds a manifest to, run in a tree as ddev's other validators are.

ddev has no command for these any more; the release that is pinned still carries them, and they work offline. What
only Datadog's servers check (the schema) is left out.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from datadog_checks.dev.tooling.constants import set_root
from datadog_checks.dev.tooling.datastructures import JSONDict
from datadog_checks.dev.tooling.manifest_validator import get_all_validators

SET_BY_DATADOG = 'display_on_public_website'  # a warning that it is off: this integration is not in the catalogue


def main(name: str) -> int:
    set_root(str(Path.cwd()))
    manifest = JSONDict(json.loads(Path(name, 'manifest.json').read_text(encoding='utf-8')))
    checks = get_all_validators(None, manifest['manifest_version'], is_extras=True, ignore_schema=True)
    failures = []
    for check in checks:
        check.validate(name, manifest, False)
        warnings = [text for text in check.result.messages['warning'] if SET_BY_DATADOG not in text]
        failures += [text.strip() for text in [*check.result.messages['failure'], *warnings]]
    print('\n'.join(failures) or f'{len(checks)} checks of the manifest passed')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
