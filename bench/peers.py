"""Peers that are not written in Python: warm processes that are asked in the same run, and the processor time of each.

They are fetched into a temporary folder, by npm and Maven, and are no part of what is shipped. Where something is
missing, the row says "not run"; where a peer could not do it, "failed", and the reason stands behind the table. A call
has a limit on the clock: where it is over, the row says so, and that peer is not asked about that file again.

- `@libpdf/core` signs the whole file.
- `@documenso/pdf-sign` makes the CMS object of the file's bytes. The PDF around it is made by others.
- The EU's DSS judges the output of ours. What it costs is to be held against our own check.
"""

from __future__ import annotations

import json
import selectors
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509 import load_der_x509_certificate

from bench.processes import cpu
from tests.pki import authority
from tests.verifiers.dss import Dss, running_dss

NODE = ("@libpdf/core", "@documenso/pdf-sign")
DSS = "DSS (verifies)"
NAMES = (*NODE, DSS)
_SCRIPT = Path(__file__).with_name("peers.mjs")
_SECONDS_TO_FETCH = 120
_MOST_SECONDS = 20
"""On the clock, for one call."""
_WARM = 3
"""Calls before the clock counts: both machines compile while they run."""
_WARM_ENOUGH = 2
"""Seconds of one call: what takes that long has compiled while it ran."""


@dataclass
class Peers:
    """Those that are there."""

    node: Mapping[str, subprocess.Popen[str]]
    """By name."""
    dss: Dss | None
    dss_process: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    """Why a peer could not do it, by its name."""
    late: set[str] = field(default_factory=set)
    """The peers that took longer than they may."""

    def milliseconds(self, name: str, file: Path, signed: Path, output: Path) -> float | None:
        """Of the processor, for `file`; DSS is asked about `signed`. None: it is not there, or it could not do it."""
        if name in self.failures or name in self.late:
            return None
        begun = time.monotonic()
        found = self._of_dss(signed) if name == DSS else self._of_node(name, file, output)
        if time.monotonic() - begun > _MOST_SECONDS:
            self.late.add(name)
            return None
        return found

    def _of_dss(self, signed: Path) -> float | None:
        """It has a limit of its own for one file."""
        if self.dss is None:
            return None
        before = cpu(self.dss_process)
        answer = self.dss.judge(signed)
        if "exception" in answer:
            self.failures[DSS] = str(answer["exception"])
            return None
        return (cpu(self.dss_process) - before) * 1000

    def _of_node(self, name: str, file: Path, output: Path) -> float | None:
        process = self.node.get(name)
        if process is None or process.stdin is None or process.stdout is None:
            return None
        process.stdin.write(json.dumps({"peer": name, "file": str(file), "output": str(output)}) + "\n")
        process.stdin.flush()
        with selectors.DefaultSelector() as waiting:
            waiting.register(process.stdout, selectors.EVENT_READ)
            if not waiting.select(_MOST_SECONDS):
                process.kill()
                self.late.add(name)
                return None
        answer = json.loads(process.stdout.readline() or "{}")
        found: float | None = answer.get("ms")
        if found is None:
            self.failures[name] = str(answer.get("error", "its process has ended"))
        return found

    def warm(self, file: Path, signed: Path, output: Path) -> None:
        for name in NAMES:
            for _ in range(_WARM):
                took = self.milliseconds(name, file, signed, output)
                if took is None or took > _WARM_ENOUGH * 1000:
                    break

    def told(self, times: Mapping[str, list[float | None]], ours: float) -> Iterator[str]:
        """A cell for each peer: the minimum, and `ours` as a part of it; else why there is none."""
        for name in NAMES:
            known = [time for time in times[name] if time is not None]
            if known:
                yield f"{min(known):.1f} ({ours / max(min(known), 0.1):.2f})"
            elif name in self.late:
                yield f"over {_MOST_SECONDS} s"
            else:
                yield "failed" if name in self.failures else "not run"


@contextmanager
def running(folder: Path, packages: Path | None, signer: str) -> Iterator[Peers]:
    """The peers, each in a process that lives until the end. `packages`: where `fetch` has put those of Node."""
    with ExitStack() as stack:
        node = {} if packages is None else {name: _node(stack, folder, packages, signer) for name in NODE}
        anchor = folder / "root.crt"
        anchor.write_bytes(authority.root_der())
        try:
            dss = stack.enter_context(running_dss(anchor))
        except BaseException as missing:  # pytest says "not run" by an exception of its own
            if isinstance(missing, KeyboardInterrupt):
                raise
            yield Peers(node, None)
            return
        yield Peers(node, dss, dss.pid)


def fetch(folder: Path) -> Path | None:
    """Once for all files: `folder` with the packages of Node in it; None where they cannot be had."""
    if not (shutil.which("node") and shutil.which("npm")):
        return None
    (folder / "package.json").write_text('{"private": true}')
    install = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *NODE]
    try:
        subprocess.run(install, cwd=folder, check=True, capture_output=True, timeout=_SECONDS_TO_FETCH)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None
    return folder


def _node(stack: ExitStack, folder: Path, packages: Path, signer: str) -> subprocess.Popen[str]:
    files = [folder / name for name in ("key.p12", "key.pem", "certificate.pem")]
    for file, content in zip(files, _keys(signer), strict=True):
        file.write_bytes(content)
    process = subprocess.Popen(
        ["node", str(_SCRIPT), *map(str, files)],
        cwd=packages,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    stack.callback(process.wait, 10)
    stack.callback(process.terminate)
    return process


def _keys(signer: str) -> tuple[bytes, bytes, bytes]:
    """PKCS #12, and key and certificate as PEM."""
    leaf = authority.leaf(signer)
    certificates = [load_der_x509_certificate(authority.root_der())]
    own = load_der_x509_certificate(leaf.certificate_der)
    both = pkcs12.serialize_key_and_certificates(
        b"bench", leaf.signing_key, own, certificates, BestAvailableEncryption(b"bench")
    )
    key = leaf.signing_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return both, key, own.public_bytes(Encoding.PEM)
