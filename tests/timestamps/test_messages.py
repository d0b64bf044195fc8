"""Requests and answers of RFC 3161, with openssl on the other side."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import cms, tsp
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from signroom.domain.signature import DigestAlgorithm
from signroom.domain.timestamp import MessageImprint, TimestampRequest
from signroom.keys.demo_tsa import DemoTsa
from signroom.ports.timestamps import BadQuery
from signroom.timestamps.messages import (
    MAX_ANSWER,
    MAX_REQUEST,
    BadAnswer,
    read_answer,
    read_request,
    without_certificates,
    write_granted,
    write_rejected,
    write_request,
)
from tests.timestamps import openssl_tsa

DIGEST = hashlib.sha256(b"contract").digest()
REQUEST = TimestampRequest(MessageImprint(DigestAlgorithm.SHA256, DIGEST), 2**63 + 5)


def own(certificate: str = "good") -> DemoTsa:
    """An authority with the root of openssl's and one of its certificates."""
    made = openssl_tsa.folder()
    key = load_pem_private_key((made / "key.pem").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    leaf = x509.load_pem_x509_certificate((made / f"{certificate}.pem").read_bytes())
    return DemoTsa(key, leaf.public_bytes(Encoding.DER), openssl_tsa.root_der())


@pytest.mark.parametrize("algorithm", list(DigestAlgorithm))
def test_openssl_understands_a_request_and_its_answer_is_read(algorithm: DigestAlgorithm) -> None:
    imprint = MessageImprint(algorithm, hashlib.new(algorithm.value, b"contract").digest())
    request = TimestampRequest(imprint, 2**63 + 5)

    found = read_answer(openssl_tsa.reply(write_request(request)), request)

    assert abs(found.time - datetime.now(UTC)) < timedelta(minutes=1)
    assert found.policy == openssl_tsa.POLICY
    assert found.authority.issuers == (openssl_tsa.root_der(),)


def test_a_request_of_openssl_is_read() -> None:
    found = read_request(openssl_tsa.query(DIGEST, "sha256", "-tspolicy", "1.2.3"))

    assert found.imprint == REQUEST.imprint
    assert found.policy == "1.2.3"
    assert found.nonce is not None
    assert found.wants_certificates


def test_a_request_comes_back_as_it_was_written() -> None:
    for request in (REQUEST, replace(REQUEST, nonce=None, policy="1.2.3")):
        assert read_request(write_request(request)) == request


@pytest.mark.parametrize(
    ("octets", "failure"),
    [
        (b"", "bad_data_format"),
        (b"\x30\x03abc", "bad_data_format"),
        (bytes(MAX_REQUEST + 1), "bad_data_format"),
        (openssl_tsa.query(bytes(20), "sha1"), "bad_alg"),
        (write_request(replace(REQUEST, nonce=1 << 300)), "bad_data_format"),
    ],
    ids=["empty", "no-request", "too-long", "sha1", "long-nonce"],
)
def test_a_query_that_cannot_be_answered_is_refused(octets: bytes, failure: str) -> None:
    with pytest.raises(BadQuery) as refused:
        read_request(octets)

    assert refused.value.failure == failure


def test_openssl_accepts_a_token_of_the_demo_and_reads_a_refusal(tmp_path: Path) -> None:
    query = openssl_tsa.query(DIGEST)
    token = own().stamp(read_request(query), datetime.now(UTC))
    root = openssl_tsa.folder() / "root.pem"

    assert openssl_tsa.is_good(query, write_granted(token), root, tmp_path)
    assert not openssl_tsa.is_good(query, write_rejected("system_failure", "Later."), root, tmp_path)
    assert not openssl_tsa.is_good(openssl_tsa.query(bytes(32)), write_granted(token), root, tmp_path)


def answer_to(request: TimestampRequest, certificate: str = "good") -> bytes:
    return write_granted(own(certificate).stamp(request, datetime.now(UTC)))


def _unsigned_binding(answer: bytes) -> bytes:
    """Without signing-certificate-v2, signed anew: intact, and it does not say whose it is."""
    made = openssl_tsa.folder()
    response = tsp.TimeStampResp.load(answer)
    signer = response["time_stamp_token"]["content"]["signer_infos"][0]
    kept = [one for one in signer["signed_attrs"] if one["type"].native != "signing_certificate_v2"]
    signer["signed_attrs"] = attributes = cms.CMSAttributes(kept)
    key = load_pem_private_key((made / "key.pem").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    from cryptography.hazmat.primitives import hashes

    signer["signature"] = key.sign(attributes.dump(force=True), ec.ECDSA(hashes.SHA256()))
    der: bytes = response.dump(force=True)
    return der


OTHER = MessageImprint(DigestAlgorithm.SHA256, bytes(32))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"<html>", "no TimeStampResp"),
        (b"", "no TimeStampResp"),
        (bytes(MAX_ANSWER + 1), "more than"),
        (write_rejected("bad_alg", "No."), "refused: bad_alg"),
        (answer_to(replace(REQUEST, nonce=7)), "nonce"),
        (answer_to(replace(REQUEST, nonce=None)), "nonce"),
        (answer_to(replace(REQUEST, imprint=OTHER)), "content was changed"),
        (answer_to(REQUEST, "not-critical"), "critical"),
        (answer_to(REQUEST, "two-purposes"), "critical"),
        (answer_to(REQUEST, "no-purpose"), "does not say"),
        (answer_to(replace(REQUEST, wants_certificates=False)), "certificate is not in"),
        (answer_to(REQUEST)[:-1] + b"\0", "value does not fit|cannot be read|no TimeStampResp"),
        (_unsigned_binding(answer_to(REQUEST)), "does not say which certificate"),
        (write_granted(answer_to(REQUEST)), "no timestamp"),
    ],
    ids=[
        "garbage",
        "nothing",
        "too-long",
        "refused",
        "other-nonce",
        "no-nonce",
        "other-imprint",
        "not-critical",
        "two-purposes",
        "no-purpose",
        "no-certificate",
        "broken-value",
        "no-binding",
        "no-token",
    ],
)
def test_an_answer_that_breaks_a_rule_is_none(answer: bytes, reason: str) -> None:
    with pytest.raises(BadAnswer, match=reason):
        read_answer(answer, REQUEST)


