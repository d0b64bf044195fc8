"""Signs as a person does, where there is no network: ``python -m tests.journeys.without_a_network FOLDER``.

It runs in a network namespace that has the loopback device and nothing else. It starts the real demo there, and prints
what came of it as JSON. The signed file and the root of its signer lie in FOLDER then.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.harness.server import ROOT, Json, Server, base64, refused, start_server
from tests.vectors import hard_pdfs

SIGNED, ROOT_CERTIFICATE = "signed.pdf", "demo-ca.crt"
_NAMES = "nameserver 192.0.2.53\n"
"""An address that nobody has (RFC 5737). A name server on this machine would hide who asks for a name."""
_BEGIN = 'ip link set lo up && mount --bind "$1" "$(readlink -f /etc/resolv.conf)" && shift && exec "$@"'
_ELSEWHERE = "https://contracts.example/contract.pdf"


@dataclass(frozen=True)
class Found:
    status: str
    level: str | None
    level_detail: str | None
    code: int
    """With which the demo ended."""
    control: int
    """How often somebody wanted to send to another machine, when the service was told to fetch a file from there."""
    outside: int
    """The same from the start of the demo to its end, but for that file."""


def alone(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """What came of `command` where there is no network. `folder` is for a file of this function."""
    names = folder / "resolv.conf"
    names.write_text(_NAMES)
    begin = ("unshare", "--net", "--mount", "--map-root-user", "sh", "-c", _BEGIN, "sh", str(names))
    return subprocess.run([*begin, *command], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def sign(folder: Path) -> Found:
    server = start_server(folder / "data", {"SIGNROOM_WORKERS": "1"})
    try:
        at_start = unreachable()
        refused(server.api.post("/api/signature-sessions", json={"documents": [{"file": {"url": _ELSEWHERE}}]}), 422)
        control = unreachable() - at_start
        document = _signed(server)
        (folder / SIGNED).write_bytes(server.api.get(document["signedFile"]["location"]).raise_for_status().content)
        (folder / ROOT_CERTIFICATE).write_bytes(server.ca_certificate.read_bytes())
    finally:
        code = server.stop()
    outside = unreachable() - control  # what was asked at the start counts as well
    return Found(document["status"], document["level"], document["levelDetail"], code, control, outside)


def _signed(server: Server) -> Json:
    file = {"name": "contract.pdf", "content": base64(hard_pdfs.make("plain"))}
    opened = server.open_session(documents=[{"file": file, "pdfSignatureOptions": {"level": "LTA"}}])
    page = server.page(opened["redirectUrl"])
    page.load()
    page.sign(*page.demo_key())
    (document,) = server.wait(opened["sessionId"])["documents"]
    found: Json = document
    return found


def unreachable() -> int:
    """How often the kernel knew no way to an address, since this namespace was made: TCP and UDP, both families.

    A question to a name server counts as well.
    """
    names, values = [line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Ip:")]
    found = int(values[names.index("OutNoRoutes")])
    for line in Path("/proc/net/snmp6").read_text().splitlines():
        if line.startswith("Ip6OutNoRoutes"):
            found += int(line.split()[1])
    return found


if __name__ == "__main__":
    json.dump(asdict(sign(Path(sys.argv[1]))), sys.stdout)
