"""What is laid out without a file and without the sandbox, and what is left to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from signroom.domain.appearance import Appearance, AppearanceText, Positioning
from signroom.domain.pdf_facts import ChangedObject, PdfEncryption, PdfFacts, StringCipher
from signroom.domain.signature import (
    CertificateChain,
    CmsOptions,
    DigestAlgorithm,
    PdfOptions,
    PdfReading,
    TrustedChain,
)
from signroom.formats import catalogue
from signroom.formats.pdf import pades
from signroom.formats.pdf.preflight import inspect
from signroom.formats.pdf.verification import verify
from signroom.ports.files import ToPrepare
from tests.formats.conftest import NOW, trusted, value

SHA256 = DigestAlgorithm.SHA256
VISIBLE = Appearance(Positioning(1), AppearanceText("{{name}}"))


def read(file: Path, appearance: Appearance | None = None) -> PdfReading:
    reading = inspect(file, appearance).reading
    assert reading is not None
    return reading


def asked(facts: PdfFacts, options: PdfOptions | CmsOptions | None = None) -> ToPrepare:
    return ToPrepare(None, options or PdfOptions(), None, PdfReading(facts, ()))


@pytest.mark.parametrize("name", ["plain", "xref-stream", "acroform"])
@pytest.mark.parametrize("signer", ["rsa2048", "ec256"])
def test_a_small_reading_is_laid_out_as_in_the_sandbox(
    written: Callable[[str], Path], tmp_path: Path, name: str, signer: str
) -> None:
    file = written(name)

    found = catalogue.prepare_few([asked(read(file).facts)], trusted(signer), algorithm=SHA256, now=NOW)

    assert found is not None
    (prepared,) = found
    output = tmp_path / "signed.pdf"
    pades.embed(file, prepared, value(prepared, signer), output)
    assert verify(output).intact


def test_what_is_large_or_unusual_is_left_to_the_sandbox(written: Callable[[str], Path]) -> None:
    facts, options = read(written("plain")).facts, PdfOptions()
    large = ChangedObject(1, 0, b"", bytes(40 << 10), "")
    small = ChangedObject(1, 0, b"", b"", "")
    cases = [
        asked(replace(facts, changed=(large,))),
        asked(replace(facts, changed=(small,) * 17)),
        asked(replace(facts, added_page=bytes(40 << 10))),
        asked(replace(facts, trailer=(("Info", bytes(40 << 10)),))),
        asked(replace(facts, trailer=(("Info", b"1 0 R"),) * 17)),
        asked(replace(facts, table=b"x")),
        asked(replace(facts, encryption=PdfEncryption(b"key", StringCipher.RC4, StringCipher.RC4))),
        asked(replace(facts, sha256_state=b"")),
        asked(facts, replace(options, signature_policy="nobody's")),
        asked(read(written("plain"), VISIBLE).facts, replace(options, appearance=VISIBLE)),
        asked(facts, CmsOptions()),
        ToPrepare(None, options),
    ]

    def laid_out(*documents: ToPrepare, by: TrustedChain, algorithm: DigestAlgorithm = SHA256) -> bool:
        return catalogue.prepare_few(documents, by, algorithm=algorithm, now=NOW) is not None

    usual, good = asked(facts), trusted("rsa2048")
    chain = good.chain
    assert laid_out(*[usual] * 4, by=good)
    assert [number for number, case in enumerate(cases) if laid_out(case, by=good)] == []
    assert not laid_out(usual, cases[0], by=good)
    assert not laid_out(*[usual] * 5, by=good)
    assert not laid_out(usual, by=good, algorithm=DigestAlgorithm.SHA512)
    assert not laid_out(usual, by=TrustedChain(CertificateChain(chain.certificate, chain.issuers * 6)))
    assert not laid_out(usual, by=TrustedChain(CertificateChain(chain.certificate, (bytes(40 << 10),))))
    assert not laid_out(usual, by=TrustedChain(CertificateChain(b"no certificate")))