def test_an_authority_is_asked_for_its_certificates_and_the_caller_gets_those_that_they_want(tmp_path: Path) -> None:
    """Without them nothing can be checked. ``openssl ts -query`` does not ask for them unless told to."""
    query = openssl_tsa.query(DIGEST, certificates=False)
    asked = read_request(query)
    assert not asked.wants_certificates
    found = read_answer(openssl_tsa.reply(write_request(asked)), asked)

    bare = write_granted(without_certificates(found.token))

    made = openssl_tsa.folder()
    assert openssl_tsa.is_good(query, bare, made / "root.pem", tmp_path, "-untrusted", str(made / "good.pem"))
    with pytest.raises(BadAnswer, match="certificate is not in"):
        read_answer(bare, asked)


def test_a_token_of_many_signers_is_refused_before_they_are_judged() -> None:
    token = cms.ContentInfo.load(own().stamp(REQUEST, datetime.now(UTC)))
    signers = token["content"]["signer_infos"][0].dump() * 250
    # As bytes: asn1crypto takes half a minute to write so many.
    token["content"]["signer_infos"] = cms.SignerInfos.load(b"\x31\x83" + len(signers).to_bytes(3) + signers)

    with pytest.raises(BadAnswer, match="one signer"):
        read_answer(write_granted(token.dump()), REQUEST)


def test_what_the_caller_asked_for_in_vain_is_told_from_a_failure() -> None:
    with pytest.raises(BadAnswer) as refused:
        read_answer(write_rejected("unaccepted_policy", "No."), REQUEST)
    with pytest.raises(BadAnswer) as failed:
        read_answer(write_rejected("system_failure", "Later."), REQUEST)

    assert (refused.value.failure, failed.value.failure) == ("unaccepted_policy", None)


def test_the_policy_that_was_asked_for_is_required() -> None:
    with pytest.raises(BadAnswer, match="policy"):
        read_answer(answer_to(REQUEST), replace(REQUEST, policy="1.2.3"))


def test_any_byte_that_changes_in_a_token_is_found() -> None:
    answer = answer_to(REQUEST)
    good = read_answer(answer, REQUEST)

    for place in range(0, len(answer), 7):
        changed = answer[:place] + bytes([answer[place] ^ 1]) + answer[place + 1 :]
        try:
            found = read_answer(changed, REQUEST)
        except BadAnswer:
            continue
        # What is not signed may change: the certificates that come along, which are judged, and unused fields.
        assert (found.time, found.serial_number) == (good.time, good.serial_number)
