"""Levels of CMS signatures, judged by who did not write them: openssl, pyHanko, and the EU's DSS."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto.cms import SignedData
from cryptography.hazmat.primitives.serialization import Encoding

from signroom.domain.augmentation import Augmentation, TimestampUse
from signroom.domain.level import Level
from signroom.domain.signature import ATTACHED
from signroom.formats.cms import format as cms_format
from signroom.formats.cms.verification import verify
from tests.formats.cms.lasting.raised import (
    CONTENT,
    DETACHED,
    all_data,
    raise_level,
    sign,
    sign_by_openssl,
    signers,
    timestamps,
    to_archive,
    values,
)
from tests.pki import three_tiers
from tests.pki.three_tiers import NOW, YEAR
from tests.verifiers.cms import judged_by_pyhanko, openssl_accepts
from tests.verifiers.dss import Dss, running_dss

SIGNATURE = TimestampUse.SIGNATURE
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def root_pem() -> bytes:
    return three_tiers.root().certificate.public_bytes(Encoding.PEM)


@pytest.fixture(scope="module")
def dss(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dss]:
    anchor = tmp_path_factory.mktemp("dss") / "root.crt"
    anchor.write_bytes(three_tiers.root().der)
    with running_dss(anchor) as running:
        yield running


@pytest.fixture
def content(tmp_path: Path) -> Path:
    file = tmp_path / "content.bin"
    file.write_bytes(CONTENT)
    return file


def judged(dss: Dss, file: Path, **options: Any) -> list[tuple[str, str]]:
    """Level and indication of each signature, as DSS sees them with its demand for revocation data."""
    answer = dss.judge(file, revocation=True, **options)
    return sorted((one["level"], one["indication"]) for one in answer["signatures"])


def levels(file: Path, data: Path | None) -> list[Level]:
    found = cms_format.read_levels(file, data).signatures
    assert all(stamp.intact for one in found for stamp in one.timestamps)
    return [one.level for one in found]


def require_timestamps(file: Path, value: bytes, counts: tuple[int, int], root_pem: bytes) -> None:
    """openssl accepts the tokens for what asn1crypto says they are about."""
    found = timestamps(file, value, hashlib.sha256(CONTENT).digest())
    assert tuple(len(one) for one in found) == counts
    token, root = file.with_suffix(".token"), file.with_suffix(".root.pem")
    root.write_bytes(root_pem)
    for one in (*found[0], *found[1]):
        token.write_bytes(one.token)
        command = ["openssl", "ts", "-verify", "-token_in", "-in", str(token), "-CAfile", str(root)]
        command += ["-digest", hashlib.sha256(one.subject).hexdigest()]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "Verification: OK" in said.stdout + said.stderr


@pytest.mark.parametrize("kind", ["rsa2048", "p256"])
@pytest.mark.parametrize("form", ["attached", "detached", "BER"])
def test_each_level_is_what_it_is_called(
    content: Path, tmp_path: Path, root_pem: bytes, dss: Dss, form: str, kind: str
) -> None:
    file = tmp_path / "signed.p7m"
    beside = content if form == "detached" else None
    if form == "BER":
        value = sign_by_openssl(content, kind, file, "-nodetach", "-stream")
        assert levels(file, beside) == [Level.B_B]
        raise_level(file, Augmentation(SIGNATURE, signature_value=value), data=beside)
    else:
        value = sign(content, kind, file, DETACHED if beside else ATTACHED, content=beside, stamped=True)
    fields = signers(file)[0]["signature"].dump()
    assert levels(file, beside) == [Level.B_T]
    assert judged(dss, file, content=beside)[0][0] == "CAdES-BASELINE-T"

    raise_level(file, Augmentation(None, all_data(kind)))
    assert levels(file, beside) == [Level.B_LT]
    assert judged(dss, file, content=beside) == [("CAdES-BASELINE-LT", "TOTAL_PASSED")]

    stored = raise_level(file, to_archive(value, all_data(kind)), data=beside).stored
    assert stored.sha256 == hashlib.sha256(file.read_bytes()).digest()
    assert stored.length == file.stat().st_size
    assert levels(file, beside) == [Level.B_LTA]
    assert judged(dss, file, content=beside) == [("CAdES-BASELINE-LTA", "TOTAL_PASSED")]
    # Signer and issuing authorities ended by then.
    assert judged(dss, file, content=beside, at=NOW + 5 * YEAR) == [("CAdES-BASELINE-LTA", "TOTAL_PASSED")]

    require_timestamps(file, value, (1, 1), root_pem)
    assert openssl_accepts(file, root_pem, beside) == CONTENT
    assert judged_by_pyhanko(file, three_tiers.root().der, beside) == ("AdESPassed.OK", NOW)
    assert signers(file)[0]["signature"].dump() == fields
    assert verify(file, beside).intact
    assert not list(tmp_path.glob("*.augmented"))


def test_a_step_looks_into_the_object_once_and_into_its_token_once(
    content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, read, load = tmp_path / "signed.p7m", [0], SignedData.load
    value = sign(content, "p256", file, ATTACHED, content=None, stamped=True)

    def counted(octets: bytes) -> SignedData:
        read[0] += 1
        return load(octets)

    monkeypatch.setattr(SignedData, "load", counted)
    raise_level(file, to_archive(value, all_data("p256")))
    assert read == [2]


Damage = Callable[[bytes], bytes]


def _flipped(octets: bytes, part: bytes) -> bytes:
    """The last octet of `part`, wherever it stands in `octets` for the first time."""
    assert octets.count(part) >= 1
    return octets.replace(part, part[:-1] + bytes([part[-1] ^ 1]), 1)


DAMAGES: dict[str, Damage] = {
    "the content": lambda octets: octets.replace(b"neither text", b"neither Text", 1),
    "a revocation list": lambda octets: _flipped(octets, three_tiers.revocation_list(three_tiers.root(), NOW)),
    "an OCSP response": lambda octets: _flipped(octets, three_tiers.ocsp_response(three_tiers.signer("p256"), NOW)),
    "a certificate": lambda octets: _flipped(octets, three_tiers.issuing().der),
    "the hash index": lambda octets: octets.replace(hashlib.sha256(three_tiers.issuing().der).digest(), bytes(32), 1),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_tampered_file_fails(content: Path, tmp_path: Path, dss: Dss, damage: str) -> None:
    file = tmp_path / "signed.p7m"
    value = sign(content, "p256", file, stamped=True)
    raise_level(file, to_archive(value, all_data("p256")))
    file.write_bytes(DAMAGES[damage](file.read_bytes()))

    answer = dss.judge(file, revocation=True, at=NOW + 5 * YEAR)

    assert answer["signatures"][0]["indication"] != "TOTAL_PASSED"
    (found,) = cms_format.read_levels(file, None).signatures
    assert [(one.use, one.intact) for one in found.timestamps] == [(SIGNATURE, True), (TimestampUse.ARCHIVE, False)]
    assert found.level is not Level.B_LTA


def test_an_archived_file_is_archived_again_before_its_timestamp_ends(content: Path, tmp_path: Path, dss: Dss) -> None:
    """The first timestamp's authority ends after six years."""
    file, then = tmp_path / "signed.p7m", NOW + 5 * YEAR
    value = sign(content, "rsa2048", file, stamped=True)
    raise_level(file, to_archive(value, all_data("rsa2048")))
    assert judged(dss, file, at=NOW + 10 * YEAR) != [("CAdES-BASELINE-LTA", "TOTAL_PASSED")]

    raise_level(file, to_archive(value, three_tiers.data_of_stamper(then)), at=then, generation=1)
    raise_level(file, Augmentation(None, three_tiers.data_of_stamper(then + HOUR, 1)))

    assert levels(file, None) == [Level.B_LTA]
    assert judged(dss, file, at=NOW + 10 * YEAR) == [("CAdES-BASELINE-LTA", "TOTAL_PASSED")]


