"""A SHA-256 that is put away and taken up again is the SHA-256 of everything."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signroom.formats.pdf.signing import running_hash
from signroom.formats.pdf.signing.running_hash import CannotResume, RunningSha256


@given(st.lists(st.binary(max_size=200), max_size=6))
def test_it_is_hashlibs(pieces: list[bytes]) -> None:
    state, seen = None, b""
    for piece in pieces:
        running = RunningSha256(state)
        running.update(piece)
        seen += piece
        assert running.digest() == hashlib.sha256(seen).digest()
        assert running.digest() == hashlib.sha256(seen).digest()  # asking changes nothing
        state = running.state()
    assert RunningSha256(state).digest() == hashlib.sha256(seen).digest()


@pytest.mark.parametrize("length", [0, 1, 55, 56, 63, 64, 65, 127, 128, 1_000_001])
def test_at_the_edges_of_blocks(length: int) -> None:
    data = bytes(n % 251 for n in range(length))
    running = RunningSha256()
    running.update(data)
    resumed = RunningSha256(running.state())
    resumed.update(b"tail")
    assert resumed.digest() == hashlib.sha256(data + b"tail").digest()


def test_it_goes_on_in_another_process() -> None:
    running = RunningSha256()
    running.update(b"original" * 1000)
    program = (
        "import sys; from signroom.formats.pdf.signing.running_hash import RunningSha256;"
        "r = RunningSha256(bytes.fromhex(sys.argv[1])); r.update(b'tail'); print(r.digest().hex())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, running.state().hex()], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == hashlib.sha256(b"original" * 1000 + b"tail").hexdigest()


@pytest.mark.parametrize("state", [b"", b"L", b"L" + bytes(111), b"L" + bytes(113), b"?" + bytes(112)])
def test_a_strange_state_is_refused(state: bytes) -> None:
    with pytest.raises(CannotResume):
        RunningSha256(state)


@pytest.mark.parametrize("numbers", [(64, 32), (2**32 - 1, 32), (0, 28), (0, 2**31)])
def test_a_state_that_leads_out_of_its_memory_is_refused(numbers: tuple[int, int]) -> None:
    """The library believes how much of its block is filled, and how long its digest is."""
    state = RunningSha256().state()
    ends = b"".join(number.to_bytes(4, sys.byteorder) for number in numbers)

    with pytest.raises(CannotResume):
        RunningSha256(state[: -len(ends)] + ends)


def test_a_state_of_a_machine_of_the_other_byte_order_is_refused() -> None:
    state = RunningSha256().state()
    with pytest.raises(CannotResume):
        RunningSha256((b"B" if state[:1] == b"L" else b"L") + state[1:])


def test_without_a_library_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_hash, "_libcrypto", lambda: None)
    with pytest.raises(CannotResume):
        RunningSha256()
