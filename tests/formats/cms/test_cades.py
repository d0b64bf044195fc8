"""CAdES: what we make is accepted by openssl, what others made is signed once more, what was changed fails."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asn1crypto import cms
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signroom.domain.errors import (
    BrokenSignature,
    DataFileRequired,
    DataMismatch,
    EmptyFile,
    InvalidCms,
    NotSigned,
    Refused,
)
from signroom.domain.signature import (
    ATTACHED,
    CertificateChain,
    CheckedValue,
    CmsOptions,
    DigestAlgorithm,
    DigestValue,
    Indication,
    Prepared,
    TrustedChain,
)
from signroom.domain.validation import Check, Outcome
from signroom.formats.cms.cades import embed, inspect, prepare
from signroom.formats.cms.verification import examine, verify
from signroom.formats.values import check_values
from tests.harness.server import ROOT, signature
from tests.pki import authority
from tests.vectors import what_a_file_is
from tests.verifiers.cms import openssl_accepts, signed_by_openssl

NOW = datetime.now(UTC).replace(microsecond=0)
CONTENT = b"The content: \x00\xff not text, not PDF.\r\n" * 1000
DETACHED = CmsOptions(detached=True)


@pytest.fixture
def content(tmp_path: Path) -> Path:
    file = tmp_path / "content.bin"
    file.write_bytes(CONTENT)
    return file


@pytest.fixture
def root_pem() -> bytes:
    return authority.root().certificate.public_bytes(Encoding.PEM)


def chain_of(name: str) -> CertificateChain:
    return CertificateChain(authority.leaf(name).certificate_der, (authority.root().certificate_der,))


def prepared(
    file: Path,
    name: str,
    options: CmsOptions = ATTACHED,
    data: Path | None = None,
    algorithm: DigestAlgorithm = DigestAlgorithm.SHA256,
) -> tuple[Prepared, CheckedValue]:
    """A preparation and its checked value."""
    layout = prepare(file, TrustedChain(chain_of(name)), algorithm=algorithm, now=NOW, options=options, data=data)
    key = authority.leaf(name).signing_key
    return layout, check_values([layout.claimed(signature(key, layout.to_sign, algorithm.value))])[0]


def signed(file: Path, name: str, output: Path, options: CmsOptions = ATTACHED, data: Path | None = None) -> Path:
    layout, value = prepared(file, name, options, data)
    stored = embed(file, layout, value, output)
    assert stored.length == output.stat().st_size
    assert stored.sha256 == hashlib.sha256(output.read_bytes()).digest()
    return output


KINDS = ["rsa2048", "p256", "p384", "p521"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("algorithm", list(DigestAlgorithm))
def test_attached_and_detached_hold_for_openssl(
    content: Path, tmp_path: Path, root_pem: bytes, kind: str, algorithm: DigestAlgorithm
) -> None:
    for options in (ATTACHED, DETACHED):
        layout, value = prepared(content, kind, options, algorithm=algorithm)
        output = tmp_path / "signed.p7s"
        embed(content, layout, value, output)
        beside = content if options.detached else None

        assert openssl_accepts(output, root_pem, beside) == CONTENT
        (verdict,) = verify(output, beside).signatures
        assert verdict.indication is Indication.TOTAL_PASSED
        assert verdict.certificate == chain_of(kind).certificate
        assert verdict.signed_at == NOW
        assert verdict.covers_whole_file


def test_a_second_and_third_signer_leave_the_earlier_bytes_alone(
    content: Path, tmp_path: Path, root_pem: bytes
) -> None:
    first = signed(content, "rsa2048", tmp_path / "1.p7s")
    second = signed(first, "p256", tmp_path / "2.p7s")
    third = signed(second, "p521", tmp_path / "3.p7s")

    def infos(file: Path) -> set[bytes]:
        return {s.dump() for s in cms.ContentInfo.load(file.read_bytes())["content"]["signer_infos"]}

    assert infos(first) < infos(second) < infos(third)
    assert openssl_accepts(third, root_pem) == CONTENT
    assert inspect(third, ATTACHED, None).signatures == 3
    assert {s.indication for s in verify(third, None).signatures} == {Indication.TOTAL_PASSED}


def key_files(name: str, folder: Path) -> tuple[Path, Path]:
    leaf = authority.leaf(name)
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    key.write_bytes(leaf.signing_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    certificate.write_bytes(leaf.certificate.public_bytes(Encoding.PEM))
    return key, certificate


@pytest.mark.parametrize("options", [["-nodetach", "-cades"], ["-nodetach", "-stream", "-cades"], ["-nodetach"]])
def test_what_openssl_signed_is_signed_once_more(
    content: Path, tmp_path: Path, root_pem: bytes, options: list[str]
) -> None:
    theirs = signed_by_openssl(content, *key_files("p256", tmp_path), tmp_path / "theirs.p7s", *options)

    both = signed(theirs, "rsa2048", tmp_path / "both.p7s")

    assert openssl_accepts(both, root_pem, cades="-cades" in options) == CONTENT
    assert len(verify(both, None).signatures) == 2


@pytest.mark.parametrize("form", ["PEM", "base64"])
def test_text_forms_are_read(content: Path, tmp_path: Path, form: str) -> None:
    der = signed(content, "p256", tmp_path / "1.p7s").read_bytes()
    text = base64.encodebytes(der)
    file = tmp_path / "text.p7s"
    file.write_bytes(text if form == "base64" else b"-----BEGIN CMS-----\n" + text + b"-----END CMS-----\n")

    assert inspect(file, ATTACHED, None).signatures == 1
    assert len(verify(signed(file, "p384", tmp_path / "2.p7s"), None).signatures) == 2


@pytest.mark.parametrize("form", what_a_file_is.text_forms())
def test_every_text_form_is_signed_once_more_as_der(tmp_path: Path, root_pem: bytes, form: str) -> None:
    file = tmp_path / "contract.pdf.p7m"
    file.write_bytes(what_a_file_is.text_forms()[form])

    both = signed(file, "p384", tmp_path / "both.p7m")

    assert openssl_accepts(both, root_pem, cades=False) == what_a_file_is.pdf()
    assert len(verify(both, None).signatures) == 2


def test_a_text_form_has_bounds(tmp_path: Path) -> None:
    text = base64.b64encode(what_a_file_is.attached(bytes(25 << 20)))
    large, deep, mail = tmp_path / "large.p7m", tmp_path / "deep.p7m", tmp_path / "mail.eml"
    large.write_bytes(text)
    once = what_a_file_is.text_forms()["base64"]
    deep.write_bytes(base64.b64encode(base64.b64encode(base64.b64encode(once))))
    mail.write_bytes(b"Subject: our contract\r\n" + what_a_file_is.MIME_HEADER + once)

    with pytest.raises(InvalidCms, match="send it as DER"):
        inspect(large, ATTACHED, None)
    for content in (deep, mail):
        assert inspect(content, ATTACHED, None).signatures == 0


def test_an_attached_object_is_not_about_another_file(content: Path, tmp_path: Path) -> None:
    first = signed(content, "p256", tmp_path / "1.p7m")
    other, same_length = tmp_path / "other.bin", tmp_path / "same-length.bin"
    other.write_bytes(CONTENT[:-1])
    same_length.write_bytes(CONTENT[:-1] + b"!")
    told = DigestValue("SHA512", hashlib.sha512(b"another").digest())
    known = DigestValue("SHA512", hashlib.sha512(CONTENT).digest())

    for data, hashes in ((other, ()), (same_length, ()), (None, (told,))):
        (examined,) = examine(first, data, hashes, None).signatures
        assert examined.verdict.reason == "HASH_FAILURE"
        assert [item.check for item in examined.results.errors] == [Check.MESSAGE_DIGEST_MISMATCH]
        with pytest.raises(DataMismatch):
            inspect(first, CmsOptions(data_hashes=hashes), data)
    for data, hashes in ((content, ()), (None, (known,)), (None, ())):
        (examined,) = examine(first, data, hashes, None).signatures
        assert examined.verdict.indication is Indication.TOTAL_PASSED
        assert inspect(first, CmsOptions(data_hashes=hashes), data).signatures == 1


def test_each_digest_that_a_caller_names_is_compared(content: Path, tmp_path: Path) -> None:
    """Also beside the data itself, beside a right one, and for a file that nobody has signed yet."""
    attached = signed(content, "p256", tmp_path / "1.p7m")
    detached = signed(content, "p256", tmp_path / "2.p7s", DETACHED)
    right = DigestValue("SHA256", hashlib.sha256(CONTENT).digest())
    wrong = DigestValue("SHA3_256", hashlib.sha3_256(b"another").digest())
    second = DigestValue("SHA256", hashlib.sha256(b"another").digest())

    for file, data in ((attached, content), (attached, None), (detached, content), (content, None)):
        for hashes in ((right, wrong), (right, second)):
            with pytest.raises(DataMismatch):
                inspect(file, CmsOptions(data_hashes=hashes), data)
        assert inspect(file, CmsOptions(data_hashes=(right,)), data).signatures == (file != content)
    with pytest.raises(DataMismatch):
        inspect(detached, CmsOptions(data_hashes=(right, second)), None)
    with pytest.raises(DataMismatch):
        inspect(content, ATTACHED, attached)
    (examined,) = examine(detached, content, (wrong,), None).signatures
    assert [item.check for item in examined.results.errors] == [Check.MESSAGE_DIGEST_MISMATCH]


def test_a_detached_object_needs_its_data_to_be_signed_once_more(
    content: Path, tmp_path: Path, root_pem: bytes
) -> None:
    first = signed(content, "rsa2048", tmp_path / "1.p7s", DETACHED)
    other = tmp_path / "other.bin"
    other.write_bytes(b"something else")
    known = CmsOptions(data_hashes=(DigestValue("SHA256", hashlib.sha256(CONTENT).digest()),))

    with pytest.raises(DataFileRequired):
        inspect(first, ATTACHED, None)
    with pytest.raises(DataMismatch):
        inspect(first, ATTACHED, other)
    by_data = signed(first, "p256", tmp_path / "2.p7s", ATTACHED, content)
    by_hash = signed(first, "p256", tmp_path / "3.p7s", known)

    for output in (by_data, by_hash):
        assert openssl_accepts(output, root_pem, content) == CONTENT


# -- what does not hold ----------------------------------------------------------------------------


def changed(file: Path, old: bytes, new: bytes) -> Path:
    data = file.read_bytes()
    assert data.count(old) >= 1
    file.write_bytes(data.replace(old, new, 1))
    return file


def test_changed_content_fails_for_both(content: Path, tmp_path: Path, root_pem: bytes) -> None:
    output = changed(signed(content, "p256", tmp_path / "1.p7s"), b"not text", b"all text")

    assert openssl_accepts(output, root_pem) is None
    (verdict,) = verify(output, None).signatures
    assert (verdict.indication, verdict.reason) == (Indication.TOTAL_FAILED, "HASH_FAILURE")
    with pytest.raises(BrokenSignature):
        inspect(output, ATTACHED, None)
    (examined,) = examine(output, None, (), None).signatures
    assert [item.check for item in examined.results.errors] == [Check.MESSAGE_DIGEST_MISMATCH]


def test_a_changed_value_fails_for_both(content: Path, tmp_path: Path, root_pem: bytes) -> None:
    layout, value = prepared(content, "rsa2048")
    output = tmp_path / "1.p7s"
    embed(content, layout, CheckedValue(bytes([value.value[0] ^ 1]) + value.value[1:]), output)

    assert openssl_accepts(output, root_pem) is None
    assert verify(output, None).signatures[0].reason == "SIG_CRYPTO_FAILURE"


def test_a_substituted_certificate_fails(content: Path, tmp_path: Path) -> None:
    """The same key in another certificate: only signing-certificate-v2 tells."""
    output = signed(content, "p256", tmp_path / "1.p7s")
    parsed = cms.ContentInfo.load(output.read_bytes())
    attributes = parsed["content"]["signer_infos"][0]["signed_attrs"]
    named = next(a for a in attributes if a["type"].native == "signing_certificate_v2")
    digest = named["values"][0]["certs"][0]["cert_hash"].native

    (verdict,) = verify(changed(output, digest, bytes(32)), None).signatures

    assert verdict.indication is Indication.TOTAL_FAILED


def test_the_original_must_be_what_was_prepared(content: Path, tmp_path: Path) -> None:
    for options in (ATTACHED, DETACHED):
        layout, value = prepared(content, "p256", options)
        content.write_bytes(CONTENT + b"!")
        with pytest.raises(DataMismatch):
            embed(content, layout, value, tmp_path / "1.p7s")
        assert not (tmp_path / "1.p7s").exists()
        content.write_bytes(CONTENT)


def test_what_is_empty_or_not_signed_is_told(tmp_path: Path, content: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()

    with pytest.raises(EmptyFile):
        inspect(empty, ATTACHED, None)
    with pytest.raises(EmptyFile):
        examine(empty, None, (), None)
    with pytest.raises(NotSigned):
        examine(content, None, (), None)
    assert inspect(content, ATTACHED, None).signatures == 0


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_is_refused_or_judged_and_never_believed(data: st.DataObject, tmp_path: Path, content: Path) -> None:
    output = tmp_path / "damaged.p7s"
    good = tmp_path / "good.p7s"
    whole = (good if good.exists() else signed(content, "p256", good)).read_bytes()
    # The content is 38 KB of 40: aim at what is around it.
    around = [*range(80), *range(len(whole) - 2500, len(whole))]
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.sampled_from(around))] = data.draw(st.integers(0, 255))
    end = data.draw(st.sampled_from([len(whole), len(whole) - 1, len(whole) - 500, 100]))
    output.write_bytes(damaged[:end])

    for look in (lambda: verify(output, None), lambda: examine(output, None, (), None)):
        try:
            look()
        except Refused:
            continue
    try:
        found = inspect(output, ATTACHED, None)
    except Refused:
        return
    assert found.signatures in {0, 1}


@pytest.mark.parametrize("content_info", [b"\x30\x80" + bytes.fromhex("06092a864886f70d010702") + b"\xa0\x80" * 5000])
def test_deep_nesting_is_refused(tmp_path: Path, content_info: bytes) -> None:
    file = tmp_path / "deep.p7s"
    file.write_bytes(content_info)

    with pytest.raises(InvalidCms):
        inspect(file, ATTACHED, None)


# -- examination -----------------------------------------------------------------------------------


def test_facts_of_each_signer(content: Path, tmp_path: Path) -> None:
    file = signed(signed(content, "rsa2048", tmp_path / "1.p7s"), "p384", tmp_path / "2.p7s")
    target = tmp_path / "extracted"

    found = examine(file, None, (), target)

    assert found.has_encapsulated_content is True
    assert found.missing_data_hash is None
    assert target.read_bytes() == CONTENT
    assert {s.signature_algorithm for s in found.signatures} == {"SHA256WithRSA", "SHA256WithECDSA"}
    for one in found.signatures:
        assert one.message_digest == DigestValue("SHA256", hashlib.sha256(CONTENT).digest())
        assert one.results.valid
        assert authority.root().certificate_der in one.issuers


def test_a_detached_object_says_which_digest_it_needs(content: Path, tmp_path: Path) -> None:
    file = signed(content, "p256", tmp_path / "1.p7s", DETACHED)
    right = DigestValue("SHA256", hashlib.sha256(CONTENT).digest())

    without, with_hash = examine(file, None, (), None), examine(file, None, (right,), None)
    wrong = examine(file, None, (DigestValue("SHA256", bytes(32)),), None)

    assert without.missing_data_hash == "SHA256"
    assert without.signatures[0].verdict.indication is Indication.INDETERMINATE
    assert with_hash.missing_data_hash is None
    assert with_hash.signatures[0].verdict.indication is Indication.TOTAL_PASSED
    assert wrong.signatures[0].verdict.indication is Indication.TOTAL_FAILED


def test_a_plain_cms_signature_may_change_its_signer(content: Path, tmp_path: Path) -> None:
    file = signed_by_openssl(content, *key_files("p256", tmp_path), tmp_path / "theirs.p7s", "-nodetach")

    (found,) = examine(file, None, (), None).signatures

    warnings = [item.check for item in found.results.with_outcome(Outcome.WARNING)]
    assert warnings == [Check.SIGNATURE_VULNERABLE_TO_SIGNER_SUBSTITUTION]


def test_sha1_proves_nothing_today(content: Path, tmp_path: Path) -> None:
    options = ["-nodetach", "-md", "sha1"]
    file = signed_by_openssl(content, *key_files("rsa2048", tmp_path), tmp_path / "old.p7s", *options)

    (found,) = examine(file, None, (), None).signatures

    assert found.verdict.indication is Indication.INDETERMINATE
    assert found.signature_algorithm == "SHA1WithRSA"


# -- size ------------------------------------------------------------------------------------------

_LARGE = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from signroom.domain.signature import ATTACHED, CertificateChain, DigestAlgorithm, TrustedChain
from signroom.formats.cms.cades import embed, inspect, prepare
from signroom.formats.cms.verification import verify
from signroom.formats.values import check_values
from tests.pki import authority
from tests.harness.server import signature
from signroom.domain.augmentation import Augmentation, TimestampUse
from tests.formats.cms.lasting.raised import all_data, raise_level, to_archive
from signroom.formats.cms.format import read_levels

source, output, again = map(Path, sys.argv[1:])
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
def sign(source, name, output):
    inspect(source, ATTACHED, None)
    chain = TrustedChain(CertificateChain(authority.leaf(name).certificate_der))
    p = prepare(source, chain, algorithm=DigestAlgorithm.SHA256, now=datetime.now(UTC), options=ATTACHED)
    (value,) = check_values([p.claimed(signature(authority.leaf(name).signing_key, p.to_sign))])
    embed(source, p, value, output)
sign(source, "p256", output)
sign(output, "p384", again)
assert verify(again, None).intact
value = read_levels(again, None).signatures[0].value
raise_level(again, Augmentation(TimestampUse.SIGNATURE, signature_value=value))
raise_level(again, to_archive(value, all_data("p256")))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base)
"""


@pytest.mark.slow
def test_100_mb_attached_are_streamed(tmp_path: Path) -> None:
    source = tmp_path / "large.bin"
    with source.open("wb") as file:
        for _ in range(100):
            file.write(bytes(1 << 20))

    done = subprocess.run(
        [sys.executable, "-c", _LARGE, str(source), str(tmp_path / "1.p7m"), str(tmp_path / "2.p7m")],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}/src:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 60 * 1024, "KB on top of Python and its libraries"
