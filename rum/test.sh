#!/usr/bin/env bash
# Types and tests of the browser package, after installing what they need. What cannot be had is said, not hidden:
# by hand it is skipped, in CI it is a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

lacking() {
  echo "rum/: $1" >&2
  [ -z "${CI:-}" ] || exit 1
}

chromium() {
  ls "${CHROMIUM:-/usr/bin/chromium}" /usr/bin/chromium-browser /usr/bin/google-chrome 2>/dev/null | head -n 1
}

if ! node -e 'const [a, b] = process.versions.node.split("."); process.exit(+(a * 100 + +b < 2011))' 2>/dev/null; then
  lacking 'SKIPPED, all of it: Node.js 20.11 or newer is not here. Install it (https://nodejs.org) and run this again.'
  exit 0
fi

# npm writes that file last.
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --loglevel=error

if [ -z "$(chromium)" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo 'rum/: installing Chromium' >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium >/dev/null || true
fi
if [ -z "$(chromium)" ]; then
  lacking 'SKIPPED, the tests in a browser: Chromium is not here. Install it (sudo apt-get install chromium), or name it: CHROMIUM=/path/to/chrome make rum-test'
fi

npx tsc
npx vitest run --reporter=dot
