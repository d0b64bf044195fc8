"""openssl as a verifier of CMS signatures that is not ours. Its output is read, not its exit code."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.harness.tools import require_tools


def openssl_accepts(
    file: Path, root_pem: bytes | None, content: Path | None = None, *, cades: bool = True
) -> bytes | None:
    """The content as openssl read it, when every signature of `file` holds; else None. `content` is a detached one's.

    `cades` also asks for the attributes of CAdES (RFC 5126) and checks what they name. Without `root_pem` the
    certificates are not judged, nor what names them.
    """
    require_tools("openssl")
    root, output = file.with_suffix(".root.pem"), file.with_suffix(".content")
    output.unlink(missing_ok=True)
    cades = cades and root_pem is not None
    command = ["openssl", "cms", "-verify", "-binary", "-purpose", "any", "-inform", "DER", "-in", str(file)]
    command += ["-out", str(output)]
    if root_pem is None:
        command += ["-noverify"]
    else:
        root.write_bytes(root_pem)
        command += ["-CAfile", str(root)]
    command += ["-cades"] if cades else []
    command += ["-content", str(content)] if content is not None else []
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    if f"{'CAdES' if cades else 'CMS'} Verification successful" not in said:
        return None
    return output.read_bytes()


def require_accepted(file: Path, root_pem: bytes, content: bytes) -> None:
    """openssl accepts the attached signatures of `file`, and finds `content` inside."""
    assert openssl_accepts(file, root_pem) == content


def signed_by_openssl(content: Path, key: Path, certificate: Path, output: Path, *options: str) -> Path:
    """A CMS object of another program; ``-nodetach`` puts the content in, ``-stream`` makes it BER."""
    require_tools("openssl")
    command = ["openssl", "cms", "-sign", "-binary", "-in", str(content), "-signer", str(certificate)]
    command += ["-inkey", str(key), "-outform", "DER", "-out", str(output), *options]
    subprocess.run(command, capture_output=True, check=True)
    return output
