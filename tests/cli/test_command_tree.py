"""The whole tree of commands: what every one of them has."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from cyclopts import App

from signroom.cli.commands import app

RUN_UNTIL_STOPPED = {"serve", "worker"}
"""Their output is the log."""
HEAVY = {
    "alembic", "asn1crypto", "asyncio", "cryptography", "dbos", "httpx", "limits", "litestar", "lxml", "msgspec",
    "pikepdf", "psycopg", "pyhanko", "signroom.wiring", "sqlalchemy", "structlog", "uvicorn",
}  # fmt: skip
"""What takes long to import. `signroom --help` shall answer at once."""


def commands(group: App = app, path: tuple[str, ...] = ()) -> Iterator[tuple[str, App]]:
    for name in group:
        if name.startswith("-"):
            continue
        if group[name].default_command is None:
            yield from commands(group[name], (*path, name))
        else:
            yield " ".join((*path, name)), group[name]


TREE = dict(commands())


def test_every_command_and_every_option_has_a_help_text() -> None:
    for name, found in TREE.items():
        assert found.help, name
        for argument in found.assemble_argument_collection(parse_docstring=True):
            assert argument.parameter.help, f"{name} {argument.name}"
    assert len(TREE) > 60


def test_every_command_prints_json() -> None:
    without = {
        name
        for name, found in TREE.items()
        if not any("--json" in argument.names for argument in found.assemble_argument_collection())
    }

    assert without == RUN_UNTIL_STOPPED | {"completion"}


def test_what_is_created_is_listed_and_shown() -> None:
    for name in TREE:
        group, _, verb = name.rpartition(" ")
        if verb == "create":
            assert f"{group} list" in TREE
            assert f"{group} show" in TREE


def test_help_and_version_import_nothing_heavy_and_have_no_colours_in_a_pipe() -> None:
    code = """
import sys
from signroom.cli.commands import run
for arguments in (["--version"], ["--help"], ["keys", "create", "--help"], ["keys", "crate"]):
    try:
        print(arguments, run(arguments))
    except SystemExit as end:
        print(arguments, end.code)
print(" ".join(sorted(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env={"TERM": "xterm-256color"}, capture_output=True, text=True, check=True
    )

    *shown, modules = done.stdout.splitlines()
    assert {name for name in modules.split() if name in HEAVY} == set()
    assert {"['--version'] 0", "['--help'] 0", "['keys', 'create', '--help'] 0", "['keys', 'crate'] 2"} <= set(shown)
    assert "\x1b" not in done.stdout + done.stderr


def test_the_service_loads_no_library_that_only_its_workers_or_one_command_need() -> None:
    """One import at the top of a module took 12 MB of each process, and a large file no longer passed in 200 MB."""
    code = "import sys, signroom.cli.demo, signroom.cli.serve, signroom.wiring\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "signroom.wiring" in done.stdout.split()
    assert {"pyhanko", "aiohttp", "pikepdf", "pypdfium2", "PIL"} & set(done.stdout.split()) == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_a_shell_completes_commands_and_options(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    app(["completion", shell], result_action="return_value")

    script = capsys.readouterr().out
    assert "timestamp-providers" in script
    assert "overlap-hours" in script
