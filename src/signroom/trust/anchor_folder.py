"""The anchors that the operator keeps as files. They are read at the start, and again when they change.

    <folder>/<context>/*.crt                  the roots: PEM (one or more) or DER; also .pem .cer .der
    <folder>/<context>/intermediates/*.crt    authorities below them that signers need not send

A context is called as in ``domain/security_context.py``: ``test``, ``icp-brasil``, ``italy``, ``italy-test``; ``any``
needs no roots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import structlog
from asn1crypto import pem

from signroom.domain.errors import BadCertificate
from signroom.domain.security_context import BUILT_IN, SecurityContext
from signroom.trust.anchors import Anchors
from signroom.trust.paths import Link, read_link
from signroom.trust.pinned.read_again import ReadAgain

log = structlog.get_logger()

INTERMEDIATES = "intermediates"
_KINDS = {"CERTIFICATE", "X509 CERTIFICATE"}
_SUFFIXES = frozenset({".crt", ".pem", ".cer", ".der"})
_MAX_FILE = 4 * 1024 * 1024


class BrokenTrustFile(ValueError):
    """A file of the operator's that is not what it should be; the message names it."""


class AnchorFolder:
    """An `AnchorSource` of what lies there now. A change that is broken leaves what was there before.

    So does one that leaves a context without roots: all its sessions would be refused for good. Whoever wants that
    starts the service anew.
    """

    def __init__(self, folder: Path, extra: Mapping[SecurityContext, Sequence[bytes]]) -> None:
        """The roots that lie in `folder`, which need not be there, and `extra` roots (DER) beside them.

        Raises: BrokenTrustFile.
        """
        self._folder, self._extra = folder, extra
        self._known: Mapping[SecurityContext, Anchors] = {}
        self._anchors = ReadAgain(folder, self._read)

    def anchors(self, context: SecurityContext) -> Anchors:
        return self._anchors().get(context, Anchors())

    def _read(self) -> Mapping[SecurityContext, Anchors]:
        """One thread at a time. Raises: BrokenTrustFile."""
        found = dict(_read_all(self._folder, self._extra))
        for context, known in self._known.items():
            if known.roots and not found[context].roots:
                reason = "It has no root any more. What was there counts until a restart."
                log.warning("trust_folder.not_read", place=str(self._folder / context.name), reason=reason)
                found[context] = known
        self._known = found
        return found


def _read_all(folder: Path, extra: Mapping[SecurityContext, Sequence[bytes]]) -> Mapping[SecurityContext, Anchors]:
    """Raises: BrokenTrustFile."""
    named = {context.name: context for context in BUILT_IN if not context.any_issuer}
    _require_known(folder, named)
    found = {context: Anchors(any_issuer=True) for context in BUILT_IN if context.any_issuer}
    for name, context in named.items():
        added = [read_link(der) for der in extra.get(context, ())]
        roots = _unique([*_authorities(folder / name), *added])
        found[context] = Anchors(roots, _unique(_authorities(folder / name / INTERMEDIATES)))
    return found


def read_certificates(folder: Path) -> list[bytes]:
    """DER of the certificates that lie in `folder`, which need not be there. Raises: BrokenTrustFile."""
    return [link.der for link in _links(folder)]


def changing_certificates(folder: Path) -> Callable[[], Sequence[bytes]]:
    """As `read_certificates`, at each call as they lie there then. What cannot be read leaves those of before.

    So does a folder that has none any more. Raises: BrokenTrustFile for what lies there now.
    """
    known: Sequence[bytes] = ()

    def read() -> Sequence[bytes]:
        nonlocal known
        found = read_certificates(folder)
        if known and not found:
            raise BrokenTrustFile("It has no certificate any more. What was there counts until a restart.")
        known = found
        return found

    return ReadAgain(folder, read, every=0.0)


def _require_known(folder: Path, names: Iterable[str]) -> None:
    """A misspelt folder would quietly leave its context without roots."""
    if not folder.exists():
        return
    for found in sorted(folder.iterdir()):
        if found.is_dir() and not found.name.startswith(".") and found.name not in names:
            raise BrokenTrustFile(f"{found} is not named after a security context: {', '.join(names)}.")


def _authorities(folder: Path) -> list[Link]:
    """Raises: BrokenTrustFile."""
    return _links(folder, authorities=True)


def _links(folder: Path, *, authorities: bool = False) -> list[Link]:
    if not folder.is_dir():
        return []
    files = [file for file in sorted(folder.iterdir()) if file.suffix.lower() in _SUFFIXES]
    return [link for file in files for link in _read(file, authorities=authorities)]


def _read(file: Path, *, authorities: bool) -> list[Link]:
    try:
        if file.stat().st_size > _MAX_FILE:
            raise BrokenTrustFile(f"{file} is too large for certificates.")
        content = file.read_bytes()
    except OSError as error:
        raise BrokenTrustFile(f"{file} cannot be read: {error.strerror}.") from error
    try:
        links = [read_link(der) for der in _ders(content)]
    except (ValueError, BadCertificate) as error:
        raise BrokenTrustFile(f"{file} is not a certificate, PEM or DER.") from error
    if authorities and not all(link.may_certify for link in links):
        raise BrokenTrustFile(f"{file} is not the certificate of an authority.")
    return links


def _ders(content: bytes) -> list[bytes]:
    """Raises: ValueError."""
    if b"-----BEGIN" not in content:
        return [content]
    found = [der for kind, _, der in pem.unarmor(content, multiple=True) if kind in _KINDS]
    if not found:
        raise ValueError("PEM without a certificate")
    return found


def _unique(links: Iterable[Link]) -> tuple[Link, ...]:
    return tuple({link.fingerprint: link for link in links}.values())
