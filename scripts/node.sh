# Sourced by what needs Node: `find_node` puts one that is new enough on the PATH, the machine's own or the one that
# `make node` brings into .venv, or fails.

node_is_new_enough() {
  command -v node >/dev/null && command -v npm >/dev/null &&
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
}

find_node() {
  node_is_new_enough && return
  [ -x "$1/.venv/bin/node" ] || return
  PATH="$1/.venv/bin:$PATH"
  node_is_new_enough
}

# The page's packages, once for each package-lock.json; who asks meanwhile waits. No package may run a script of its own.
install_page_packages() (
  ! command -v flock >/dev/null || flock 9
  [ node_modules/.package-lock.json -nt package-lock.json ] ||
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
) 9<package-lock.json
