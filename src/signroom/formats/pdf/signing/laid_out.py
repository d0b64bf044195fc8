"""A signature laid out from what was read of its PDF at upload: the update, and the bytes that the key signs.

No file is opened here, and no library reads one: it is our own plan that is written out. So what is small is laid out
in the service itself (`put_together_soon`), and all other signatures in a process of the sandbox.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from signroom.domain.appearance import Appearance
from signroom.domain.pdf_facts import PdfFacts
from signroom.domain.signature import DigestAlgorithm, PdfLayout, PdfOptions, Prepared, TrustedChain
from signroom.domain.signature_policy import SignaturePolicy
from signroom.formats.cms.signed_data import longest_signed_data, signed_attributes
from signroom.formats.pdf.names import new_field_name
from signroom.formats.pdf.signing.running_hash import CannotResume, RunningSha256
from signroom.formats.pdf.signing.tail import build_tail
from signroom.ports.files import FileNeeded

_CHUNK = 1 << 20
_SMALL_BYTES = 32 << 10
"""Of the objects that the update writes, and of all certificates."""
_FEW_OBJECTS = 16
"""That the update changes. Most change two or three."""
_FEW_CERTIFICATES = 6


def put_together(
    facts: PdfFacts,
    trusted: TrustedChain,
    algorithm: DigestAlgorithm,
    now: datetime,
    *,
    drawn: Sequence[bytes] = (),
    appearance: int = 0,
    file: Path | None = None,
    timestamp_room: int = 0,
    policy: SignaturePolicy | None = None,
) -> Prepared:
    """Lay out a signature field with a gap for the CMS object. The file is read only where its hash was not kept.

    `drawn` and `appearance` are those of `build_tail`. The gap has `timestamp_room` bytes for a token.

    Raises: BadCertificate when `trusted` holds anything but certificates, CertificateKeyNotSupported; FileNeeded when
    the hash was not kept and there is no `file`.
    """
    chain = trusted.chain
    layout = build_tail(
        facts,
        field_name=new_field_name(),
        now=now,
        reserved=2 * longest_signed_data(chain, algorithm, timestamp_room, policy),
        drawn=drawn,
        appearance=appearance,
    )
    digest = _digest(facts, layout, algorithm, file)
    return Prepared(
        original_length=facts.length,
        digest_algorithm=algorithm,
        document_digest=digest,
        to_sign=signed_attributes(chain.certificate, digest, policy),
        chain=chain,
        layout=layout,
    )


def put_together_soon(
    facts: PdfFacts,
    options: PdfOptions,
    trusted: TrustedChain,
    algorithm: DigestAlgorithm,
    now: datetime,
    *,
    timestamp_room: int,
    policy: SignaturePolicy | None,
) -> Prepared | None:
    """`put_together` where it takes less than a millisecond and no file; None: a process of the sandbox does it.

    Raises: BadCertificate, CertificateKeyNotSupported.
    """
    if not _is_small(facts, trusted) or is_seen(facts, options.appearance) or algorithm is not DigestAlgorithm.SHA256:
        return None
    try:
        return put_together(facts, trusted, algorithm, now, timestamp_room=timestamp_room, policy=policy)
    except FileNeeded:
        return None


def is_seen(facts: PdfFacts, appearance: Appearance | None) -> bool:
    """Whether something is drawn for the signature."""
    return facts.site is not None and (appearance is not None or facts.fills is not None)


def _is_small(facts: PdfFacts, trusted: TrustedChain) -> bool:
    if facts.table or facts.encryption is not None or facts.fills is not None:
        return False  # a whole table has as many rows as the file has objects
    certificates = (trusted.chain.certificate, *trusted.chain.issuers)
    few = len(facts.changed) <= _FEW_OBJECTS and len(certificates) <= _FEW_CERTIFICATES
    written = (*(one.new for one in facts.changed), *(value for _, value in facts.trailer), facts.added_page or b"")
    length = max(sum(map(len, written)), sum(map(len, certificates)))
    return few and len(facts.trailer) <= _FEW_OBJECTS and length <= _SMALL_BYTES


def _digest(facts: PdfFacts, layout: PdfLayout, algorithm: DigestAlgorithm, file: Path | None) -> bytes:
    """Of the byte range: the file, and the update without the gap."""
    if algorithm is DigestAlgorithm.SHA256:
        try:
            running = RunningSha256(facts.sha256_state)
        except CannotResume:
            pass
        else:
            running.update(layout.before)
            running.update(layout.after)
            return running.digest()
    if file is None:
        raise FileNeeded
    whole = hashlib.new(algorithm.value.lower())
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            whole.update(chunk)
    whole.update(layout.before)
    whole.update(layout.after)
    return whole.digest()
