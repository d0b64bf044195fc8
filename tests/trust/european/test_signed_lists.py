"""Lists that may not be used are refused, each for its own reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from signroom.domain.errors import BadTrustedList
from signroom.trust.european import signed_lists
from signroom.trust.european.signed_lists import published_signers, read_pointers, read_signed
from tests.trust.european.made_lists import NATIONAL_ADDRESS, NOW, Facts, Service, holder, made, national_list, signers

_CA = holder("CA", is_ca=True)
_MADE = made([Service(_CA.der)])
_SIGNER = _MADE.national_signer


def test_a_list_of_lists_says_who_signs_the_others() -> None:
    found = read_signed(_MADE.master, [_MADE.master_signer.der], NOW)
    assert (found.is_master, found.territory, found.sequence) == (True, "EU", 7)
    national, itself = read_pointers(found)
    assert (national.territory, national.address, national.signers) == ("PT", NATIONAL_ADDRESS, (_SIGNER.der,))
    assert itself.is_master


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not XML"),
        (b"<html/>", "no trusted list"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + _MADE.national, "document type"),
        (_MADE.national.replace(b"granted", b"granteD", 1), "signature is not valid"),
        (_MADE.national.replace(b"<ds:Signature", b"<ds:Nothing").replace(b"</ds:Signature>", b"</ds:Nothing>"), "XML"),
        (national_list(signers()[2], [Service(_CA.der)]), "one of those"),
        (national_list(_SIGNER, [Service(_CA.der)], Facts(version="4")), "version 4"),
        (national_list(_SIGNER, [Service(_CA.der)], Facts(issued=NOW + timedelta(days=9))), "future"),
        (national_list(_SIGNER, [], territory="P9"), "territory"),
    ],
    ids=["nothing", "html", "doctype", "tampered", "unsigned", "stranger", "version", "future", "territory"],
)
def test_what_is_no_good_list_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(BadTrustedList, match=why):
        read_signed(content, [_SIGNER.der], NOW)


def test_an_unsigned_list_is_refused() -> None:
    start = _MADE.national.index(b"<ds:Signature ")
    end = _MADE.national.index(b"</ds:Signature>") + len(b"</ds:Signature>")
    with pytest.raises(BadTrustedList, match="not signed"):
        read_signed(_MADE.national[:start] + _MADE.national[end:], [_SIGNER.der], NOW)


def test_a_signer_that_has_ended_signs_nothing() -> None:
    old = holder("Old", ends=NOW - timedelta(days=1))
    with pytest.raises(BadTrustedList, match="signature is not valid"):
        read_signed(national_list(old, []), [old.der], NOW)


def test_a_huge_list_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signed_lists, "MAX_LIST", 1000)
    with pytest.raises(BadTrustedList, match="more than"):
        read_signed(_MADE.national, [_SIGNER.der], NOW)


def test_what_is_not_signed_is_not_read() -> None:
    """A second list around the signed one: only what the signature covers would count."""
    other = national_list(_SIGNER, [Service(holder("Mallory", is_ca=True).der)], territory="ES")
    wrapped = other.replace(b"</TrustServiceStatusList>", _MADE.national + b"</TrustServiceStatusList>")
    with pytest.raises(BadTrustedList):
        read_signed(wrapped, [_SIGNER.der], NOW)


def test_an_expired_list_says_so() -> None:
    facts = replace(Facts(), next_update=NOW - timedelta(days=1))
    assert read_signed(national_list(_SIGNER, [], facts), [_SIGNER.der], NOW).expired(NOW)


def test_the_library_knows_who_signs_the_real_list() -> None:
    assert len(published_signers()) >= 5
