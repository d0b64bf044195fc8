#!/usr/bin/env bash
# The page: types, unit tests, weight, and that a rebuild gives the committed bytes. CI requires it.
set -euo pipefail
cd "$(dirname "$0")/../web"

node_is_new_enough() {
  command -v node >/dev/null && command -v npm >/dev/null &&
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
}

if ! node_is_new_enough; then
  echo "page checks: NOT RUN (Node >= 20.19 is needed; found $(node --version 2>/dev/null || echo none))"
  [ "${CI:-}" != true ] || exit 1
  exit 0
fi

npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
npm run --silent check
npm test --silent
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
npm run --silent build -- --outDir "$built" --emptyOutDir --logLevel error
diff -r "$built" ../src/signroom/page/static ||
  { echo "The committed page is not what its source builds: run 'make page' and commit."; exit 1; }
npm run --silent budget
echo "page checks: passed"
