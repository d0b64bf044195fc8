#!/usr/bin/env bash
# Build the signing page into the package; the result is committed, so that running Signroom needs no Node.
set -euo pipefail
cd "$(dirname "$0")/../web"
root=$(cd .. && pwd)
. "$root/scripts/node.sh"

find_node "$root" || { echo "Node >= 20.19 is needed: install it, or 'make node' brings one into .venv."; exit 1; }
install_page_packages
npm run --silent build
npm run --silent budget
