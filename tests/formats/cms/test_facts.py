"""What a CMS object says of a signer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from signroom.domain.examination import SignaturePolicy
from signroom.domain.signature import DigestValue
from signroom.formats.cms.verification import examine
from tests.trust.certificates_by_hand import IA5, der, oid
from tests.vectors.foreign_cms import DIGESTS, NULL, Object, attribute, ec_signer, sequence

POLICY = "2.16.76.1.7.1.11.1.1"
DIGEST = sequence(sequence(oid(DIGESTS["sha256"])), der(0x04, bytes(32)))
ADDRESS = sequence(oid("1.2.840.113549.1.9.16.5.1"), der(IA5, b"http://policies.example/ad-rb.der"))
NOTICE = sequence(oid("1.2.840.113549.1.9.16.5.2"), sequence())


def with_policy(folder: Path, value: bytes) -> Path:
    more = (attribute("1.2.840.113549.1.9.16.2.15", value),)
    signer = ec_signer("sha256", "1.2.840.10045.4.3.2")
    file = folder / "with-policy.p7s"
    file.write_bytes(Object(b"content", [signer], inside=b"content", more=more).made())
    return file


@pytest.mark.parametrize(
    ("value", "policy"),
    [
        (sequence(oid(POLICY), DIGEST), SignaturePolicy(POLICY, None, DigestValue("SHA256", bytes(32)))),
        (
            sequence(oid(POLICY), DIGEST, sequence(NOTICE, ADDRESS)),
            SignaturePolicy(POLICY, "http://policies.example/ad-rb.der", DigestValue("SHA256", bytes(32))),
        ),
        (sequence(oid(POLICY)), SignaturePolicy(POLICY, None, None)),
        (NULL, None),
    ],
    ids=["named", "with an address", "without a digest", "implied"],
)
def test_the_policy_of_a_signer_is_read(tmp_path: Path, value: bytes, policy: SignaturePolicy | None) -> None:
    (one,) = examine(with_policy(tmp_path, value), None, (), None).signatures

    assert one.policy == policy


def test_a_cms_object_is_judged_without_pyhanko(tmp_path: Path) -> None:
    """Importing pyHanko takes a third of a second, and teaches asn1crypto attributes that must be known without it."""
    file = with_policy(tmp_path, sequence(oid(POLICY), DIGEST, sequence(ADDRESS)))
    program = (
        "import sys; from pathlib import Path; from signroom.formats.cms.verification import examine\n"
        f"(one,) = examine(Path({str(file)!r}), None, (), None).signatures\n"
        "print(one.policy.oid, one.policy.uri, one.results.valid, 'pyhanko' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert said.split() == [POLICY, "http://policies.example/ad-rb.der", "True", "False"]
