"""Raise a signed file to a higher level: get what is missing from outside, and have the format put it in.

The steps, each of which ends at a level (ETSI EN 319 102-1, 5.6):

1. B-T: a timestamp on the signature value. Mostly it is there already: `sign` puts it into the file that it writes.
2. B-LT: collect what validates the certificates of the signer and of the timestamps' authorities.
3. B-LTA: a timestamp on everything, the data of step 2 included. Both are one change of the file.
4. When another authority has made the timestamp of step 3 than those before: what validates its certificate.

`renew` adds another archive timestamp to a file that has one, and what validates the authority of the newest one, since
nobody can be asked about it for ever. What validates the signer is in the file and is not collected again.

The outside may be down. A step that fails ends the work, and the file keeps the level that it has reached.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from signroom.domain.augmentation import (
    NO_DATA,
    Augmentation,
    SignatureLevel,
    TimestampUse,
    ValidationData,
)
from signroom.domain.certificate import CertificateUse
from signroom.domain.errors import (
    AugmentationImpossible,
    BadCertificate,
    DigestNotAccepted,
    Refused,
    SecurityContextNotConfigured,
    TimestampTooLarge,
    Unavailable,
)
from signroom.domain.level import Level
from signroom.domain.security_context import SecurityContext
from signroom.domain.signature import (
    CertificateChain,
    CheckedValue,
    DigestAlgorithm,
    PdfReading,
    Prepared,
    SignatureType,
)
from signroom.domain.timestamp import MessageImprint, Timestamp, TimestampRequest
from signroom.ports import Ports
from signroom.ports.files import Stored, Turn
from signroom.service.timestamps.issue_timestamp import count_timestamp, stamp

SIGNING_SECONDS = 6.0
"""For everything from outside while a signer may be waiting: for one document, and for all of a session together.

