"""The lists of approved policies: real ones, signed by an authority of ours, and what is wrong with others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from asn1crypto import cms, tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from signroom.domain.errors import BadPolicyList
from signroom.domain.security_context import ICP_BRASIL
from signroom.domain.signature_policy import known_policies
from signroom.trust.contexts import open_trust
from signroom.trust.pinned.approved_policies import (
    ITI,
    MAX_LIST,
    MAX_SIGNATURE,
    PolicyList,
    Standing,
    read_policy_file,
    read_policy_list,
)
from tests.trust.certificates_by_hand import EXPLICIT, IA5, OCTETS, SEQUENCE, der, oid
from tests.verifiers.cms import openssl_accepts, signed_by_openssl

VECTORS = Path(__file__).parents[2] / "vectors" / "icp_brasil"
PADES = (VECTORS / "LPA_PAdES.der").read_bytes()
THEN = datetime(2021, 6, 1, tzinfo=UTC)
"""The published lists counted then."""
GENERALIZED_TIME = 24
DATA, TST_INFO = "1.2.840.113549.1.7.1", "1.2.840.113549.1.9.16.1.4"
"""What a CMS signature may contain."""
_BEGIN, _END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Signer:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.der).hexdigest()


def make(name: str, issuer: Signer | None = None, cnpj: str | None = None, ends: datetime = _END) -> Signer:
    """An authority, or a company's certificate as DOC-ICP-04 has it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).public_key(key.public_key()).serial_number(9)
    builder = builder.issuer_name(subject if issuer is None else issuer.certificate.subject)
    builder = builder.not_valid_before(_BEGIN).not_valid_after(ends)
    builder = builder.add_extension(x509.BasicConstraints(issuer is None, None), critical=True)
    uses = dict.fromkeys(
        ("key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
    )
    signs = {"digital_signature": True, "content_commitment": issuer is not None}
    builder = builder.add_extension(
        x509.KeyUsage(**uses, **signs, key_cert_sign=issuer is None, crl_sign=issuer is None), critical=True
    )
    if cnpj is not None:
        number = x509.OtherName(x509.ObjectIdentifier("2.16.76.1.3.3"), der(OCTETS, cnpj.encode()))
        builder = builder.add_extension(x509.SubjectAlternativeName([number]), critical=False)
    return Signer(key, builder.sign(key if issuer is None else issuer.key, hashes.SHA256()))


@cache
def root() -> Signer:
    return make("Root of the test")


@cache
def iti() -> Signer:
    return make(f"INSTITUTO NACIONAL DE TECNOLOGIA DA INFORMACAO:{ITI}", root(), ITI)


Sign = Callable[..., bytes]


def sign_list(content: bytes, signer: Signer, output: Path, *options: str) -> Path:
    """By OpenSSL. Beside the signature lies what was signed, as ``list``."""
    file, key, certificate = (output.with_name(name) for name in ("list", "key.pem", "signer.pem"))
    file.write_bytes(content)
    key.write_bytes(signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    certificate.write_bytes(signer.certificate.public_bytes(Encoding.PEM))
    return signed_by_openssl(file, key, certificate, output, *options)


@pytest.fixture
def sign(tmp_path: Path) -> Sign:
    """The signature of a list, by ITI where nobody else is named."""

    def signed(content: bytes, signer: Signer | None = None, *options: str) -> bytes:
        return sign_list(content, signer or iti(), tmp_path / "list.p7s", *options).read_bytes()

    return signed


def read(content: bytes, signature: bytes, at: datetime = THEN, signers: tuple[str, ...] = ()) -> PolicyList:
    trust = open_trust(Path("/none"), None, extra={ICP_BRASIL: [root().der]})
    return read_policy_list(
        content,
        signature,
        lambda chain: trust.judge(chain, ICP_BRASIL, at, revocation_may_be_unknown=True),
        at,
        signers,
    )


def moment(time: datetime) -> bytes:
    return der(GENERALIZED_TIME, f"{time:%Y%m%d%H%M%SZ}".encode())


def entry(
    dotted: str,
    begins: datetime = THEN - timedelta(days=9),
    ends: datetime | None = None,
    revoked: datetime | None = None,
    digest: bytes = bytes(32),
    algorithm: str = "2.16.840.1.101.3.4.2.1",
) -> bytes:
    """PolicyInfo of DOC-ICP-15.03."""
    period = der(SEQUENCE, moment(begins), b"" if ends is None else moment(ends))
    hashed = der(SEQUENCE, der(SEQUENCE, oid(algorithm)), der(OCTETS, digest))
    uri = der(IA5, b"http://policies.example/policy.der")
    return der(SEQUENCE, period, b"" if revoked is None else moment(revoked), oid(dotted), uri, hashed)


def made(*entries: bytes, until: datetime = THEN + timedelta(days=9), version: bytes = b"") -> bytes:
    return der(SEQUENCE, version, der(SEQUENCE, *entries), moment(until))


@pytest.mark.parametrize("name", ["LPA_PAdES.der", "LPA_CAdES.der"])
def test_a_published_list_is_read_and_says_of_our_policies_that_they_are_approved(
    sign: Sign, tmp_path: Path, name: str
) -> None:
    content = (VECTORS / name).read_bytes()
    signature = sign(content)
    found = read(content, signature)

    assert openssl_accepts(
        tmp_path / "list.p7s", root().certificate.public_bytes(Encoding.PEM), tmp_path / "list", cades=False
    )
    assert (found.next_update, found.signer.der) == (datetime(2022, 1, 31, tzinfo=UTC), iti().der)
    assert len(found.policies) == {"LPA_PAdES.der": 10, "LPA_CAdES.der": 32}[name]
    listed = [one.oid for one in known_policies() if found.find(one.oid)]
    assert listed
    assert {found.standing(oid, THEN) for oid in listed} == {Standing.APPROVED}


@pytest.mark.parametrize("name", ["PA_PAdES_AD_RB_v1_1", "PA_PAdES_AD_RT_v1_1", "PA_AD_RB_v2_3"])
def test_a_published_policy_is_the_one_that_is_listed_and_the_one_that_we_name(sign: Sign, name: str) -> None:
    lists = [(VECTORS / one).read_bytes() for one in ("LPA_PAdES.der", "LPA_CAdES.der")]
    file = (VECTORS / f"{name}.der").read_bytes()
    policy = read_policy_file(file)

    (entry,) = [one for content in lists if (one := read(content, sign(content)).find(policy.oid))]
    assert (entry.is_of(file), entry.is_of(file + b" ")) == (True, False)
    (ours,) = [one for one in known_policies() if one.name == name]
    assert (policy.oid, policy.digest) == (ours.oid, ours.digest)


def test_a_policy_that_was_changed_is_none() -> None:
    file = (VECTORS / "PA_AD_RB_v2_3.der").read_bytes()
    for changed in (b"", b"\x30\x00", file[:-1], bytes(2 << 20), file.replace(b"20180514", b"20190514")):
        with pytest.raises(BadPolicyList):
            read_policy_file(changed)


def test_what_a_list_says_depends_on_the_day(sign: Sign) -> None:
    day = timedelta(days=1)
    content = made(
        entry("1.2.3.1"),
        entry("1.2.3.2", begins=THEN + day),
        entry("1.2.3.3", ends=THEN - day),
        entry("1.2.3.4", ends=THEN + day),
        entry("1.2.3.5", revoked=THEN),
        entry("1.2.3.6", revoked=THEN + day),
        version=der(2, b"\x02"),
    )
    found = read(content, sign(content))

    assert [found.standing(f"1.2.3.{number}", THEN).value for number in range(1, 8)] == [
        "Approved",
        "NotYet",
        "Ended",
        "Approved",
        "Revoked",
        "Approved",
        "NotListed",
    ]
    published = read(PADES, sign(PADES))
    assert (published.is_about("2.16.76.1.7.1.11.1.99"), published.is_about("2.16.76.1.7.1.1.2.3")) == (True, False)


def test_a_list_that_was_changed_or_is_another_ones_is_refused(sign: Sign) -> None:
    signature = sign(PADES)
    for position in range(0, len(PADES), 101):
        changed = bytearray(PADES)
        changed[position] ^= 1
        with pytest.raises(BadPolicyList, match="was changed"):
            read(bytes(changed), signature)
    with pytest.raises(BadPolicyList, match="another list"):
        read(PADES, sign((VECTORS / "LPA_CAdES.der").read_bytes()))
    inside = sign(made(entry("1.2.3")), None, "-nodetach")
    with pytest.raises(BadPolicyList, match="was changed"):
        read(PADES, inside)
    assert read(PADES, sign(PADES, None, "-nodetach")).policies


def test_a_list_counts_until_the_day_of_the_next(sign: Sign) -> None:
    signature = sign(PADES)
    assert read(PADES, signature, datetime(2022, 1, 31, tzinfo=UTC)).policies
    with pytest.raises(BadPolicyList, match="followed by another on 2022-01-31"):
        read(PADES, signature, datetime(2022, 1, 31, 0, 0, 1, tzinfo=UTC))


def test_only_iti_signs_a_list_or_whom_the_operator_names(sign: Sign) -> None:
    company = make("ACME:33000167000101", root(), "33000167000101")
    with pytest.raises(BadPolicyList, match="not signed by ITI"):
        read(PADES, sign(PADES, company))
    assert read(PADES, sign(PADES, company), signers=(company.fingerprint,)).signer.der == company.der
    says_so = make(f"INSTITUTO NACIONAL DE TECNOLOGIA DA INFORMACAO:{ITI}", root())  # nobody has certified the number
    with pytest.raises(BadPolicyList, match="not signed by ITI"):
        read(PADES, sign(PADES, says_so))


def test_the_certificate_of_iti_must_count_in_icp_brasil(sign: Sign) -> None:
    elsewhere = make("ITI", make("Another root"), ITI)
    ended = make("ITI", root(), ITI, ends=THEN - timedelta(days=1))
    for signer in (elsewhere, ended, make("Alone", None, ITI)):
        with pytest.raises(BadPolicyList, match="does not count"):
            read(PADES, sign(PADES, signer), signers=(signer.fingerprint,))


def test_what_is_no_good_signature_is_refused(sign: Sign) -> None:
    good = sign(PADES)
    for signature in (
        *(b"", b"garbage", b"\x30\x80", PADES, good[:-1], good + b"\x00", iti().der, bytes(MAX_SIGNATURE + 1)),
        *(sign(PADES, None, "-nocerts"), sign(PADES, None, "-md", "sha1")),
        der(SEQUENCE, oid(DATA), der(0xA0, der(OCTETS, PADES))),
        der(SEQUENCE, oid("1.2.840.113549.1.7.2"), der(0xA0, b"\x30\x00")),
    ):
        with pytest.raises(BadPolicyList):
            read(PADES, signature)


def test_only_the_list_itself_may_lie_in_its_signature(sign: Sign) -> None:
    """A signature without signed attributes holds whatever anybody puts inside, and calls it."""
    signature = sign(PADES, None, "-noattr")
    stamp = tsp.TSTInfo({
        "version": "v1",
        "policy": "1.2.3",
        "message_imprint": {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": bytes(32)},
        "serial_number": 1,
        "gen_time": THEN,
    })  # fmt: skip

    def containing(kind: str, content: bytes) -> bytes:
        info = cms.ContentInfo.load(signature)
        info["content"]["version"] = "v3"
        inside = der(SEQUENCE, oid(kind), der(EXPLICIT, der(OCTETS, content)))
        info["content"]["encap_content_info"] = cms.EncapsulatedContentInfo.load(inside)
        changed: bytes = info.dump(force=True)
        return changed

    assert read(PADES, signature).policies == read(PADES, containing(DATA, PADES)).policies
    for kind, content in ((DATA, b"another"), (DATA, b""), (TST_INFO, stamp.dump())):
        with pytest.raises(BadPolicyList):
            read(PADES, containing(kind, content))


def test_what_is_no_list_is_refused_whoever_has_signed_it(sign: Sign) -> None:
    one = entry("1.2.3")
    for content in (
        *(b"", b"garbage", b"\x30\x80\x00\x00", b"\x30" * 5000, PADES[:-1], PADES + b"\x00"),
        *(made(), made(one, one), made(*(entry(f"1.2.{number}") for number in range(1001)))),
        made(entry("1.2.3", digest=bytes(20), algorithm="1.3.14.3.2.26")),  # SHA-1
        made(entry("1.2.3", digest=bytes(31))),
        der(SEQUENCE, der(SEQUENCE, one), der(GENERALIZED_TIME, b"20990101000000")),  # in no zone
        der(SEQUENCE, der(SEQUENCE, one), der(GENERALIZED_TIME, b"tomorrow")),
        der(SEQUENCE, der(SEQUENCE, der(SEQUENCE, one)), moment(_END)),
    ):
        with pytest.raises(BadPolicyList):
            read(content, sign(content))
    with pytest.raises(BadPolicyList, match="has more than"):
        read(bytes(MAX_LIST + 1), b"")


def test_a_signature_that_was_changed_anywhere_is_refused_or_says_the_same(sign: Sign) -> None:
    signature = sign(PADES)
    good, refused = read(PADES, signature), 0
    for position in range(0, len(signature), 7):
        changed = bytearray(signature)
        changed[position] ^= 0x81
        try:
            assert read(PADES, bytes(changed)).policies == good.policies
        except BadPolicyList:
            refused += 1
    assert refused
