"""CAdES baseline B-B (EN 319 122-1), cut in two where the key leaves the building.

A file is signed as the content of a CMS object: inside it (attached) or beside it (detached). A file that is a CMS
object itself is signed once more: the new signer stands beside the earlier ones, whose bytes stay as they are.
"""

from __future__ import annotations

import hashlib
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
from signroom.domain.signature_policy import stated_policy
from signroom.formats.cms.facts import attributes_of
from signroom.formats.cms.lasting.archive import require_no_old_archive
from signroom.formats.cms.parts import read_parts, with_unsigned
from signroom.formats.cms.reading import CmsFile, Content, only_refusals, read_cms, whole
from signroom.formats.cms.signed_data import with_policy
from signroom.formats.cms.verification import Data, beside, judge
from signroom.formats.cms.writing import Body, write_object
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
        require_no_old_archive(read_parts(found))
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
        plain = _attributes(content_digest, signer, algorithm, now, _content_type(found))
        to_sign = with_policy(plain, stated_policy(options.signature_policy, SignatureType.CMS))
    return Prepared(
        original_length=file.stat().st_size,
        digest_algorithm=algorithm,
        document_digest=content_digest,
        to_sign=to_sign,
        chain=chain,
        layout=CmsLayout(options.detached),
    )


def embed(
    original: Path, prepared: Prepared, checked: CheckedValue, output: Path, unsigned: tuple[bytes, ...] = ()
) -> Stored:
    """Write the CMS object, DER: one pass over the content, which is compared with what was prepared on the way.

    `unsigned`: attributes of the new signer that are not signed (RFC 5652, 5.3), DER.

    Raises: DataMismatch when `original` is not the file that was prepared, InvalidCms.
    """
    layout = prepared.layout_as(CmsLayout)
    if original.stat().st_size != prepared.original_length:
        raise DataMismatch
    found = _earlier(original)
    with only_refusals():
        if found is not None:
            _require_same(found, prepared)
        signer, chain = _signer_info(prepared, checked.value), prepared.chain
        body = _first(signer, chain, unsigned) if found is None else _merged(found, signer, chain, unsigned)
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


def _first(signer: SignerInfo, chain: CertificateChain, unsigned: tuple[bytes, ...]) -> Body:
    return Body(
        version=bytes([0x02, 1, 1]),  # RFC 5652, 5.1: content is data, signers are named by issuer and number
        algorithms=[signer["digest_algorithm"].dump()],
        content_type=_DATA,
        certificates=dict.fromkeys((chain.certificate, *chain.issuers)),
        lists=(),
        signers=[with_unsigned(signer.dump(), unsigned)],
    )


def _merged(found: CmsFile, signer: SignerInfo, chain: CertificateChain, unsigned: tuple[bytes, ...]) -> Body:
    """One signer more; the earlier ones stay as they are, byte for byte.

    An archive timestamp of version 3 stays right: it lists the certificates that it is about, and others may be added
    (EN 319 122-1, 5.5.2).
    """
    parts = read_parts(found)
    return Body(
        version=parts.version,
        algorithms=dict.fromkeys([*parts.algorithms, signer["digest_algorithm"].dump()]),
        content_type=parts.content_type,
        certificates=dict.fromkeys([*parts.certificates, chain.certificate, *chain.issuers]),
        lists=parts.lists,
        signers=[*(one.octets for one in parts.signers), with_unsigned(signer.dump(), unsigned)],
    )


def _write(output: Path, body: Body, content: Content | None, checked: Content | None, prepared: Prepared) -> Stored:
    """`checked` is compared with what was prepared: the content, also where it is not written."""
    name = None if checked is None else prepared.digest_algorithm.value.lower()
    stored, digest = write_object(output, body, content, hashed=checked, algorithm=name)
    if checked is not None and digest != prepared.document_digest:
        output.unlink()
        raise DataMismatch
    return stored


def _certificate(der: bytes) -> Any:
    """Read to the end: asn1crypto is lazy."""
    from asn1crypto.x509 import Certificate

    try:
        certificate = Certificate.load(der, strict=True)
        _ = certificate.native
    except (ValueError, TypeError, LookupError) as error:
        raise BadCertificate from error
    return certificate
