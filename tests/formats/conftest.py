"""Files on disk, a trust database, and one signature made the long way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from signroom.domain.signature import CertificateChain, CheckedValue, DigestAlgorithm, Prepared, TrustedChain
from signroom.formats import values
from signroom.formats.pdf import pades
from tests.harness.server import signature
from tests.pki import authority
from tests.vectors import hard_pdfs
from tests.verifiers import programs as verifiers

NOW = datetime.now(UTC).replace(microsecond=0)
ROOTS = [authority.root().certificate_der]


def chain_of(name: str) -> CertificateChain:
    return CertificateChain(authority.leaf(name).certificate_der, (authority.root().certificate_der,))


def trusted(name: str) -> TrustedChain:
    return TrustedChain(chain_of(name))


@pytest.fixture(scope="session")
def nss(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return verifiers.nss_database(tmp_path_factory.mktemp("nss"), ROOTS)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    """Write one of the hard files; returns its path."""

    def write(name: str) -> Path:
        file = tmp_path / f"{name}.pdf"
        file.write_bytes(hard_pdfs.make(name))
        return file

    return write


def prepared(file: Path, signer: str) -> Prepared:
    return pades.prepare(file, trusted(signer), DigestAlgorithm.SHA256, NOW)


def value(prepared: Prepared, signer: str) -> CheckedValue:
    """What the signer's key makes of it, as CMS wants it."""
    raw = signature(authority.leaf(signer).signing_key, prepared.to_sign)
    return values.check_values([prepared.claimed(raw)])[0]


def signed(file: Path, signer: str) -> Path:
    """`file` with one more signature, beside it."""
    layout = prepared(file, signer)
    output = file.with_name(f"{file.stem}-{signer}.pdf")
    pades.embed(file, layout, value(layout, signer), output)
    return output
