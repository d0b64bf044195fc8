"""The roots of ICP-Brasil, from the file that its root authority (ITI) publishes.

ICP-Brasil has no trusted list. Its roots are known by their fingerprints here; the certificates are not ours to ship.
A fingerprint is in the table only where sources that do not depend on each other gave the same.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

from asn1crypto import cms, pem

from signroom.domain.certificate import Certificate
from signroom.domain.errors import BadCertificate, BadInput
from signroom.trust.paths import Link, read_link

ADDRESS = "https://acraiz.icpbrasil.gov.br/credenciadas/RAIZ/"
PINNED = {
    "caa53fc6091c6951887c976e378f6ef89aa6377c55d97b6475422b71ed7e9b17": "v5",
    "d8478e37ce19c690cf657381e68fe600e4e1a042536830f06847e03e554c4b01": "v12",
    "2b07d0bc02c4a6e0478ed22d0d99e8f97e1827b269097696a7feb6aad30c3ac8": "v13",
}
"""SHA-256 of the certificate (DER) -> which root. Those for signing documents whose algorithm we can verify."""
NOT_FOR_DOCUMENTS = {
    "6e0bff069a26994c15de2c4888cc54af84882e5495b7fbf66be9ccffec7489f6": "v10, for servers",
    "1406710058180fa4081aab3f246f1702429c552a11fa3143b84c88cb3ab8e5e7": "v11, for signing code",
}
MAX_FILE, _MOST_ENTRIES, _MAX_ENTRY = 16 << 20, 2000, 64 << 10


def keep_roots(content: bytes, folder: Path, fingerprints: Sequence[str] = ()) -> tuple[Certificate, ...]:
    """Write the roots among the certificates of `content` into `folder`; those of the same name are replaced.

    `content`: PEM, DER, PKCS #7, or a ZIP of such files. `fingerprints` (SHA-256, with or without colons) name further
    roots that the operator has compared. The other certificates are left out. Raises: BadCertificate, BadInput.
    """
    asked = {_fingerprint(text) for text in fingerprints}
    roots: dict[str, Link] = {}
    for der in _certificates(content):
        digest = hashlib.sha256(der).hexdigest()
        if digest in asked or digest in PINNED:
            roots[digest] = _root(der)
    if missing := asked - roots.keys():
        raise BadInput(f"The file has no certificate with the fingerprint {sorted(missing)[0]}.")
    if not roots:
        raise BadInput(
            "The file has no root of ICP-Brasil that is known here. Compare its fingerprint with what ITI publishes, "
            "and name it with --fingerprint."
        )
    folder.mkdir(parents=True, exist_ok=True)
    for digest, link in roots.items():
        name = f"icp-brasil-{PINNED[digest]}.crt" if digest in PINNED else f"icp-brasil-{digest[:16]}.crt"
        _write(folder / name, pem.armor("CERTIFICATE", link.der))
    return tuple(link.certificate for link in roots.values())


def _root(der: bytes) -> Link:
    link = read_link(der)
    if not link.may_certify:
        raise BadInput("A certificate with one of the fingerprints is not an authority's.")
    return link


def _fingerprint(text: str) -> str:
    found = "".join(text.split()).replace(":", "").lower()
    if len(found) != 64 or not set(found) <= set("0123456789abcdef"):
        raise BadInput("A fingerprint is the SHA-256 of the certificate: 64 hexadecimal digits.")
    return found


def _certificates(content: bytes) -> Iterator[bytes]:
    """DER of whatever looks like a certificate. Raises: BadCertificate."""
    if len(content) > MAX_FILE:
        raise BadCertificate(f"The file has more than {MAX_FILE >> 20} MB.")
    if not content.startswith(b"PK"):
        yield from _of_file(content)
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if len(entries) > _MOST_ENTRIES or any(entry.file_size > _MAX_ENTRY for entry in entries):
                raise BadCertificate("The archive has too many files, or one too large.")
            for entry in entries:
                if not entry.is_dir():
                    with archive.open(entry) as file:
                        yield from _of_file(file.read(_MAX_ENTRY))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise BadCertificate("The archive cannot be read.") from error


def _of_file(content: bytes) -> list[bytes]:
    """Raises: BadCertificate."""
    try:
        blocks = [der for _, _, der in pem.unarmor(content, multiple=True)] if b"-----BEGIN" in content else [content]
        return [der for block in blocks for der in _of_block(block)]
    except (ValueError, TypeError) as error:
        raise BadCertificate("The file holds no certificate: PEM, DER, PKCS #7 or a ZIP of them.") from error


def _of_block(block: bytes) -> list[bytes]:
    """The certificates of a PKCS #7 structure, or the block itself. Raises: ValueError."""
    if b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02" not in block[:32]:
        return [block]
    signed = cms.ContentInfo.load(block)["content"]
    return [choice.chosen.dump() for choice in signed["certificates"] if choice.name == "certificate"]


def _write(file: Path, content: bytes) -> None:
    part = file.with_name(f".{uuid4().hex}.part")
    try:
        part.write_bytes(content)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
