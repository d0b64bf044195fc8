#!/usr/bin/env bash
# Style, types and import rules. Stops at the first that fails.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
$bin/ruff check --quiet .
$bin/ruff format --quiet --check .
$bin/mypy --no-error-summary
$bin/lint-imports --no-cache > /tmp/signroom-imports.$$ || { cat /tmp/signroom-imports.$$; rm -f /tmp/signroom-imports.$$; exit 1; }
rm -f /tmp/signroom-imports.$$
echo "lint: ruff, mypy and import rules hold"
