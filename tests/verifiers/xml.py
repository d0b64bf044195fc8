"""Verifiers of XML signatures that are not ours: xmlsec1 and signxml. Their output is read, not their exit code."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lxml import etree  # type: ignore[import-untyped]
from signxml.exceptions import InvalidCertificate, InvalidDigest, InvalidInput, InvalidSignature
from signxml.xades.xades import XAdESSignatureConfiguration, XAdESVerifier

from tests.harness.tools import require_tools

XADES = "http://uri.etsi.org/01903/v1.3.2#"
DS = "http://www.w3.org/2000/09/xmldsig#"
SIGNATURE = f"{{{DS}}}Signature"


@dataclass(frozen=True)
class Xmlsec1Result:
    """``references`` is (right, all) as xmlsec1 counts them."""

    valid: bool
    references: tuple[int, int]


def xmlsec1(
    file: Path, root_pem: bytes, *, signature_id: str | None = None, id_elements: Sequence[str] = ()
) -> Xmlsec1Result:
    """One signature, the first unless an Id is given. `id_elements`: whose attribute Id is an ID, as ``ns:name``."""
    require_tools("xmlsec1")
    root = file.with_suffix(".root.pem")
    root.write_bytes(root_pem)
    names = [f"{XADES}:SignedProperties", f"{DS}:Signature", f"{DS}:SignatureValue", f"{DS}:Object", *id_elements]
    options = [part for name in names for part in ("--id-attr:Id", name)]
    if signature_id is not None:
        options += ["--node-id", signature_id]
    done = subprocess.run(
        ["xmlsec1", "--verify", "--trusted-pem", str(root), "--enabled-key-data", "x509", *options, str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    counted = re.search(r"^SignedInfo References \(ok/all\): (\d+)/(\d+)$", said, re.MULTILINE)
    references = (int(counted[1]), int(counted[2])) if counted is not None else (0, 0)
    return Xmlsec1Result(
        valid=re.search(r"^OK$", said, re.MULTILINE) is not None and references[0] == references[1] > 0,
        references=references,
    )


def signature_ids(file: Path) -> list[str]:
    return [element.get("Id", "") for element in etree.parse(str(file)).iter(SIGNATURE)]


def require_accepted(
    file: Path, root_pem: bytes, *, signatures: int = 1, references: int = 2, id_elements: Sequence[str] = ()
) -> None:
    """xmlsec1 accepts each signature of `file`."""
    ids = signature_ids(file)
    assert len(ids) == signatures
    for each in ids:
        found = xmlsec1(file, root_pem, signature_id=each, id_elements=id_elements)
        assert found == Xmlsec1Result(valid=True, references=(references, references)), found


def signxml_accepts(file: Path, root_pem: bytes) -> bool:
    """The one signature of `file`, by the schemas of XMLDSIG and XAdES too. It overlooks transforms that it does not
    know and what is outside the root, so it can judge neither a file with two nor one with a processing instruction."""
    root = file.with_suffix(".root.pem")
    root.write_bytes(root_pem)
    config = XAdESSignatureConfiguration(require_x509=True, expect_references=2, location=".//")
    try:
        found = XAdESVerifier().verify(file.read_bytes(), ca_pem_file=str(root), expect_config=config)
    except (InvalidSignature, InvalidDigest, InvalidInput, InvalidCertificate):
        return False
    return isinstance(found, list) and len(found) == 2
