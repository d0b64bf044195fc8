"""Puts the renderer of the API reference into the package, or checks that it is what the registry has.

    python -m scripts.api_renderer            # bring it (needs npm)
    python -m scripts.api_renderer --check    # does the package hold exactly these bytes?

The renderer is Scalar's, built by its authors (decision 55). Of the package's hundred files only those are taken that a
reference loads. What asks an assistant or shows other products of theirs stays behind, so it cannot be loaded.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

PACKAGE, VERSION = "@scalar/api-reference", "1.76.0"
SHA512 = "pjqwnzmA9YK3ZX+IZSICMsywm4qI6HLSngR2py9H6TvFApHHuJjkTAd+gFJfnqJDzJuro8k7ji6JCtJ2U+Byng=="
"""Of the package's archive, in base64, as the registry states it."""
ENTRY = "standalone.esm.js"
LOADED_LATER = re.compile(r"chunks/(modal|browser)-.*")
"""What the entry loads when it is needed, and we want: the window that sends a request."""
FOLDER = Path(__file__).parents[1] / "src" / "signroom" / "api" / "reference" / "static" / VERSION

_STATIC = re.compile(r"""(?:from|import)\s*["'`](\.{1,2}/[^"'`]+\.js)["'`]""")
_LATER = re.compile(r"""import\(\s*["'`](\.{1,2}/[^"'`]+\.js)""")


def main(arguments: list[str]) -> int:
    """Exit code: 0 done, 1 the package holds something else."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = taken(unpacked(Path(folder)))
    if arguments == ["--check"]:
        present = {path.name: gzip.decompress(path.read_bytes()) for path in FOLDER.glob("*.gz")}
        if present == wanted:
            return 0
        sys.stderr.write(f"{FOLDER} is not {PACKAGE} {VERSION}: run python -m scripts.api_renderer, and commit.\n")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.glob("*.gz"):
        path.unlink()
    for name, content in wanted.items():
        (FOLDER / name).write_bytes(gzip.compress(content, mtime=0))
    sys.stdout.write(f"{len(wanted)} files, {sum(map(len, wanted.values()))} bytes\n")
    return 0


def unpacked(folder: Path) -> dict[str, bytes]:
    """The files of ``dist/browser``, by name. Raises: ValueError when the archive is another than the one we know."""
    command = ["npm", "pack", "--silent", "--prefer-offline", "--ignore-scripts", f"{PACKAGE}@{VERSION}"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  (a fixed command)
    (archive,) = folder.glob("*.tgz")
    if base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() != SHA512:
        raise ValueError(f"the archive of {PACKAGE} {VERSION} is another one")
    with tarfile.open(archive) as files:
        browser = "package/dist/browser/"
        return {
            member.name.removeprefix(browser): stream.read()
            for member in files
            if member.name.startswith(browser) and member.name.endswith(".js")
            if (stream := files.extractfile(member)) is not None
        }


def taken(files: dict[str, bytes]) -> dict[str, bytes]:
    """What the reference loads, as it is, by the names in our folder: all beside each other, with ``.gz`` behind."""
    return {f"{PurePosixPath(name).name}.gz": files[name] for name in sorted(closure(files, ENTRY))}


def closure(files: dict[str, bytes], name: str) -> set[str]:
    """The file and all that it imports, directly or not."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting += imports(files, current)
    return found


def imports(files: dict[str, bytes], name: str) -> Iterator[str]:
    """What a file imports, and of what it loads later what we want."""
    text = files[name].decode()
    for reference in _STATIC.findall(text):
        yield _beside(name, reference)
    for reference in _LATER.findall(text):
        other = _beside(name, reference)
        if LOADED_LATER.fullmatch(other):
            yield other


def _beside(name: str, reference: str) -> str:
    parts: list[str] = []
    for part in (PurePosixPath(name).parent / reference).parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
