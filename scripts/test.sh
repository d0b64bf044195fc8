#!/usr/bin/env bash
# Every check, in the order in which failures are cheapest. Ends with a line that says what was and was not run.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/lint.sh
page=$(mktemp)
trap 'rm -f "$page"' EXIT
bash scripts/check-page.sh 2>&1 | tee "$page"
.venv/bin/python -m pytest -q -rs "$@"
echo "lint: passed; tests: passed; $(grep '^page checks' "$page" | tail -n 1)"
