"""Prepare + finish of one signature, against the floor (one SHA-256 pass + one copy) and one-shot pyHanko.

The key's own operation is left out on both sides where the tool allows: remote signing does not pay it here.
Each size runs in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from signroom.domain.signature import CertificateChain, DigestAlgorithm, TrustedChain
from tests.harness.server import signature
from tests.pki import authority
from tests.vectors import hard_pdfs

SIZES = {"50 KB": 50 << 10, "1 MB": 1 << 20, "10 MB": 10 << 20, "100 MB": 100 << 20}
ROUNDS = 7
NOW = datetime.now(UTC)
SIGNER = "p256"
_CHUNK = 1 << 20


def main() -> None:
    """Print a row per size: milliseconds (median/minimum), ratios of the minima, peak memory."""
    head = ("size", "floor", "prepare", "finish", "verify", "one-shot pyHanko", "/ floor", "/ pyHanko", "peak MB")
    print("".join(f"{title:>18}" for title in head))
    for name, length in SIZES.items():
        with multiprocessing.get_context("spawn").Pool(1) as process:
            print("".join(f"{cell:>18}" for cell in process.apply(row, (name, length))))
    print("prepare + finish / floor and / one-shot pyHanko: ratios of minima. finish = embed (hash, copy, compare);")
    print("verify (the output judged like a stranger's file) comes on top in the job, one more hash pass.")


def row(name: str, length: int) -> tuple[str, ...]:
    """Measure one size."""
    from signroom.formats import values
    from signroom.formats.pdf import pades, verification

    with tempfile.TemporaryDirectory() as folder:
        file, copy, output = (Path(folder) / n for n in ("in.pdf", "copy.pdf", "out.pdf"))
        hard_pdfs.write_large(file, length)
        leaf = authority.leaf(SIGNER)
        trusted = TrustedChain(CertificateChain(leaf.certificate_der, (authority.root().certificate_der,)))
        layout = pades.prepare(file, trusted, DigestAlgorithm.SHA256, NOW)
        (value,) = values.check_values([layout.claimed(signature(leaf.signing_key, layout.to_sign))])

        def prepare() -> None:
            pades.prepare(file, trusted, DigestAlgorithm.SHA256, NOW)

        def finish() -> None:
            pades.embed(file, layout, value, output)

        # Interleaved, so that the machine's moods meet all of them.
        steps: dict[str, Callable[[], object]] = {
            "floor": lambda: floor(file, copy),
            "prepare": prepare,
            "finish": finish,
            "verify": lambda: verification.verify(output),
        }
        times: dict[str, list[float]] = {step: [] for step in steps}
        for _ in range(ROUNDS):
            for step, run in steps.items():
                times[step].append(timed(run))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # before the peer, which reads it all
        peer = [timed(lambda: one_shot(file, copy)) for _ in range(ROUNDS)]
    ours = min(times["prepare"]) + min(times["finish"])
    cells = [f"{statistics.median(t):.1f}/{min(t):.1f}" for t in (*times.values(), peer)]
    return (name, *cells, f"{ours / min(times['floor']):.2f}", f"{ours / min(peer):.2f}", f"{peak:.0f}")


def floor(file: Path, copy: Path) -> None:
    """What no signer can avoid: hash the file once, write it once."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    shutil.copyfile(file, copy)


def one_shot(file: Path, output: Path) -> None:
    """pyHanko as its guide shows it: a local key, from file to file."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import PdfSignatureMetadata, signers
    from pyhanko.sign.fields import SigSeedSubFilter

    metadata = PdfSignatureMetadata(field_name="Signature1", subfilter=SigSeedSubFilter.PADES)
    with file.open("rb") as source, output.open("w+b") as target:
        signers.sign_pdf(IncrementalPdfFileWriter(source), metadata, hard_pdfs.pyhanko_signer(SIGNER), output=target)


def timed(run: Callable[[], object]) -> float:
    """Milliseconds."""
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    main()
