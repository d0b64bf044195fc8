#!/usr/bin/env bash
# Resolve the dependencies of pyproject.toml and write locks/: every version and hash, no address
# (docs/decisions/0005). Versions that are locked stay as they are where they still fit; --upgrade takes the newest.
# Nothing younger than a week is taken: most bad releases are found and withdrawn in that time.
set -euo pipefail
cd "$(dirname "$0")/.."
resolve() {
  .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
    --exclude-newer "7 days" "$@"
}
resolve pyproject.toml --group build --group dev --group docs --output-file locks/dev.txt "$@"
# The same versions as in dev.txt, so that what is tested is what runs.
resolve pyproject.toml --group build --constraint locks/dev.txt --output-file locks/runtime.txt "$@"
resolve --group pyproject.toml:docs --constraint locks/dev.txt --output-file locks/docs.txt "$@"
resolve --group pyproject.toml:bootstrap --output-file locks/bootstrap.txt "$@"
resolve --group pyproject.toml:node --output-file locks/node.txt "$@"