They begin with the signature: what a document has waited for its turn is taken from them. It is to be completed within
10 seconds. The rest of them is for its files."""
_STAMP_SECONDS = 4.0
_COLLECT_SECONDS = 6.0
_NONCE_BITS = 64
_PROMPT_SECONDS = 1.0
"""An answer that comes within them costs no patience of the session."""


class Patience:
    """How long somebody waits for the outside, all steps together. Seconds of the event loop's clock."""

    def __init__(self, seconds: float, spend: Callable[[float], None] | None = None) -> None:
        """`spend` is told of seconds that were waited for nothing, or for longer than an answer takes."""
        self._until, self._spend = asyncio.get_running_loop().time() + seconds, spend

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While somebody outside is asked."""
        began, prompt = asyncio.get_running_loop().time(), 0.0
        try:
            yield
            prompt = _PROMPT_SECONDS
        finally:
            taken = asyncio.get_running_loop().time() - began - prompt
            if self._spend is not None and taken > 0:
                self._spend(taken)

    def left(self, at_most: float) -> float:
        """Raises: Stopped when nothing is left."""
        left = self._until - asyncio.get_running_loop().time()
        if left <= 0:
            raise Stopped("There was no time left.")
        return min(left, at_most)


class Stopped(Exception):
    """No higher level is reached now."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        """`reason` is one sentence for the application and the log. `final`: trying again would not help."""
        super().__init__(reason)
        self.reason, self.final = reason, final


@dataclass(frozen=True, slots=True)
class Proof:
    """A timestamp that the file has."""

    authority: CertificateChain
    time: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """A signed file in a scratch folder, and how far one signature of it has come."""

    file: Path
    stored: Stored
    kind: SignatureType
    chain: CertificateChain
    value: bytes
    level: Level
    proofs: tuple[Proof, ...] = ()
    """In the order in which they were made."""
    content: Path | None = None
    """Of a detached CMS object."""
    reading: PdfReading | None = None

    @property
    def proven_at(self) -> datetime | None:
        return self.proofs[0].time if self.proofs else None


@dataclass(frozen=True, slots=True)
class Raised:
    standing: Standing
    detail: str | None
    """Why the level that was wanted is not reached; None: it is."""
    final: bool = False
    """Trying again would not help."""


@dataclass(frozen=True, slots=True)
class Raising:
    """The work on one file: for whom, by whose rules, and for how long."""

    ports: Ports
    turn: Turn
    context: SecurityContext
    """By which the signer's certificate is judged. They were judged before: what is wrong with the certificate now ends
    the work, and does not undo the signature."""
    patience: Patience
    tier: str
    """Whose providers give the timestamps."""
    finds_out: bool = True
    """It may be the one that finds out whether providers are back. Nobody does who makes a signer wait."""

    async def stamp_value(self, prepared: Prepared, checked: CheckedValue) -> Timestamp:
        """A timestamp on a signature value, before the signed file is written. Raises: Stopped."""
        digest = self._digest()
        imprint = await self.ports.formats.of(self.turn).signature_imprint(prepared, checked, digest)
        return await self._stamp(imprint, digest)

    async def raise_to(self, wanted: Level, standing: Standing) -> Raised:
        """Raise the file as far as it goes towards `wanted`."""
        try:
            if not standing.level.reaches(Level.B_T) and wanted.reaches(Level.B_T):
                use, value, digest = TimestampUse.SIGNATURE, standing.value, self._digest()
                step = Augmentation(use, signature_value=value, digest_algorithm=digest)
                standing = await self._augmented(standing, step, Level.B_T)
            if standing.level.reaches(wanted):
                return Raised(standing, None)
            data = Augmentation(None, await self._collect(self._questions(standing)), standing.value, behind=True)
            if not wanted.reaches(Level.B_LTA):
                return Raised(await self._augmented(standing, data, Level.B_LT), None)
            return await self._archived(standing, data)
        except Stopped as stopped:
            return Raised(standing, stopped.reason, stopped.final)

    async def _archived(self, standing: Standing, data: Augmentation) -> Raised:
        """Data and archive timestamp are one change of the file. Without a timestamp the data go in alone.

        Raises: Stopped.
        """
        stamped = replace(data, use=TimestampUse.ARCHIVE, digest_algorithm=self._digest())
        try:
            archived = await self._augmented(standing, stamped, Level.B_LTA)
        except Stopped as stopped:
            if standing.level.reaches(Level.B_LT):
                raise
            return Raised(await self._augmented(standing, data, Level.B_LT), stopped.reason)
        return await self._complete(archived, {proof.authority.certificate for proof in standing.proofs})

    async def renew(self, standing: Standing, *, at_any_rate: bool = False) -> Raised:
        """Add another archive timestamp to a file that has one, and what validates the newest that it has.

        `at_any_rate`: without the data, too, when they cannot be had. They may be in the file already, and there is no
        time left to try again.
        """
        if not standing.proofs:
            return Raised(standing, "It has no timestamp.", final=True)
        newest = standing.proofs[-1]
        try:
            try:
                data = await self._collect([_about(newest)])
            except Stopped:
                if not at_any_rate:
                    raise
                data = NO_DATA
            step = Augmentation(TimestampUse.ARCHIVE, data, standing.value, digest_algorithm=self._digest())
            archived = await self._augmented(standing, step, Level.B_LTA)
        except Stopped as stopped:
            return Raised(standing, stopped.reason, stopped.final)
        return await self._complete(archived, {newest.authority.certificate})

    async def _complete(self, archived: Standing, known: set[bytes]) -> Raised:
        """`known`: the authorities whose data are in the file."""
        newest = archived.proofs[-1]
        if newest.authority.certificate in known:
            return Raised(archived, None)
        return await self._with_data_of(newest, archived)

    async def _with_data_of(self, newest: Proof, archived: Standing) -> Raised:
        """Who has made the archive timestamp is known once it is there. Its authority's data go in behind it.

        Without them the file has its level, and lasts as long as somebody can be asked about that authority.
        """
        try:
            data = await self._collect([_about(newest)])
            step = Augmentation(None, data, archived.value)
            return Raised(await self._augmented(archived, step, Level.B_LTA), None)
        except Stopped as stopped:
            return Raised(archived, f"The archive timestamp's authority is not proven in the file: {stopped.reason}")

    async def _augmented(self, standing: Standing, step: Augmentation, level: Level) -> Standing:
        """The file with one step more. Raises: Stopped; the file is then as it was."""
        try:
            return await self._augment(standing, step, level)
        except TimestampTooLarge:
            pass
        except (Refused, Unavailable) as error:
            raise Stopped(str(error), final=isinstance(error, Refused)) from error
        try:
            return await self._augment(standing, replace(step, timestamp_room=_MOST_ROOM), level)
        except (Refused, Unavailable) as error:
            raise Stopped(str(error), final=isinstance(error, Refused)) from error

    async def _augment(self, standing: Standing, step: Augmentation, level: Level) -> Standing:
        """Raises: Stopped, what the formats raise."""
        formats, file, kind, content = self.ports.formats.of(self.turn), standing.file, standing.kind, standing.content
        now, reading = self.ports.clock.now(), standing.reading
        laid_out = await formats.lay_out_augmentation(file, kind, step, now=now, data=content, reading=reading)
        token, proofs = None, standing.proofs
        if laid_out.imprint is not None:
            timestamp = await self._stamp(laid_out.imprint, laid_out.augmentation.digest_algorithm)
            token, proofs = timestamp.token, (*proofs, Proof(timestamp.authority, timestamp.time))
        done = await formats.augment(file, kind, laid_out, token=token, data=content, reading=reading)
        return replace(standing, stored=done.stored, level=level, proofs=proofs, reading=done.reading)

    def _digest(self) -> DigestAlgorithm:
        """Of the imprint of a new timestamp. Raises: Stopped."""
        try:
            return self.context.rules.digest_at(self.ports.clock.now())
        except DigestNotAccepted as error:
            raise Stopped(str(error)) from error

    async def _stamp(self, imprint: bytes, digest: DigestAlgorithm) -> Timestamp:
        """Who has failed a moment ago is not asked: a slow one would hold the jobs of all signers, one by one.

        Raises: Stopped.
        """
        request = TimestampRequest(MessageImprint(digest, imprint), secrets.randbits(_NONCE_BITS))
        try:
            seconds = self.patience.left(_STAMP_SECONDS)
            with self.patience.waiting():
                found = await stamp(
                    self.ports,
                    self.tier,
                    request,
                    seconds,
                    self.context,
                    finds_out=self.finds_out,
                    hurried=seconds < _STAMP_SECONDS,
                )
            if self.turn.application_id is not None:
                owners = self.turn.subscription_id, self.turn.application_id
                await asyncio.to_thread(count_timestamp, self.ports, *owners, self.tier)
            return found
        except (Refused, Unavailable) as error:
            raise Stopped(str(error)) from error

    def _questions(self, standing: Standing) -> list[_Question]:
        """About the signer's certificate and those of the timestamps' authorities. Raises: Stopped."""
        if standing.proven_at is None:
            raise Stopped("Nothing proves when the signature was made.")
        signer = _Question(standing.chain, standing.proven_at, CertificateUse.SIGNATURES, (self.context,))
        return [signer, *map(_about, standing.proofs)]

    async def _collect(self, asked: Sequence[_Question]) -> ValidationData:
        """What answers all questions. Raises: Stopped."""
        ports = self.ports
        wait = self.patience.left(_COLLECT_SECONDS)
        # A timestamp that is there may be older than what the context says now: its data are wanted all the same.
        strict, of_tier = self.context.for_timestamps, await asyncio.to_thread(ports.timestamps.contexts_of, self.tier)
        of_authorities = tuple(of_tier) if strict is None else (strict, *of_tier)
        asked = [one if one.contexts else replace(one, contexts=of_authorities) for one in asked]
        loop = asyncio.get_running_loop()
        # Threads of this call alone: one that waits for a responder holds up nobody, not even the end of this loop.
        threads = ThreadPoolExecutor(len(asked), "evidence")
        try:
            calls = [loop.run_in_executor(threads, _evidence, self.ports, question) for question in asked]
            with self.patience.waiting():
                found = await asyncio.wait_for(asyncio.gather(*calls), wait)
        except TimeoutError as error:
            raise Stopped("What proves that no certificate was revoked did not come in time.") from error
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
        data = NO_DATA
        for one in found:
            data += one
        return data


@dataclass(frozen=True, slots=True)
class _Question:
    """What validates this chain at that time?"""

    chain: CertificateChain
    at: datetime
    use: CertificateUse
    contexts: tuple[SecurityContext, ...]
    """The first that has all the answers counts."""


def _about(proof: Proof) -> _Question:
    """By which contexts is seen when it is asked: the one that says whose count, or those of the tier's providers."""
    return _Question(proof.authority, proof.time, CertificateUse.TIMESTAMPS, ())


