"""The messages of RFC 3161: requests written and read, answers checked.

An answer comes from another machine. It is small, or it is refused before it is read, and each of these must hold:

1. The status is granted, with or without modifications (2.4.2).
2. The token is one CMS object whose content is a TSTInfo, and the signature value fits.
3. The signed attributes name the certificate that the value is checked with (RFC 5816, 2.2.1).
4. Imprint, nonce and policy are those of the request.
5. The certificate is for timestamps, for nothing else, and says so in a critical extension (2.3).

A token that breaks a rule is no token. Whom to trust is judged with the certificate's path, elsewhere.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from asn1crypto import cms, tsp
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from signroom.domain.errors import BadInput, InvalidCms
from signroom.domain.signature import CertificateChain, DigestAlgorithm
from signroom.domain.timestamp import MessageImprint, Timestamp, TimestampRequest
from signroom.formats.certificate import load_certificate
from signroom.formats.cms.certificates import members
from signroom.formats.cms.foreign import Integrity, judge_contents
from signroom.formats.cms.hashing import digest_name
from signroom.formats.cms.reading import header, read_cms_octets
from signroom.formats.malformed import MALFORMED
from signroom.ports.timestamps import BadQuery

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_REQUEST = 16 << 10
MAX_ANSWER = 256 << 10
"""Bytes. Real ones have 1 to 8 KB; some authorities send a long chain."""
MAX_NONCE_BITS = 256
_ALGORITHMS: Mapping[str, DigestAlgorithm] = {one.value.lower(): one for one in DigestAlgorithm}
_OF_THE_CALLER = {"bad_alg", "unaccepted_policy", "unaccepted_extensions"}
"""Why an authority refuses what it was asked for: another caller may get a timestamp of it at the same moment."""
_GRANTED = {"granted", "granted_with_mods"}
_KIND = "ETSI.RFC3161"
_SEQUENCE = 0x30


class BadAnswer(Exception):
    """An answer that breaks a rule. The text is one sentence; it holds nothing of the answer's content."""

    def __init__(self, reason: str, failure: str | None = None) -> None:
        """`failure`: the authority refused what the caller asked for, with this bit of PKIFailureInfo."""
        super().__init__(reason)
        self.failure = failure


def write_request(request: TimestampRequest) -> bytes:
    """TimeStampReq, DER."""
    parts: dict[str, Any] = {
        "version": 1,
        "message_imprint": {
            "hash_algorithm": {"algorithm": request.imprint.algorithm.value.lower()},
            "hashed_message": request.imprint.digest,
        },
        "cert_req": True,  # without them nothing can be checked; `without_certificates` takes them out again
    }
    if request.nonce is not None:
        parts["nonce"] = request.nonce
    if request.policy is not None:
        parts["req_policy"] = request.policy
    der: bytes = tsp.TimeStampReq(parts).dump()
    return der


def read_request(octets: bytes) -> TimestampRequest:
    """Read a caller's TimeStampReq (RFC 3161, 2.4.1). Raises: BadQuery."""
    if len(octets) > MAX_REQUEST:
        raise BadQuery("bad_data_format", f"At most {MAX_REQUEST >> 10} KB.")
    try:
        found = tsp.TimeStampReq.load(octets, strict=True)
        version = found["version"].native
        name = digest_name(found["message_imprint"]["hash_algorithm"])
        digest = found["message_imprint"]["hashed_message"].native
        nonce, policy = found["nonce"].native, found["req_policy"].native and found["req_policy"].dotted
        wants_certificates = bool(found["cert_req"].native)
        has_extensions = bool(found["extensions"].native)
    except MALFORMED as error:
        raise BadQuery("bad_data_format", "It is no TimeStampReq.") from error
    if version not in {"v1", 1}:
        raise BadQuery("bad_request", "Its version is not 1.")
    if has_extensions:
        raise BadQuery("unaccepted_extensions", "Extensions are not known here.")
    if name is None or name not in _ALGORITHMS:
        raise BadQuery("bad_alg", "The digest must be SHA-256, SHA-384 or SHA-512.")
    if nonce is not None and nonce.bit_length() > MAX_NONCE_BITS:
        raise BadQuery("bad_data_format", "The nonce is too long.")
    try:
        imprint = MessageImprint(_ALGORITHMS[name], digest)
    except BadInput as error:
        raise BadQuery("bad_data_format", "The digest has another length than its algorithm gives.") from error
    return TimestampRequest(imprint, nonce, policy, wants_certificates)


