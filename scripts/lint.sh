#!/usr/bin/env bash
# Style, types, import rules and published advisories on what is locked. Runs all of them; fails when any does.
set -uo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
failed=0
$bin/ruff check --quiet . || failed=1
$bin/ruff format --quiet --check . || { echo "The code is not formatted: run 'make format'."; failed=1; }
$bin/mypy --no-error-summary || failed=1
imports=$($bin/lint-imports --no-cache 2>&1) || { echo "$imports"; failed=1; }

$bin/python scripts/advisories.py check || failed=1

# The page's import rules need Node. Without it they are not run; in CI they must run.
. scripts/node.sh
held="ruff, mypy, import rules and advisories"
if find_node "$PWD"; then
  page_imports=$(cd web && install_page_packages && npm run --silent imports 2>&1) ||
    { echo "$page_imports"; failed=1; }
else
  held="ruff, mypy, advisories and the import rules of the Python code"
  echo "not run  import rules of web/src: Node >= 20.19 is not installed ('make node' brings one into .venv)"
  [ "${CI:-}" != true ] || { echo "CI requires the import rules of web/src."; failed=1; }
fi
[ $failed = 0 ] && echo "lint: $held hold"
exit $failed
