#!/usr/bin/env bash
# Resolve the dependencies and write the locks: every version and hash, no address (docs/decisions/0005).
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/uv lock --quiet --upgrade
export_lock() { .venv/bin/uv export --quiet --frozen --no-emit-project --no-header --no-annotate --format requirements-txt "$@"; }
mkdir -p locks
export_lock --no-dev --group build > locks/runtime.txt
export_lock --group dev --group build > locks/dev.txt
