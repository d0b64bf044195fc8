"""Verifiers that are not ours: poppler, qpdf, MuPDF, pyHanko. Their exit codes lie, so their output is read."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.harness.tools import require_tools


@dataclass(frozen=True)
class PdfsigResult:
    """One signature as ``pdfsig`` sees it."""

    valid: bool
    trusted: bool
    whole_document: bool


@dataclass(frozen=True)
class PyhankoResult:
    """One signature as pyHanko's own validator sees it, with our root as trust.

    `modification_level` is the name of a `pyhanko.sign.diff_analysis.ModificationLevel`: what was added afterwards,
    or NOT_JUDGED where pyHanko compares nothing because the signature covers too little.
    """

    intact: bool
    valid: bool
    trusted: bool
    bottom_line: bool
    coverage_whole: bool
    modification_level: str


def nss_database(folder: Path, roots: Sequence[bytes]) -> Path:
    """A certificate database for ``pdfsig`` that trusts `roots` (DER)."""
    folder.mkdir(parents=True, exist_ok=True)
    _run("certutil", "-N", "-d", str(folder), "--empty-password")
    for number, der in enumerate(roots):
        file = folder / f"root{number}.der"
        file.write_bytes(der)
        _run("certutil", "-A", "-d", str(folder), "-n", f"root{number}", "-t", "CT,C,C", "-i", str(file))
    return folder


def pdfsig(file: Path, nss: Path) -> list[PdfsigResult]:
    output = _output("pdfsig", "-no-ocsp", "-nssdir", str(nss), str(file))
    return [
        PdfsigResult(
            valid="Signature Validation: Signature is Valid." in part,
            trusted="Certificate Validation: Certificate is Trusted." in part,
            whole_document="- Total document signed" in part,
        )
        for part in re.split(r"^Signature #\d+:", output, flags=re.MULTILINE)[1:]
    ]


def qpdf_accepts(file: Path) -> bool:
    """True when the syntax is sound, without warnings."""
    require_tools("qpdf")
    done = subprocess.run(["qpdf", "--check", str(file)], capture_output=True, text=True, check=False)
    return done.returncode == 0 and "No syntax or stream encoding errors found" in done.stdout


def mutool(file: Path) -> list[bool]:
    """For each signature: does it still hold? Later signatures count as edits that MuPDF does not judge."""
    output = _output("mutool", "sign", "-v", str(file))
    accepted = ("The document is unchanged since signing.", "The signature is valid but there have been edits since")
    return [
        any(sentence in part for sentence in accepted) and "Digest error" not in part
        for part in re.split(r"^Verifying signature", output, flags=re.MULTILINE)[1:]
    ]


def text(file: Path) -> str:
    """The text that MuPDF shows."""
    return _output("mutool", "draw", "-q", "-F", "txt", str(file))


def pyhanko(file: Path, roots: Sequence[bytes], *, strict: bool = True) -> list[PyhankoResult]:
    """Hybrid files, and what is slightly wrong, it reads only when it is not `strict`."""
    from asn1crypto.x509 import Certificate
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import async_validate_pdf_signature
    from pyhanko.sign.validation.status import SignatureCoverageLevel
    from pyhanko_certvalidator import ValidationContext

    async def judge() -> list[PyhankoResult]:
        with file.open("rb") as stream:
            found = []
            for signature in PdfFileReader(stream, strict=strict).embedded_regular_signatures:
                context = ValidationContext(trust_roots=[Certificate.load(r) for r in roots], allow_fetching=False)
                status = await async_validate_pdf_signature(signature, context)
                await context.aclose()
                level = status.modification_level
                found.append(
                    PyhankoResult(
                        status.intact,
                        status.valid,
                        status.trusted,
                        status.bottom_line,
                        coverage_whole=status.coverage is SignatureCoverageLevel.ENTIRE_FILE,
                        modification_level=level.name if level is not None else "NOT_JUDGED",
                    )
                )
            return found

    # In a thread: Playwright keeps an event loop in the main one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(judge())).result()


def require_accepted(
    file: Path, nss: Path, roots: Sequence[bytes], signatures: int = 1, *, document_timestamps: int = 0
) -> None:
    """All four verifiers accept every signature of `file`. Document timestamps come last; two of the four cannot judge
    them, and say so.
    """
    by_pdfsig = pdfsig(file, nss)
    by_pyhanko = pyhanko(file, roots)
    by_mutool = mutool(file)
    assert len(by_pyhanko) == signatures
    assert len(by_pdfsig) == len(by_mutool) == signatures + document_timestamps
    assert all(s.valid for s in by_pdfsig[:signatures]), by_pdfsig
    assert by_pdfsig[-1].whole_document
    # Its verdict on the chain is unreliable for all but the first signature.
    assert by_pdfsig[0].trusted
    assert all(s.bottom_line for s in by_pyhanko), by_pyhanko
    assert all(by_mutool[:signatures])
    assert qpdf_accepts(file)


def _run(*command: str) -> None:
    require_tools(command[0])
    subprocess.run(command, check=True, capture_output=True)


def _output(*command: str) -> str:
    require_tools(command[0])
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
