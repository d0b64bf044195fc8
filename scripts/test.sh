#!/usr/bin/env bash
# Every check, the quick ones first; all of them run whatever fails. Those of the page run beside the others.
# With arguments only pytest runs, with these arguments: tests/domain, '-k name tests/api', ...
# Ends with a table of what passed, failed and was not run. In CI nothing may be left out.
set -uo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
page_log=$(mktemp)
trap 'rm -f "$log" "$page_log"' EXIT
table=()
failed=0

# Bytecode is written, whatever a person's environment says: without it every process that a test starts would compile
# the program anew, which takes a fifth of the time of its start.
export PYTHONDONTWRITEBYTECODE=
.venv/bin/python -m compileall -q src client/src examples || true

record() { # name, exit code
  local word=passed
  [ "$2" = 0 ] || { word=FAILED; failed=1; }
  table+=("$(printf '%-8s %s' "$word" "$1")")
}

record_page() { # once its checks have ended
  wait "$page"
  local code=$?
  page=
  cat "$page_log"
  if [ $code = 77 ] && [ "${CI:-}" != true ]; then
    table+=("not run  page: Node >= 20.19 is not installed ('make node' brings one into .venv)")
  else
    [ $code != 77 ] || echo "Node >= 20.19 is not installed, and CI requires the page's checks."
    record "page: types, unit tests, rebuild gives the same bytes, weight" $code
  fi
}

page=
if [ $# -gt 0 ]; then
  table+=("not run  lint and page: TESTS is given, so only these tests run")
else
  # Beside the others, which use one processor most of the time. What it says is kept, and shown when all of it is there.
  bash scripts/check-page.sh >"$page_log" 2>&1 &
  page=$!
  bash scripts/lint.sh
  record "lint: ruff, mypy, import rules, advisories" $?

  .venv/bin/python -m scripts.docs
  record "docs: the site builds, no dead link, nothing from elsewhere" $?

  # While pytest imports the tests it uses one processor, too: the page's last checks need not be waited for.
  kill -0 "$page" 2>/dev/null || record_page
fi

# Files are begun in the order of tests/harness/order.py; xdist would sort them by their number of tests.
.venv/bin/python -m pytest -q -rfEs --numprocesses auto --dist loadfile --no-loadscope-reorder "$@" 2>&1 | tee "$log"
record "tests: $(grep -E ' in [0-9.]+s( |$)' "$log" | tail -n 1)" "${PIPESTATUS[0]}"
[ -z "$page" ] || record_page
while read -r line; do
  table+=("not run  $line")
done < <(sed -nE 's/^SKIPPED \[([0-9]+)\] [^ ]+ /\1 /p' "$log" |
  awk '{ count = $1; sub(/^[0-9]+ /, ""); total[$0] += count } END { for (why in total) print total[why] " tests: " why }')

printf '\n'
printf '%s\n' "${table[@]}"
exit $failed
