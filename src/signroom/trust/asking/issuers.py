"""Issuers that nobody sent: fetched from the addresses that certificates name (RFC 5280, 4.2.2.1, caIssuers).

Only hosts that the operator has named are asked, since this happens before any signature leads to a root: a stranger
writes the address. No redirect is followed: the list would end at the first one. An issuer that was fetched is known,
and never trusted: the path still has to end at a root. The answer is a certificate, DER or PEM, or a CMS object with
nothing but certificates (RFC 5280, 4.2.2.1; RFC 2797). The work is bounded: `MAX_STEPS` questions after one another,
`MAX_ANSWER` bytes, `MAX_TAKEN` certificates of an answer.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from urllib.parse import urlsplit

import structlog
from asn1crypto import cms, pem

from signroom.domain.errors import BadCertificate
from signroom.ports.outside import Unreachable
from signroom.trust.asking.answers import Answers, Heard, Question
from signroom.trust.names import same_name
from signroom.trust.paths import Link, read_link, signed_by

log = structlog.get_logger()

MAX_ANSWER = 256 << 10
MAX_STEPS = 4
MAX_ADDRESSES = 2
"""Of one certificate."""
MAX_READ, MAX_TAKEN = 50, 10
"""Certificates of an answer that are looked at, and that are handed on."""
SECONDS = 4.0
"""For all steps together."""


class Issuers:
    """Asks `hosts` alone, through `answers`; without hosts nobody is asked."""

    def __init__(self, answers: Answers, hosts: Collection[str] = (), seconds: float = SECONDS) -> None:
        """`hosts` in lower case. `seconds` for all questions about one path."""
        self._answers, self._hosts, self._seconds = answers, frozenset(hosts), seconds

    @property
    def asks_nobody(self) -> bool:
        """The operator has named no host."""
        return not self._hosts

    def deadline(self) -> float:
        """Of ``time.monotonic``, for a path that begins now."""
        return time.monotonic() + self._seconds

    def of(self, certificate: Link, deadline: float, *, offline: bool) -> tuple[Link, ...]:
        """Issuers of `certificate`, those that signed it first; the ones above them where they came along.

        `offline`: only what is kept. Empty for whatever goes wrong.
        """
        for question in self._questions(certificate):
            heard = self._answers.kept(question)
            if heard is None and not offline:
                heard = self._asked(question, deadline)
            if heard is None:
                continue
            found = _taken(certificate, _certificates(heard))
            if found:
                self._answers.confirm(heard, heard.asked_at + self._answers.ages.issuer)
                return found
            log.warning("issuers.useless", host=urlsplit(question.url).hostname)
        return ()

    def _questions(self, certificate: Link) -> list[Question]:
        if not self._hosts:
            return []
        allowed = [url for url in dict.fromkeys(certificate.pointers.issuers) if _host(url) in self._hosts]
        questions = [Question(url, MAX_ANSWER, redirects=False) for url in allowed[:MAX_ADDRESSES]]
        self._answers.load([question for question in questions if self._answers.kept(question) is None])
        return questions

    def _asked(self, question: Question, deadline: float) -> Heard | None:
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        # A thread of its own: a host that says nothing holds nobody beyond the deadline.
        own = ThreadPoolExecutor(1, thread_name_prefix="signroom-issuers")
        try:
            return own.submit(self._answers.ask, question, left).result(left)
        except (Unreachable, NotInTime):
            return None
        finally:
            own.shutdown(wait=False)


def _host(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").lower() if parts.scheme.lower() in {"http", "https"} else None
    except ValueError:
        return None


def _certificates(heard: Heard) -> Sequence[Link]:
    """Those of the answer that can be read; read once."""
    return heard.once(Issuers, lambda: tuple(_read(heard.octets)))


def _read(octets: bytes) -> Iterator[Link]:
    try:
        ders = list(_ders(octets))[:MAX_READ]
    except (ValueError, TypeError, KeyError):  # what asn1crypto says of what it cannot read
        return
    for der in ders:
        try:
            yield read_link(der)
        except BadCertificate:
            continue


def _ders(octets: bytes) -> Iterator[bytes]:
    """Raises: ValueError, TypeError, KeyError."""
    if octets.lstrip()[:10].startswith(b"-----BEGIN"):
        for kind, _, der in pem.unarmor(octets.strip(), multiple=True):
            yield from _bundled(der) if kind in {"PKCS7", "CMS"} else [der]
        return
    try:
        yield from _bundled(octets)
    except (ValueError, TypeError, KeyError):
        yield octets


def _bundled(octets: bytes) -> list[bytes]:
    """The certificates of a CMS object. Raises: ValueError, TypeError, KeyError."""
    content = cms.ContentInfo.load(octets, strict=True)
    if content["content_type"].native != "signed_data":
        raise ValueError("another kind of CMS object")
    certificates = content["content"]["certificates"]
    return [choice.chosen.dump() for choice in list(certificates)[:MAX_READ] if choice.name == "certificate"]


def _taken(certificate: Link, found: Sequence[Link]) -> tuple[Link, ...]:
    """Those that signed `certificate`, then those that are named above them; none when nobody signed it."""
    named = [link for link in found if same_name(link.parsed.subject, certificate.parsed.issuer)]
    signers = [link for link in named[:MAX_TAKEN] if link.may_certify and signed_by(certificate, link)]
    taken = list(signers)
    for link in taken:
        if len(taken) >= MAX_TAKEN or link.self_issued:
            continue
        above = [one for one in found if one not in taken and same_name(one.parsed.subject, link.parsed.issuer)]
        taken += above[: MAX_TAKEN - len(taken)]
    return tuple(taken)
