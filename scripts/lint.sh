#!/usr/bin/env bash
# Style, types and import rules. Runs all of them; fails when any does.
set -uo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
failed=0
$bin/ruff check --quiet . || failed=1
$bin/ruff format --quiet --check . || { echo "The code is not formatted: run 'make format'."; failed=1; }
$bin/mypy --no-error-summary || failed=1
imports=$($bin/lint-imports --no-cache 2>&1) || { echo "$imports"; failed=1; }
[ $failed = 0 ] && echo "lint: ruff, mypy and import rules hold"
exit $failed
