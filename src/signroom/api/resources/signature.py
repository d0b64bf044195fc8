"""``/api/signature``: the application signs with a key of its own."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Annotated, Any

from litestar import Request, post
from litestar.params import Parameter

from signroom.api.auth import InjectedCaller, InjectedPorts
from signroom.api.media import ANSWERS, idempotency_of, require_json
from signroom.api.shapes import contract as shapes
from signroom.api.translation.commands import file_source, new_document
from signroom.api.translation.models import certificate_model, chain_of, digest_model, document_model, results_model
from signroom.domain.errors import BadInput, NotImplementedHere, about
from signroom.domain.signature import CertificateChain
from signroom.http.callers.hang_up import while_connected
from signroom.service.documents.read_documents import read_document
from signroom.service.signing.sign_locally import PrepareLocally, complete_locally, prepare_locally

_TAGS = ["Local signature"]


@post(
    "/api/signature",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Prepare a signature",
    tags=_TAGS,
)
async def prepare(
    data: shapes.PrepareSignatureRequest,
    request: Request[Any, Any, Any],
    ports: InjectedPorts,
    caller: InjectedCaller,
) -> shapes.PrepareSignatureModel:
    """Sign `toSignHash` (a digest) or `toSign.data` (the bytes) with the certificate's key, then complete."""
    if data.certificate.id is not None:
        raise NotImplementedHere("Stored certificates.", path="certificate.id")
    if data.certificate.content is None:
        raise BadInput("certificate.content is missing.", path="certificate.content")
    document = new_document(
        file_source(data.file),
        signature_type=data.signature_type,
        pdf=data.pdf_signature_options,
        cms=data.cms_signature_options,
        xml=data.xml_signature_options,
        key=data.document_key,
        fallback_name="document",
        policies=ports.policies(),
    )
    command = PrepareLocally(document, CertificateChain(data.certificate.content), data.security_context_id)
    with about("certificate.content"):  # a fault of the file says so itself
        found = await while_connected(request, prepare_locally(ports, caller, command))
    prepared = found.prepared
    to_sign_hash = to_sign = None
    if prepared is not None:
        name = prepared.digest_algorithm.value
        digest = hashlib.new(name, prepared.to_sign).digest()
        to_sign_hash = digest_model(name, digest)
        to_sign = shapes.ToSignModel(data=prepared.to_sign, hash=digest, digest_algorithm=name)
    return shapes.PrepareSignatureModel(
        success=found.failure is None,
        failure=found.failure,
        state=found.state,
        to_sign_hash=to_sign_hash,
        to_sign=to_sign,
        validation_results=results_model(found.results),
        certificate=certificate_model(chain_of(ports, found.certificate, found.path)),
    )


@post(
    "/api/signature/completion",
    status_code=200,
    responses=ANSWERS,
    before_request=require_json,
    summary="Complete a signature",
    tags=_TAGS,
)
async def complete(
    data: shapes.CompleteSignatureRequest,
    request: Request[Any, Any, Any],
    ports: InjectedPorts,
    caller: InjectedCaller,
    idempotency_key: Annotated[str | None, Parameter(header="Idempotency-Key", max_length=255)] = None,
) -> shapes.DocumentModel:
    """The signed document. The same `state` and `signature` again are answered the same, with or without a key."""
    same = await idempotency_of(request, idempotency_key)
    completing = complete_locally(ports, caller, data.state, data.signature, same)
    document_id = await while_connected(request, completing)
    return await asyncio.to_thread(lambda: document_model(ports, read_document(ports, caller, document_id)))