def without_certificates(token: bytes) -> bytes:
    """`token` for a caller who wants no certificates in it (RFC 3161, 2.4.1). They are not signed."""
    content = cms.ContentInfo.load(token)
    signed = content["content"]
    parts = {name: signed[name] for name in signed if name not in {"certificates", "crls"}}
    der: bytes = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(parts)}).dump()
    return der


def write_granted(token: bytes) -> bytes:
    """TimeStampResp with `token`, DER."""
    return _answer(tsp.PKIStatusInfo({"status": "granted"}).dump(), token)


def write_rejected(failure: str, reason: str) -> bytes:
    """TimeStampResp without a token (RFC 3161, 2.4.2). `failure` as in `BadQuery`; `reason` is English."""
    status = tsp.PKIStatusInfo({"status": "rejection", "status_string": [reason], "fail_info": {failure}})
    return _answer(status.dump())


def _answer(*parts: bytes) -> bytes:
    content = b"".join(parts)
    return header(_SEQUENCE, len(content)) + content


def read_answer(octets: bytes, request: TimestampRequest) -> Timestamp:
    """The token of a TimeStampResp that keeps the rules above. Raises: BadAnswer."""
    if len(octets) > MAX_ANSWER:
        raise BadAnswer(f"The answer has more than {MAX_ANSWER >> 10} KB.")
    try:
        info, *tokens = members(octets)
        status = tsp.PKIStatusInfo.load(info, strict=True)
        if status["status"].native not in _GRANTED:
            failures = status["fail_info"].native or ()
            reason = f"It was refused: {', '.join(sorted(failures)) or status['status'].native}."
            raise BadAnswer(reason, next(iter(sorted(_OF_THE_CALLER & set(failures))), None))
        if len(tokens) != 1 or octets[0] != _SEQUENCE:
            raise BadAnswer("It was granted, but there is no token.")
        return _read_token(tokens[0], request)
    except InvalidCms as error:
        raise BadAnswer("Its token cannot be read.") from error
    except MALFORMED as error:
        raise BadAnswer("The answer is no TimeStampResp.") from error


def _read_token(token: bytes, request: TimestampRequest) -> Timestamp:
    """Raises: BadAnswer, one of MALFORMED."""
    imprint = request.imprint
    object_read = read_cms_octets(token)
    if object_read is None or object_read.content is None:
        raise BadAnswer("The token holds no timestamp.")
    if len(object_read.signed["signer_infos"]) != 1:  # each of them costs a signature to judge
        raise BadAnswer("The token has not one signer.")
    judged = judge_contents(
        token, _KIND, lambda name: imprint.digest if name == imprint.algorithm.value.lower() else None
    )
    (one,) = judged
    if one.integrity is not Integrity.INTACT or one.is_weak or one.certificate is None:
        raise BadAnswer(one.reason or "The token's signature is not intact.")
    info = tsp.TSTInfo.load(b"".join(object_read.content.chunks()), strict=True)
    if info["nonce"].native != request.nonce:
        raise BadAnswer("The nonce is not the one of the request.")
    policy = info["policy"].dotted
    if request.policy is not None and policy != request.policy:
        raise BadAnswer("The policy is not the one of the request.")
    _require_bound(object_read.signed)
    _require_for_timestamps(one.certificate)
    others = tuple(
        der for choice in object_read.signed["certificates"] or () if (der := choice.chosen.dump()) != one.certificate
    )
    return Timestamp(
        token=token,
        time=info["gen_time"].native.astimezone(UTC),
        serial_number=info["serial_number"].native,
        policy=policy,
        authority=CertificateChain(one.certificate, others),
    )


def _require_bound(signed: Any) -> None:
    """The judgement of a signature forgives a missing signing-certificate attribute. Of a timestamp it is required.

    Raises: BadAnswer.
    """
    names = {attribute["type"].native for attribute in signed["signer_infos"][0]["signed_attrs"]}
    if not names & {"signing_certificate", "signing_certificate_v2"}:
        raise BadAnswer("The token does not say which certificate is its authority's.")


def _require_for_timestamps(certificate: bytes) -> None:
    """RFC 3161, 2.3. Raises: BadAnswer."""
    try:
        usage = load_certificate(certificate).extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound as error:
        raise BadAnswer("The authority's certificate does not say that it is for timestamps.") from error
    if not usage.critical or list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise BadAnswer("The authority's certificate is not for timestamps alone, by a critical extension.")
