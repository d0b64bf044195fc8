"""One signature, step by step, against the floor (one SHA-256 pass and one copy) and against peers in the same run.

Processor time, interleaved. The key's own operation is left out on our side: remote signing does not pay it here. The
peers load their key once, outside of the clock, where they allow it. Each file has a process of its own, so that its
peak memory is its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import multiprocessing
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pikepdf

from bench import peers
from signroom.domain.signature import NO_OPTIONS, CertificateChain, DigestAlgorithm, PdfOptions, TrustedChain
from tests.harness.server import signature
from tests.pki import authority
from tests.vectors import hard_pdfs


def _packed_pages() -> bytes:
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(hard_pdfs.with_pages(2000))) as pdf:
        pdf.save(target, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return target.getvalue()


FILES: Mapping[str, Callable[[Path], object]] = {
    "50 KB": lambda file: hard_pdfs.write_large(file, 50 << 10),
    "1 MB": lambda file: hard_pdfs.write_large(file, 1 << 20),
    "10 MB": lambda file: hard_pdfs.write_large(file, 10 << 20),
    "100 MB": lambda file: hard_pdfs.write_large(file, 100 << 20),
    "2,000 pages": lambda file: file.write_bytes(hard_pdfs.with_pages(2000)),
    "200,000 objects": lambda file: file.write_bytes(hard_pdfs.many_objects(200_000)),
    "2,000 packed": lambda file: file.write_bytes(_packed_pages()),
    "200,000 packed": lambda file: file.write_bytes(hard_pdfs.many_objects_packed(200_000)),
}
ROUNDS = 7
PEER_ROUNDS = 3
NOW = datetime.now(UTC)
SIGNER = "rsa2048"
_CHUNK = 1 << 20
_WIDTH = 20


def main() -> None:
    """Print a row per file: milliseconds of the processor (median/minimum), ratios of the minima, peak memory."""
    head = ("file", "floor", "read", "compare", "prepare", "sign", "pyHanko tuned", "/ floor", "/ pyHanko", "peak MB")
    print("".join(f"{title:>{_WIDTH}}" for title in (*head, *peers.NAMES)))
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        packages = peers.fetch(Path(folder))
        for name in FILES:
            with multiprocessing.get_context("spawn").Pool(1) as process:
                cells, failed = process.apply(row, (name, packages))
            print("".join(f"{cell:>{_WIDTH}}" for cell in cells), flush=True)
            failures += [f"{name}, {peer}: {reason}" for peer, reason in failed.items()]
    print("read and compare: once, at upload. prepare: at request time, from what was read. sign: embed and check.")
    print("prepare + sign / floor and / pyHanko: ratios of minima.")
    print(*(f"failed: {one}" for one in failures), sep="\n")
    print("The others: minimum, and (prepare + sign) / minimum. See bench/peers.py.")
    print("@documenso/pdf-sign makes the CMS object only, DSS only verifies.")
    print("Ten signatures of ours in one file:", ten_signatures())


def row(name: str, packages: Path | None) -> tuple[tuple[str, ...], dict[str, str]]:
    """Measure one file: its cells, and which peers failed, and why."""
    from signroom.formats import catalogue, values

    with tempfile.TemporaryDirectory() as folder:
        file, copy, output = (Path(folder) / n for n in ("in.pdf", "copy.pdf", "out.pdf"))
        FILES[name](file)
        trusted, options = _trusted(), PdfOptions()
        found = catalogue.inspect(file, None, NO_OPTIONS, None)
        reading = found.reading
        if reading is None:
            raise LookupError(name)

        def prepare() -> object:
            return catalogue.prepare(
                None, options, trusted, algorithm=DigestAlgorithm.SHA256, now=NOW, data=None, reading=reading
            )

        layout = catalogue.prepare(
            None, options, trusted, algorithm=DigestAlgorithm.SHA256, now=NOW, data=None, reading=reading
        )
        (value,) = values.check_values([layout.claimed(signature(authority.leaf(SIGNER).signing_key, layout.to_sign))])
        # Interleaved, so that the machine's moods meet all of them.
        steps: dict[str, Callable[[], object]] = {
            "floor": lambda: floor(file, copy),
            "read": lambda: catalogue.inspect(file, None, NO_OPTIONS, None),
            "compare": lambda: catalogue.compare_pages(file, reading, found.pages),
            "prepare": prepare,
            "sign": lambda: catalogue.sign(file, layout, value, output, reading=reading),
        }
        times: dict[str, list[float]] = {step: [] for step in steps}
        for _ in range(ROUNDS):
            for step, run in steps.items():
                times[step].append(timed(run))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # before the peer
        peer: list[float] = []
        others: dict[str, list[float | None]] = {one: [] for one in peers.NAMES}
        catalogue.sign(file, layout, value, output, reading=reading)
        with peers.running(Path(folder), packages, SIGNER) as running:
            running.warm(file, output, copy)
            for _ in range(PEER_ROUNDS):
                peer.append(timed(lambda: tuned(file, copy)))
                for one in peers.NAMES:
                    others[one].append(running.milliseconds(one, file, output, copy))
    ours = min(times["prepare"]) + min(times["sign"])
    cells = [f"{statistics.median(t):.1f}/{min(t):.1f}" for t in (*times.values(), peer)]
    ratios = f"{ours / min(times['floor']):.2f}", f"{ours / min(peer):.3f}"
    told = running.told(others, ours)
    return (name, *cells, *ratios, f"{peak:.0f}", *told), running.failures


def ten_signatures() -> str:
    """Looking at a file with ten signatures of ours, and one signature more on it and on a file without any."""
    from signroom.formats import catalogue, values

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "0.pdf"
        hard_pdfs.write_large(file, 50 << 10)
        further = []
        for number in range(11):
            reading = catalogue.inspect(file, None, NO_OPTIONS, None).reading
            if reading is None:
                raise LookupError(number)
            start = time.process_time()
            layout = catalogue.prepare(
                None, PdfOptions(), _trusted(), algorithm=DigestAlgorithm.SHA256, now=NOW, data=None, reading=reading
            )
            took = time.process_time() - start
            claimed = layout.claimed(signature(authority.leaf(SIGNER).signing_key, layout.to_sign))
            (value,) = values.check_values([claimed])
            output = Path(folder) / f"{number + 1}.pdf"
            start = time.process_time()
            catalogue.sign(file, layout, value, output, reading=reading)
            further.append((took + time.process_time() - start) * 1000)
            if number < 10:
                file = output
        looked = min(timed(lambda: catalogue.inspect(file, None, NO_OPTIONS, None)) for _ in range(ROUNDS))
    return f"{looked:.0f} ms to read; the first costs {further[0]:.1f} ms, the eleventh {further[-1]:.1f} ms"


def _trusted() -> TrustedChain:
    return TrustedChain(CertificateChain(authority.leaf(SIGNER).certificate_der, (authority.root().certificate_der,)))


def floor(file: Path, copy: Path) -> None:
    """What no signer can avoid: hash the file once, write it once."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    shutil.copyfile(file, copy)


def tuned(file: Path, output: Path) -> None:
    """pyHanko as its maintainers would use it here: in place, large chunks, a reserved size, no timestamp."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import PdfSignatureMetadata, signers
    from pyhanko.sign.fields import SigSeedSubFilter

    shutil.copyfile(file, output)
    metadata = PdfSignatureMetadata(field_name="Signature1", subfilter=SigSeedSubFilter.PADES, md_algorithm="sha256")
    with output.open("r+b") as stream:
        signer = signers.PdfSigner(metadata, hard_pdfs.pyhanko_signer(SIGNER))
        writer = IncrementalPdfFileWriter(stream, strict=False)
        asyncio.run(signer.async_sign_pdf(writer, in_place=True, chunk_size=_CHUNK, bytes_reserved=16384))


def timed(run: Callable[[], object]) -> float:
    """Milliseconds of the processor."""
    start = time.process_time()
    run()
    return (time.process_time() - start) * 1000


if __name__ == "__main__":
    main()
