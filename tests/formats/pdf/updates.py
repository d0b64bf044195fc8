"""Sign a PDF with the parts of our PDF core alone, step by step, as upload, prepare and embed do together."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from signroom.domain.pdf_facts import EmptyField, PdfFacts, SignatureSite
from signroom.domain.signature import CertificateChain, DigestAlgorithm, PdfLayout
from signroom.formats.cms.signed_data import longest_signed_data, signed_attributes, signed_data
from signroom.formats.pdf.reading.opening import open_pdf
from signroom.formats.pdf.signing.own_update import check_update
from signroom.formats.pdf.signing.plan import plan_update
from signroom.formats.pdf.signing.running_hash import RunningSha256
from signroom.formats.pdf.signing.tail import build_tail
from tests.harness.server import signature
from tests.pki import authority

NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
ROOM = 1000
"""Hexadecimal digits of the gap where nobody looks into it."""
_SHA256 = DigestAlgorithm.SHA256


def facts_of(
    data: bytes,
    folder: Path,
    *,
    page: int = 0,
    site: SignatureSite | None = None,
    new_page: tuple[float, float] | None = None,
    fills: EmptyField | None = None,
) -> PdfFacts:
    """What the upload finds out. Raises: a DocumentRejected."""
    file = folder / "read.pdf"
    file.write_bytes(data)
    running = RunningSha256()
    running.update(data)
    with open_pdf(file) as opened:
        return plan_update(
            opened, page_index=page, sha256_state=running.state(), site=site, new_page=new_page, fills=fills
        )


def laid_out(facts: PdfFacts, *, name: str = "Signature1", room: int = ROOM) -> PdfLayout:
    return build_tail(facts, field_name=name, now=NOW, reserved=room)


def filled(data: bytes, layout: PdfLayout, contents: bytes = b"") -> bytes:
    """The file with its update and `contents` in the gap."""
    digits = contents.hex().encode().ljust(layout.contents_length - 2, b"0")
    return data + layout.before + b"<" + digits + b">" + layout.after


@dataclass(frozen=True)
class Updated:
    """A file with an update of ours."""

    original: bytes
    facts: PdfFacts
    data: bytes

    @property
    def tail(self) -> bytes:
        return self.data[len(self.original) :]

    def with_tail(self, tail: bytes) -> bytes:
        return self.original + tail

    def knowing(self, **changes: object) -> PdfFacts:
        """The facts, some of them otherwise."""
        return replace(self.facts, **changes)  # type: ignore[arg-type]


def updated(data: bytes, folder: Path, **options: object) -> Updated:
    """With zeros in place of a signature."""
    facts = facts_of(data, folder, **options)  # type: ignore[arg-type]
    return Updated(data, facts, filled(data, laid_out(facts)))


def signed(data: bytes, folder: Path, *, signer: str = "rsa2048", name: str = "Signature1", **options: object) -> bytes:
    """`data` with a signature of `signer`. Checked as the service does before anybody gets it."""
    facts = facts_of(data, folder, **options)  # type: ignore[arg-type]
    leaf = authority.leaf(signer)
    chain = CertificateChain(leaf.certificate_der, (authority.root().certificate_der,))
    layout = laid_out(facts, name=name, room=2 * longest_signed_data(chain, _SHA256))
    running = RunningSha256(facts.sha256_state)
    running.update(layout.before)
    running.update(layout.after)
    attributes = signed_attributes(leaf.certificate_der, running.digest())
    contents = signed_data(chain, attributes, signature(leaf.signing_key, attributes), _SHA256)
    found = filled(data, layout, contents)
    gap = check_update(found, facts)
    assert hashlib.sha256(found[: gap.start] + found[gap.end :]).digest() == running.digest()
    return found
