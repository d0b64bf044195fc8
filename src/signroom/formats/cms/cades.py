"""CAdES baseline B-B (EN 319 122-1), cut in two where the key leaves the building.

A file is signed as the content of a CMS object: inside it (attached) or beside it (detached). A file that is a CMS
object itself is signed once more: the new signer stands beside the earlier ones, whose bytes stay as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from signroom.domain.errors import (
    BadCertificate,
    BrokenSignature,
    DataFileRequired,
    DataMismatch,
    EmptyFile,
)
from signroom.domain.signature import (
    CertificateChain,
    CheckedValue,
    CmsLayout,
    CmsOptions,
    DigestAlgorithm,
    Indication,
    Inspection,
    Prepared,
    SignatureType,
    TrustedChain,
)
from signroom.formats.cms.facts import attributes_of
from signroom.formats.cms.reading import SIGNED_DATA, CmsFile, Content, header, only_refusals, read_cms, whole
from signroom.formats.cms.verification import Data, beside, judge
from signroom.ports.files import Stored

if TYPE_CHECKING:
    from asn1crypto.cms import SignerInfo
    from asn1crypto.x509 import Certificate

CMS = "application/pkcs7-signature"
_OCTETS = "application/octet-stream"
_DATA = bytes.fromhex("06092a864886f70d010701")
_USUAL = DigestAlgorithm.SHA256
"""What is prepared with unless somebody says otherwise."""


def inspect(file: Path, options: CmsOptions, data: Path | None) -> Inspection:
    """Any file can be content. Raises: EmptyFile, InvalidCms, DataFileRequired, DataMismatch, BrokenSignature."""
    if file.stat().st_size == 0:
        raise EmptyFile
    found = _earlier(file)
    if found is None:
        if Data(whole(file), options.data_hashes, None if data is None else whole(data)).is_another():
            raise DataMismatch("The file itself is what is signed, and it is not the data that was named.")
        return Inspection(SignatureType.CMS, _OCTETS, 0, 0)
    content = beside(found, data, options.data_hashes)
    with only_refusals():
        judged = judge(found, content)
    for one in judged:
        if one.data_missing:
            raise DataFileRequired
        if one.verdict.indication is Indication.TOTAL_FAILED:
            if one.verdict.reason == "HASH_FAILURE" and (found.content is None or content.is_another()):
                raise DataMismatch
            raise BrokenSignature(one.verdict.reason)
    if content.content is None:
        _digest_of(content, _USUAL)  # now, not when the signer is waiting
    return Inspection(SignatureType.CMS, CMS, 0, len(judged))


def prepare(
    file: Path,
    trusted: TrustedChain,
    *,
    algorithm: DigestAlgorithm,
    now: datetime,
    options: CmsOptions,
    data: Path | None = None,
) -> Prepared:
    """Raises: InvalidCms, DataFileRequired, BadCertificate."""
    chain = trusted.chain
    signer = _certificate(chain.certificate)
    found = _earlier(file)
    content = Data(whole(file), ()) if found is None else beside(found, data, options.data_hashes)
    content_digest = _digest_of(content, algorithm)
    with only_refusals():
        to_sign = _attributes(content_digest, signer, algorithm, now, _content_type(found))
    return Prepared(
        original_length=file.stat().st_size,
        digest_algorithm=algorithm,
        document_digest=content_digest,
        to_sign=to_sign,
        chain=chain,
        layout=CmsLayout(options.detached),
    )


def embed(original: Path, prepared: Prepared, checked: CheckedValue, output: Path) -> Stored:
    """Write the CMS object, DER: one pass over the content, which is compared with what was prepared on the way.

    Raises: DataMismatch when `original` is not the file that was prepared, InvalidCms.
    """
    layout = prepared.layout_as(CmsLayout)
    if original.stat().st_size != prepared.original_length:
        raise DataMismatch
    found = _earlier(original)
    with only_refusals():
        if found is not None:
            _require_same(found, prepared)
        signer = _signer_info(prepared, checked.value)
        body = _merged(found, signer, prepared.chain) if found is not None else _first(signer, prepared.chain)
    content = whole(original) if found is None else found.content
    left_out = found is None and layout.detached
    return _write(output, body, None if left_out else content, content, prepared)


# -- preparing -------------------------------------------------------------------------------------


def _earlier(file: Path) -> CmsFile | None:
    """The CMS object that gets one signer more; None for a file that is content.

    One without signers (certificates, .p7b) is content too. Raises: InvalidCms.
    """
    found = read_cms(file)
    return found if found is not None and len(found.signed["signer_infos"]) else None


def _content_type(found: CmsFile | None) -> str:
    """All signers of an object sign its content type (RFC 5652, 11.1)."""
    return "data" if found is None else str(found.signed["encap_content_info"]["content_type"].dotted)


def _digest_of(data: Data, algorithm: DigestAlgorithm) -> bytes:
    known = data.digest(algorithm.value.lower())
    if known is None:
        raise DataFileRequired(f"Or its {algorithm}.")
    return known


def _attributes(
    content_digest: bytes, signer: Certificate, algorithm: DigestAlgorithm, now: datetime, content_type: str
) -> bytes:
    """content-type, message-digest, signing-time, signing-certificate-v2 (EN 319 122-1, 6.3), as DER of the SET."""
    from asn1crypto import cms, tsp  # tsp teaches cms the attribute signing-certificate-v2
    from asn1crypto.core import UTCTime
    from asn1crypto.x509 import GeneralName

    certificate = tsp.ESSCertIDv2(
        {
            "hash_algorithm": {"algorithm": algorithm.value.lower()},
            "cert_hash": hashlib.new(algorithm.value.lower(), signer.dump()).digest(),
            "issuer_serial": {
                "issuer": [GeneralName({"directory_name": signer.issuer})],
                "serial_number": signer.serial_number,
            },
        }
    )
    time = cms.Time({"utc_time": UTCTime(now.replace(microsecond=0))})
    attributes = cms.CMSAttributes(
        [
            {"type": "content_type", "values": [content_type]},
            {"type": "message_digest", "values": [content_digest]},
            {"type": "signing_time", "values": [time]},
            {"type": "signing_certificate_v2", "values": [tsp.SigningCertificateV2({"certs": [certificate]})]},
        ]
    )
    der: bytes = attributes.dump()
    return der


# -- embedding -------------------------------------------------------------------------------------


def _require_same(found: CmsFile, prepared: Prepared) -> None:
    """A detached object has no content to compare: its signers say what it is about. Raises: DataMismatch."""
    name = prepared.digest_algorithm.value.lower()
    for signer in found.signed["signer_infos"]:
        claimed = attributes_of(signer).get("message_digest")
        same = claimed is None or claimed.native == prepared.document_digest
        if signer["digest_algorithm"]["algorithm"].native == name and not same:
            raise DataMismatch


def _signer_info(prepared: Prepared, value: bytes) -> SignerInfo:
    from asn1crypto import cms

    signer = _certificate(prepared.chain.certificate)
    name = prepared.digest_algorithm.value.lower()
    rsa = signer.public_key.algorithm == "rsa"
    return cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                {
                    "issuer_and_serial_number": cms.IssuerAndSerialNumber(
                        {"issuer": signer.issuer, "serial_number": signer.serial_number}
                    )
                }
            ),
            "digest_algorithm": {"algorithm": name},
            "signed_attrs": cms.CMSAttributes.load(prepared.to_sign),
            "signature_algorithm": {"algorithm": "rsassa_pkcs1v15" if rsa else f"{name}_ecdsa"},
            "signature": value,
        }
    )


class _Body:
    """The parts of a SignedData around its content, each as DER."""

    def __init__(
        self, version: bytes, algorithms: Iterable[bytes], content_type: bytes, after: Iterable[bytes]
    ) -> None:
        self.before = version + _set(0x31, algorithms)
        self.content_type = content_type
        self.after = b"".join(after)


def _first(signer: SignerInfo, chain: CertificateChain) -> _Body:
    certificates = dict.fromkeys((chain.certificate, *chain.issuers))
    return _Body(
        version=bytes([0x02, 1, 1]),  # RFC 5652, 5.1: content is data, signers are named by issuer and number
        algorithms=[signer["digest_algorithm"].dump()],
        content_type=_DATA,
        after=[_set(0xA0, certificates), _set(0x31, [signer.dump()])],
    )


def _merged(found: CmsFile, signer: SignerInfo, chain: CertificateChain) -> _Body:
    """One signer more; the earlier ones stay as they are, byte for byte."""
    signed = found.signed
    certificates = [c.dump() for c in signed["certificates"] or ()]
    algorithms = [a.dump() for a in signed["digest_algorithms"]]
    crls = [signed["crls"].dump()] if signed["crls"] else []
    signers = [s.dump() for s in signed["signer_infos"]]
    return _Body(
        version=signed["version"].dump(),
        algorithms=dict.fromkeys([*algorithms, signer["digest_algorithm"].dump()]),
        content_type=signed["encap_content_info"]["content_type"].dump(),
        after=[
            _set(0xA0, dict.fromkeys([*certificates, chain.certificate, *chain.issuers])),
            *crls,
            _set(0x31, [*signers, signer.dump()]),
        ],
    )


def _write(output: Path, body: _Body, content: Content | None, checked: Content | None, prepared: Prepared) -> Stored:
    """`checked` is compared with what was prepared: the content, also where it is not written."""
    if content is None:
        info = header(0x30, len(body.content_type)) + body.content_type
        length, parts = 0, (info, b"")
    else:
        length = content.length
        octets = header(0x04, length)
        explicit = header(0xA0, len(octets) + length) + octets
        parts = (header(0x30, len(body.content_type) + len(explicit) + length) + body.content_type + explicit, b"")
    inner = len(body.before) + len(parts[0]) + length + len(body.after)
    signed = header(0x30, inner)
    outer = header(0xA0, len(signed) + inner)
    start = header(0x30, len(SIGNED_DATA) + len(outer) + len(signed) + inner) + SIGNED_DATA + outer + signed
    start += body.before + parts[0]
    hashed, written = hashlib.new(prepared.digest_algorithm.value.lower()), hashlib.sha256(start)
    with output.open("wb") as target:
        target.write(start)
        for chunk in checked.chunks() if checked is not None else ():
            hashed.update(chunk)
            if content is not None:
                target.write(chunk)
                written.update(chunk)
        target.write(body.after)
        written.update(body.after)
        size = target.tell()
    if checked is not None and hashed.digest() != prepared.document_digest:
        output.unlink()
        raise DataMismatch
    return Stored(size, written.digest())


def _set(tag: int, members: Iterable[bytes]) -> bytes:
    """A SET OF in the order of DER (X.690, 11.6)."""
    joined = b"".join(sorted(members))
    return header(tag, len(joined)) + joined


def _certificate(der: bytes) -> Any:
    """Read to the end: asn1crypto is lazy."""
    from asn1crypto.x509 import Certificate

    try:
        certificate = Certificate.load(der, strict=True)
        _ = certificate.native
    except (ValueError, TypeError, LookupError) as error:
        raise BadCertificate from error
    return certificate
