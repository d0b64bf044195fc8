"""Certificates of strangers are read and judged on the service's own threads: each may cost a moment only."""

from __future__ import annotations

import pytest

from signroom.domain.errors import BadCertificate
from signroom.domain.signature import CertificateChain
from signroom.trust import paths
from signroom.trust.certificates import read_certificate
from signroom.trust.paths import MAX_CHAIN, find_path, read_chain, read_link
from tests.formats.conftest import NOW
from tests.soak.costly import CERTIFICATES, certificate, chain


@pytest.mark.parametrize("name", ["oid of a policy", "policies", "alternative names", "other names"])
def test_what_describes_the_holder_is_left_out_when_there_is_too_much_of_it(name: str) -> None:
    found = read_certificate(CERTIFICATES[name](50_000))

    assert (found.policies, found.email_address, found.pki_brazil.cpf) == (frozenset(), None, None)


def test_a_number_that_nobody_could_write_down_is_refused() -> None:
    assert read_certificate(certificate(b"\x7f" * 64)).serial_number > 0
    with pytest.raises(BadCertificate, match="serial number"):
        read_certificate(certificate(b"\x7f" * 65))


def test_issuers_together_have_a_limit() -> None:
    large = CERTIFICATES["a long name"](60_000)
    many = tuple(large + bytes([n]) for n in range(MAX_CHAIN // 60_000 + 1))

    with pytest.raises(BadCertificate, match="512 KB together"):
        read_chain(CertificateChain(large, many))


@pytest.mark.parametrize(("bits", "most"), [(2048, 400), (4096, 100), (16384, 6)])
def test_the_search_for_a_path_verifies_fewer_signatures_the_longer_the_keys_are(
    monkeypatch: pytest.MonkeyPatch, bits: int, most: int
) -> None:
    asked = []

    def signed_by(child: paths.Link, issuer: paths.Link) -> bool:
        asked.append((child, issuer))
        return False

    monkeypatch.setattr(paths, "signed_by", signed_by)
    leaf, *issuers = map(read_link, chain(60, bits=bits))

    find_path(leaf, issuers, [], NOW)

    assert len(asked) == min(most, len(issuers) + 1)


def test_a_key_whose_exponent_has_no_end_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = map(read_link, chain(2, 1 << 3070 | 1, 3072))
    monkeypatch.setattr(paths, "weak_digest", lambda _: pytest.fail("It was tried."))

    assert not paths.signed_by(one, other)
