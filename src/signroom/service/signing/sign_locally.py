"""Local signature: the application holds the key, we lay out and embed. The same cycle as a session's, in two calls.

The document of a preparation waits without a session; its `state` names the preparation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID, uuid4

from signroom.domain.application import WORKERS, ApplicationCaller
from signroom.domain.certificate import Certificate
from signroom.domain.document import UNSIGNED_LIFETIME, Document, DocumentStatus
from signroom.domain.document_key import normalized
from signroom.domain.errors import (
    BadSignatureState,
    DocumentErased,
    DocumentNotFound,
    InvalidPdf,
    PreparationNotFound,
    Refused,
    TokenRefused,
    WrongState,
)
from signroom.domain.metadata import merged
from signroom.domain.preparation import Preparation, PreparedDocument
from signroom.domain.signature import CertificateChain, CheckedValue, ClaimedValue, Prepared, SignatureType
from signroom.domain.validation import Check, Outcome, TrustVerdict, ValidationItem, ValidationResults
from signroom.ports import Ports
from signroom.ports.files import Turn
from signroom.service.access.idempotency import Idempotency, find_result, store_result
from signroom.service.certificates.judge_certificate import find_context_soon, judging, only_computes, require_trusted
from signroom.service.documents.add_document import (
    NewDocument,
    accepted_document,
    bind_key,
    bind_keys,
    keep_files,
    key_for,
    lock_earlier,
    record_documents,
    require_free_key,
)
from signroom.service.documents.discard_blobs import before_recording
from signroom.service.levels.extend_document import require_levels
from signroom.service.signing.enqueue_processing import PROCESS_DOCUMENT
from signroom.service.signing.prepare_signing import prepare_new
from signroom.service.signing.process_document import fail_document, process_document

_PURPOSE = "local-signature"
STATE_LIFETIME = timedelta(hours=1)
_LEFT_ALONE = timedelta(minutes=10)
"""As long as a caller may still wait for its answer, or call again."""
_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class PrepareLocally:
    document: NewDocument
    chain: CertificateChain
    security_context_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class LocallyPrepared:
    """Either `state` and `prepared`, or the `failure` (``PrepareSignatureFailures``)."""

    certificate: Certificate
    results: ValidationResults
    path: tuple[bytes, ...]
    """From the certificate up, as far as issuers were found; DER."""
    state: str | None = None
    prepared: Prepared | None = None
    failure: str | None = None


async def prepare_locally(ports: Ports, caller: ApplicationCaller, command: PrepareLocally) -> LocallyPrepared:
    """A certificate that may not sign and a damaged PDF are answers, not errors (rulings, "Faults").

    Raises: NotAllowed, BadCertificate, SecurityContextNotFound, SecurityContextNotConfigured, DocumentKeyNotFound,
    DigestNotAccepted, DocumentKeyInUse, FileTooLarge, UploadNotFound, TimestampTierNotFound, a DocumentRejected other
    than InvalidPdf, Unavailable.
    """
    caller.require(WORKERS)
    context = await find_context_soon(ports, caller.subscription_id, command.security_context_id)
    if context.rules.level is not None:
        options = command.document.options.with_level(context.rules.level)
        command = replace(command, document=replace(command.document, options=options))
    await require_levels(ports, command.document.options, command.document.signature_type or SignatureType.PDF)
    now = ports.clock.now()
    digest = context.rules.digest_at(now)

    def read() -> tuple[Certificate, TrustVerdict | None]:
        certificate = ports.trust.read(command.chain.certificate)
        soon = only_computes(ports, context, command.chain)
        return certificate, ports.trust.judge(command.chain, context, now) if soon else None

    certificate, verdict = await asyncio.to_thread(read)
    if verdict is None:
        verdict = await judging(ports, Turn.of_caller(caller), ports.trust.judge, command.chain, context, now)
    answer = LocallyPrepared(certificate, verdict.results, verdict.path)
    if not answer.results.valid:
        return replace(answer, failure="CertificateValidationFailed")
    await asyncio.to_thread(_require_free_key, ports, caller, command.document)
    trusted = require_trusted(command.chain, verdict)
    try:
        async with accepted_document(ports, caller, None, command.document) as accepted:
            document = Document(
                id=accepted.document_id,
                subscription_id=caller.subscription_id,
                application_id=caller.application.id,
                session_id=None,
                position=0,
                status=DocumentStatus.PENDING_SIGNATURE,
                original=accepted.file,
                inspection=accepted.inspection,
                created_at=now,
                key=key_for(accepted),
                metadata=merged(command.document.metadata, caller.application.default_metadata),
                options=accepted.options,
                data_key=accepted.data_key,
                available_until=now + UNSIGNED_LIFETIME,
                security_context_id=context.id,
            )
            with before_recording():
                prepared = await prepare_new(ports, document, trusted, now, digest=digest)
            preparation = Preparation(uuid4(), None, trusted.chain, (PreparedDocument(document.id, prepared),), now)

            def record() -> None:
                keep_files(ports, [accepted])
                with ports.store.work() as work:
                    lock_earlier(work, ports, [accepted])
                    record_documents(work, ports, [(document, accepted)])
                    if accepted.key is None:  # a key that the caller has named is used when the value is accepted
                        bind_keys(work, [(document, accepted)])
                    work.preparations.add(preparation)

            await asyncio.to_thread(record)
    except InvalidPdf as error:
        # What is wrong has no field of its own in the contract's model.
        item = ValidationItem(Check.DECODE_ERROR, Outcome.ERROR, error.message, error.detail)
        results = answer.results + ValidationResults((item,))
        return replace(answer, failure="CorruptedPdf", results=results)
    key = normalized(command.document.key or "") or ""
    confirmed = "1" if verdict.anchored else "0"
    state = ports.tokens.issue(_PURPOSE, f"{preparation.id}~{key}~{confirmed}", now)
    return replace(answer, state=state, prepared=prepared)


def _require_free_key(ports: Ports, caller: ApplicationCaller, document: NewDocument) -> None:
    with ports.store.read() as work:
        require_free_key(work, caller, document)


async def complete_locally(
    ports: Ports, caller: ApplicationCaller, state: str, value: bytes, idempotency: Idempotency | None = None
) -> UUID:
    """Check and embed the value; returns the document's id. The same value again is accepted again.

    Raises: NotAllowed, BadSignatureState, SignatureRejected, DocumentKeyInUse, WrongState for another value,
    IdempotencyKeyReused, VerificationFailed, Unavailable (the same call may then be made again).
    """
    caller.require(WORKERS)
    # A repeat goes on where the first call was cut off: its value is stored, its file may not be.
    document_id = await asyncio.to_thread(find_result, ports, caller, idempotency, DocumentErased)
    if document_id is None:
        prepared, claimed, few = await asyncio.to_thread(_claimed, ports, caller, state, value)
        (checked,) = few or await ports.formats.of(Turn.of_caller(caller)).check_values([claimed])
        document_id = await asyncio.to_thread(_accept, ports, caller, prepared, checked, idempotency)
    await _process(ports, caller, document_id, _identity_confirmed(ports, state))
    return document_id


def continue_local_signatures(ports: Ports) -> int:
    """Have the signatures made whose value was accepted ten minutes ago, and whose caller has not waited for the file.

    Until then they are in processing, and nobody can erase them. Returns how many are made. May run late, twice, and in
    several places at once: each becomes one job.
    """
    with ports.store.work() as work:
        found = work.documents.unfinished_local(ports.clock.now() - _LEFT_ALONE, _AT_ONCE)
        for document in found:
            work.enqueue(PROCESS_DOCUMENT, f"{PROCESS_DOCUMENT}:{document.id}:{document.preparation_id}", document.id)
    return len(found)


def _claimed(
    ports: Ports, caller: ApplicationCaller, state: str, value: bytes
) -> tuple[tuple[Preparation, str], ClaimedValue, Sequence[CheckedValue] | None]:
    """What `_own_preparation` finds, the value that is said to be its signature, and the same checked, if it is usual.

    Raises: BadSignatureState, SignatureRejected.
    """
    prepared = _own_preparation(ports, caller, state)
    claimed = prepared[0].items[0].prepared.claimed(value)
    return prepared, claimed, ports.formats.of(Turn.of_caller(caller)).check_few([claimed])


def _own_preparation(ports: Ports, caller: ApplicationCaller, state: str) -> tuple[Preparation, str]:
    """The preparation of `state` and the document key that was asked for. Raises: BadSignatureState."""
    preparation, key = _preparation(ports, state)
    try:
        with ports.store.read() as work:
            work.of(caller).document(preparation.items[0].document_id)
    except DocumentNotFound as error:
        raise BadSignatureState from error
    return preparation, key


def _accept(
    ports: Ports,
    caller: ApplicationCaller,
    prepared: tuple[Preparation, str],
    checked: CheckedValue,
    idempotency: Idempotency | None,
) -> UUID:
    preparation, key = prepared
    item = preparation.items[0]
    with ports.store.work() as work:
        document = work.of(caller).locked_document(item.document_id)
        if document.status is DocumentStatus.PENDING_SIGNATURE:
            document = document.accept_signature(preparation.id, checked, ports.clock.now())
            if key:
                if document.key != key:  # a version that gave no keys has prepared it
                    document = replace(document, key=key)
                    work.documents.set_keys({document.id: key})
                bind_key(work, document)
            work.documents.save(document)
            store_result(work, ports, caller, idempotency, document.id)
        elif document.signature_value != checked:
            raise WrongState("It was completed with another value.")
    return document.id


async def _process(ports: Ports, caller: ApplicationCaller, document_id: UUID, identity_confirmed: bool | None) -> None:
    """Not a job: the caller waits. For one who hangs up, `continue_local_signatures` makes it one later."""
    try:
        await process_document(ports, document_id, identity_confirmed=identity_confirmed)
    except Refused as error:
        await asyncio.to_thread(fail_document, ports, document_id, error.code, error.detail)
        raise
    await asyncio.to_thread(_require_completed, ports, caller, document_id)


def _require_completed(ports: Ports, caller: ApplicationCaller, document_id: UUID) -> None:
    """Raises: WrongState."""
    with ports.store.read() as work:
        document = work.of(caller).document(document_id)
    if document.status is not DocumentStatus.COMPLETED:
        raise WrongState(f"The document is {document.status} ({document.processing_error_code}).")


def _preparation(ports: Ports, state: str) -> tuple[Preparation, str]:
    try:
        subject = ports.tokens.read(_PURPOSE, state, ports.clock.now(), max_age=STATE_LIFETIME)
        preparation_id, key, *_ = subject.split("~")
        with ports.store.read() as work:
            return work.preparations.of_any_tenant(UUID(preparation_id)), key
    except (TokenRefused, PreparationNotFound) as error:
        raise BadSignatureState from error


def _identity_confirmed(ports: Ports, state: str) -> bool | None:
    """What was found of the signer at the preparation; None for a state that is too old, or of an earlier version."""
    try:
        subject = ports.tokens.read(_PURPOSE, state, ports.clock.now(), max_age=STATE_LIFETIME)
    except TokenRefused:
        return None
    match subject.split("~"):
        case [_, _, confirmed]:
            return confirmed == "1"
        case _:
            return None
