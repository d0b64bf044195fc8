"""What is installed: one dependency, typed, and nothing loaded that is not needed."""

from __future__ import annotations

import email.parser
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import signroom_client

from tests.client.test_examples import program as program_of_examples
from tests.harness.server import ROOT

CLIENT = ROOT / "client"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    code = f"from hatchling.build import build_wheel; print(build_wheel({str(folder)!r}))"
    name = subprocess.run(
        [sys.executable, "-c", code], cwd=CLIENT, check=True, capture_output=True, text=True
    ).stdout.strip()
    return folder / name


def test_the_wheel_is_typed_licensed_and_needs_only_httpx(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as files:
        names = files.namelist()
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        headers = email.parser.Parser().parsestr(files.read(metadata).decode())

    needed = headers.get_all("Requires-Dist") or []
    assert [need.split(">")[0].split("<")[0] for need in needed if "extra" not in need] == ["httpx"]
    assert [need.split(">")[0] for need in needed if "extra == 'sign'" in need] == ["cryptography"]
    assert headers["License-Expression"] == "Apache-2.0"
    assert "signroom_client/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith("tests") for name in names)


def test_it_is_used_from_the_wheel_without_cryptography(wheel: Path) -> None:
    code = """
import sys
class NoCryptography:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"cryptography", "signroom"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NoCryptography())
import signroom_client
assert signroom_client.__file__.startswith(sys.argv[1]), signroom_client.__file__
with signroom_client.SignroomClient("https://sign.example", "k") as client:
    print(client)
try:
    signroom_client.sign_digest(signroom_client.Digest(signroom_client.DigestAlgorithm.SHA256, b"x" * 32), None)
except ModuleNotFoundError as error:
    print(error.name or error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(wheel)],
        env={"PYTHONPATH": str(wheel)},
        cwd=wheel.parent,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "SignroomClient('https://sign.example')"
    assert "cryptography" in done.stdout.splitlines()[1]


def test_licence_of_the_package_is_the_repositorys() -> None:
    assert (CLIENT / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_what_is_public_exists_and_is_sorted() -> None:
    # As the linter wants it: constants first.
    assert signroom_client.__all__ == sorted(signroom_client.__all__, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(signroom_client, name) for name in signroom_client.__all__)


def test_an_integrators_program_is_type_checked(tmp_path: Path) -> None:
    """The types of both clients as mypy sees them: what an editor will say. The docstrings' examples, too."""
    examples = tmp_path / "examples_of_docstrings.py"
    examples.write_text(program_of_examples())
    program = tmp_path / "program.py"
    program.write_text(
        """
from signroom_client import AsyncSignroomClient, SignroomClient

client, aio = SignroomClient("https://x", "k"), AsyncSignroomClient("https://x", "k")
reveal_type(client.get_session("id"))
reveal_type(client.list_sessions())
reveal_type(client.download_bytes)
client.get_session(3)
client.create_session(return_ulr="typo")

async def use() -> None:
    reveal_type(await aio.get_session("id"))
    aio.get_session("id")
    reveal_type([s async for s in aio.list_sessions()])
"""
    )

    out = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--no-incremental",
            "--cache-dir",
            str(tmp_path),
            str(program),
            str(examples),
        ],
        env={"MYPYPATH": str(CLIENT / "src"), "PATH": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    ).stdout

    for expected in (
        '5: note: Revealed type is "signroom_client.models.Session"',
        '6: note: Revealed type is "typing.Iterator[signroom_client.models.SessionSummary]"',
        '12: note: Revealed type is "signroom_client.models.Session"',
        '14: note: Revealed type is "list[signroom_client.models.SessionSummary]"',
        '8: error: Argument 1 has incompatible type "int"',
        '9: error: Unexpected keyword argument "return_ulr"',
        '13: error: Value of type "Coroutine[Any, Any, Session]" must be used',
    ):
        assert expected in out.replace("builtins.", ""), (expected, out)
    assert examples.name not in out, out