@pytest.mark.parametrize("by", ["us", "openssl"])
def test_a_further_signer_leaves_an_archived_signature_as_it_is(
    content: Path, tmp_path: Path, root_pem: bytes, dss: Dss, by: str
) -> None:
    """Each is then raised for itself: what is added for one breaks no timestamp of the other."""
    first, both = tmp_path / "first.p7m", tmp_path / "both.p7m"
    one = sign(content, "rsa2048", first, stamped=True)
    raise_level(first, to_archive(one, all_data("rsa2048")))
    if by == "us":
        two = sign(first, "p256", both, stamped=True)
    else:
        two = resign_by_openssl(first, "p256", both)
        raise_level(both, Augmentation(SIGNATURE, signature_value=two))
    archived, stamped = ("CAdES-BASELINE-LTA", "TOTAL_PASSED"), ("CAdES-BASELINE-T", "INDETERMINATE")
    assert judged(dss, both) == [archived, stamped]
    assert judged(dss, both, at=NOW + 5 * YEAR) == [archived, stamped]
    assert sorted(levels(both, None)) == [Level.B_LTA, Level.B_T]

    raise_level(both, to_archive(two, all_data("p256")))

    assert judged(dss, both) == [archived, archived]
    assert judged(dss, both, at=NOW + 5 * YEAR) == [archived, archived]
    assert openssl_accepts(both, root_pem) == CONTENT
    for value in (one, two):
        require_timestamps(both, value, (1, 1), root_pem)


def resign_by_openssl(file: Path, kind: str, output: Path) -> bytes:
    """One signer more by another program; the new signature value."""
    before = values(file)
    key, certificate = output.with_suffix(".key.pem"), output.with_suffix(".certificate.pem")
    sign_by_openssl(file, kind, output)  # writes the key and its certificate
    command = ["openssl", "cms", "-resign", "-cades", "-in", str(file), "-inform", "DER", "-outform", "DER"]
    command += ["-signer", str(certificate), "-inkey", str(key), "-out", str(output)]
    subprocess.run(command, check=True, capture_output=True)
    (new,) = (value for value in values(output) if value not in before)
    return new
