"""``signroom`` and ``python -m signroom``."""

import sys


def main() -> None:
    """Run the command line. Imports stay inside: the spawned workers import this module too."""
    from signroom.cli.commands import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
