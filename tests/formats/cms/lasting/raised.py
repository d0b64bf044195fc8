"""Signatures over three tiers of authorities, raised from level to level."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from asn1crypto import cms, core
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from signroom.domain.augmentation import Augmentation, TimestampUse, ValidationData
from signroom.domain.signature import ATTACHED, CmsOptions, DigestAlgorithm, TrustedChain
from signroom.formats.cms import format as cms_format
from signroom.formats.values import check_values
from signroom.ports.files import Augmented
from tests.pki import three_tiers
from tests.pki.three_tiers import NOW
from tests.verifiers.cms import signed_by_openssl

DETACHED = CmsOptions(detached=True)
CONTENT = b"The content: \x00\xff neither text nor PDF.\r\n" * 50
HASH_INDEX = "0.4.0.19122.1.5"
ARCHIVE = "0.4.0.1733.2.4"


def sign(
    source: Path,
    kind: str,
    output: Path,
    options: CmsOptions = ATTACHED,
    *,
    data: Path | None = None,
    content: Path | None = None,
    stamped: bool = False,
) -> bytes:
    """Sign as the service does; the signature value. `content`: of what comes out, when it is elsewhere."""
    holder = three_tiers.signer(kind)
    prepared = cms_format.prepare(
        source,
        options,
        TrustedChain(holder.chain),
        algorithm=DigestAlgorithm.SHA256,
        now=NOW,
        data=data,
        reading=None,
        timestamp_room=0,
    )
    (checked,) = check_values([prepared.claimed(holder.sign(prepared.to_sign))])
    imprint = cms_format.signature_imprint(prepared, checked, DigestAlgorithm.SHA256)
    token = three_tiers.stamp(imprint) if stamped else None
    signed = cms_format.sign(source, prepared, checked, output, content=content, reading=None, timestamp=token)
    assert signed.verdict.intact
    return checked.value


def sign_by_openssl(content: Path, kind: str, output: Path, *options: str) -> bytes:
    """The same by another program; the signature value."""
    holder = three_tiers.signer(kind)
    key, certificate, chain = (output.with_suffix(f".{name}.pem") for name in ("key", "certificate", "chain"))
    key.write_bytes(holder.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    certificate.write_bytes(holder.certificate.public_bytes(Encoding.PEM))
    chain.write_bytes(b"".join(one.certificate.public_bytes(Encoding.PEM) for one in holder.issuers[:-1]))
    signed_by_openssl(content, key, certificate, output, "-cades", "-certfile", str(chain), *options)
    return values(output)[0]


def raise_level(
    file: Path,
    augmentation: Augmentation,
    *,
    at: datetime = NOW,
    generation: int = 0,
    data: Path | None = None,
) -> Augmented:
    """Lay a step out, have it stamped, do it."""
    laid_out = cms_format.lay_out_augmentation(file, augmentation, now=at, data=data, reading=None)
    algorithm = augmentation.digest_algorithm.value.lower()
    token = (
        None if laid_out.imprint is None else three_tiers.stamp(laid_out.imprint, at, generation, algorithm=algorithm)
    )
    return cms_format.augment(file, laid_out, token=token, data=data, reading=None)


def to_archive(value: bytes | None, data: ValidationData) -> Augmentation:
    return Augmentation(TimestampUse.ARCHIVE, data, value)


def all_data(kind: str, at: datetime = NOW, generation: int = 0) -> ValidationData:
    """What validates a signer and a timestamp authority."""
    return three_tiers.data_of_signer(kind, NOW) + three_tiers.data_of_stamper(at, generation)


def signers(file: Path) -> cms.SignerInfos:
    return cms.ContentInfo.load(file.read_bytes())["content"]["signer_infos"]


def values(file: Path) -> list[bytes]:
    return [one["signature"].native for one in signers(file)]


@dataclass(frozen=True)
class Extracted:
    """A timestamp as another reader finds it: the octets, and what it must be about."""

    token: bytes
    subject: bytes


def timestamps(file: Path, value: bytes, content_digest: bytes) -> tuple[list[Extracted], list[Extracted]]:
    """On the value, and archive timestamps of version 3, read by asn1crypto alone (EN 319 122-1, 5.3 and 5.5.3)."""
    signed = cms.ContentInfo.load(file.read_bytes())["content"]
    (signer,) = (one for one in signed["signer_infos"] if one["signature"].native == value)
    on_value, archive = [], []
    for attribute in signer["unsigned_attrs"]:
        for one in attribute["values"]:
            if attribute["type"].native == "signature_time_stamp_token":
                on_value.append(Extracted(one.dump(), value))
            elif attribute["type"].dotted == ARCHIVE:
                archive.append(Extracted(one.dump(), _subject(signed, signer, one.dump(), content_digest)))
    return on_value, archive


def _subject(signed: cms.SignedData, signer: cms.SignerInfo, token: bytes, content_digest: bytes) -> bytes:
    names = ("version", "sid", "digest_algorithm", "signed_attrs", "signature_algorithm", "signature")
    fields = b"".join(signer[name].dump() for name in names)
    (stamper,) = cms.ContentInfo.load(token)["content"]["signer_infos"]
    (index,) = (one["values"][0] for one in stamper["unsigned_attrs"] if one["type"].dotted == HASH_INDEX)
    kind = core.ObjectIdentifier(signed["encap_content_info"]["content_type"].dotted).dump()
    return bytes(kind + content_digest + fields + index.dump())
