#!/usr/bin/env bash
# The page: types, unit tests, weight, and that a rebuild gives the committed bytes. Exit 77: Node is missing.
set -euo pipefail
cd "$(dirname "$0")/../web"
root=$(cd .. && pwd)
. "$root/scripts/node.sh"

find_node "$root" || exit 77
install_page_packages
npm run --silent check
npm test --silent -- --testTimeout=60000 # five seconds are too few while other checks run
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
npm run --silent build -- --outDir "$built" --emptyOutDir --logLevel error
diff -rq "$built" ../src/signroom/page/static ||
  { echo "The committed page is not what its source builds: run 'make page' and commit."; exit 1; }
npm run --silent budget
cd "$root"
.venv/bin/python -m scripts.api_renderer --check