def _evidence(ports: Ports, question: _Question) -> ValidationData:
    """Raises: Stopped."""
    # Roots may be put there any time: without a context nothing is final.
    reason, final = "No security context is configured for it.", bool(question.contexts)
    for context in question.contexts:
        try:
            evidence = ports.trust.collect(question.chain, context, question.at, use=question.use)
        except (BadCertificate, SecurityContextNotConfigured) as error:
            reason, final = str(error), False
            continue
        if evidence.complete:
            return evidence.data
        reason, final = " ".join(evidence.missing) or reason, final and evidence.final
    raise Stopped(reason, final=final)


def proofs_of(found: SignatureLevel) -> tuple[Proof, ...]:
    """Raises: AugmentationImpossible for a timestamp that does not fit: what is built on it would not last."""
    if not all(one.intact for one in found.timestamps):
        raise AugmentationImpossible("A timestamp in the file does not fit.")
    return tuple(Proof(one.authority, one.time) for one in found.timestamps)


def archive_end(ports: Ports, standing: Standing) -> datetime | None:
    """When the certificate of the newest archive timestamp ends; None: there is no such timestamp."""
    if standing.level is not Level.B_LTA or not standing.proofs:
        return None
    try:
        return ports.trust.read(standing.proofs[-1].authority.certificate).not_after
    except BadCertificate:
        return None


def ends_soon(end: datetime | None, now: datetime) -> bool:
    """An archive timestamp that ends at `end` has no time left in which one could wait for what is missing."""
    return end is not None and end - now < _LAST_DAYS


_LAST_DAYS = timedelta(days=7)
_MOST_ROOM = 256 << 10
"""Bytes. A larger answer of an authority is not read at all."""
