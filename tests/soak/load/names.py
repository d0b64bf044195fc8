"""A name server on loopback: it answers for honest names, and never for slow ones."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

SLOW, HONEST = "slow.test", "files.test"
"""Names below `SLOW` get no answer. `HONEST` is 127.0.0.1."""
_DOMAIN = 53
_A = b"\x00\x01\x00\x01"
"""Record type A, class IN."""


@dataclass(frozen=True)
class Names:
    """`prefix` goes before a command: the process then asks this name server and no other."""

    prefix: Sequence[str]


@contextmanager
def running_names(folder: Path) -> Iterator[Names | None]:
    """A name server for as long as the block runs; None where this account may not have one.

    A process finds its name server in ``/etc/resolv.conf``. It sees another file there in a mount namespace of its
    own, which takes root, as does the port.
    """
    address = f"127.{Random().randint(2, 250)}.{Random().randint(2, 250)}.53"
    found = folder / "resolv.conf"
    found.write_text(f"nameserver {address}\n")
    prefix = ("unshare", "--mount", "sh", "-c", f'mount --bind {found} /etc/resolv.conf && exec "$@"', "sh")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        try:
            listener.bind((address, _DOMAIN))
        except PermissionError:
            yield None
            return
        if shutil.which("unshare") is None or subprocess.run([*prefix, "true"], check=False).returncode:
            yield None
            return
        over = threading.Event()
        listener.settimeout(0.2)
        thread = threading.Thread(target=_answer, args=(listener, over))
        thread.start()
        try:
            yield Names(prefix)
        finally:
            over.set()
            thread.join()


def _answer(listener: socket.socket, over: threading.Event) -> None:
    slow = SLOW.encode().split(b".")
    while not over.is_set():
        try:
            query, client = listener.recvfrom(2048)
        except TimeoutError:
            continue
        labels, end = _question(query)
        if labels[-len(slow) :] == slow:
            continue
        known = labels == HONEST.encode().split(b".")
        records = query[end - 4 : end] == _A and known
        flags = b"\x81\x80" if known else b"\x81\x83"  # NXDOMAIN for all other names
        head = query[:2] + flags + b"\x00\x01" + (b"\x00\x01" if records else b"\x00\x00") + bytes(4)
        record = b"\xc0\x0c" + _A + (60).to_bytes(4, "big") + b"\x00\x04" + socket.inet_aton("127.0.0.1")
        listener.sendto(head + query[12:end] + (record if records else b""), client)


def _question(query: bytes) -> tuple[list[bytes], int]:
    """The labels of the name that is asked for, in lower case, and where the question ends."""
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].lower())
        at += 1 + length
    return labels, at + 5
