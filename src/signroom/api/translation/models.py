"""Nouns to the wire's models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from typing import Any

from signroom.api.shapes import contract as shapes
from signroom.api.translation.cursors import event_cursor
from signroom.api.translation.erasures import erased_document
from signroom.domain.augmentation import EmbeddedTimestamp
from signroom.domain.certificate import Certificate, Name
from signroom.domain.document import Document, StoredFile
from signroom.domain.document_key import DocumentKey, formatted
from signroom.domain.errors import BadCertificate, Refused
from signroom.domain.event import RecordedEvent
from signroom.domain.examination import ExaminedSignature
from signroom.domain.level import Level
from signroom.domain.metadata import Metadata
from signroom.domain.national import PkiBrazil, PkiItaly
from signroom.domain.preflight import FindingCode, FindingLevel
from signroom.domain.security_context import confirms_identity
from signroom.domain.session import Session
from signroom.domain.signature import DigestValue, Inspection, SignatureType, SignatureVerdict
from signroom.domain.timestamp import Timestamp, TimestampRequest
from signroom.domain.upload import Upload
from signroom.domain.validation import Check, Outcome, ValidationItem, ValidationResults
from signroom.ports import Ports
from signroom.service.documents.download_file import FileKind, location, upload_location, version_location
from signroom.service.sessions.read_sessions import SessionWithDocuments
from signroom.service.verification.inspect_signature import InspectedFile, InspectedSigner

_SIGNATURE_ALGORITHMS = frozenset({"MD5WithRSA", *(f"SHA{bits}WithRSA" for bits in (1, 256, 384, 512))})
"""The contract's words."""
_SIGNERS = 64
"""How many signers of sessions were shown last and are remembered. Who waits for a session asks for it again."""


def session_model(ports: Ports, found: SessionWithDocuments) -> shapes.SessionModel:
    session = found.session
    signer = session.signer_certificate
    chain = () if signer is None else (signer, *session.signer_issuers)
    return shapes.SessionModel(
        id=session.id,
        status=session.status.value,
        processing_error_code=session.processing_error_code,
        callback_argument=session.callback_argument,
        signer_certificate=_signer_of_session(ports.trust.read, chain) if chain else None,
        signer_identity_confirmed=confirms_identity(session.security_context_id) if chain else None,
        documents=[session_document(ports, d) for d in _listed(found)],
    )


@lru_cache(_SIGNERS)
def _signer_of_session(read: Callable[[bytes], Certificate], chain: tuple[bytes, ...]) -> shapes.CertificateModel:
    """Nobody changes it. Raises: BadCertificate."""
    return certificate_model([read(der) for der in chain])


def session_summary(session: Session) -> shapes.SessionSummary:
    return shapes.SessionSummary(
        id=session.id,
        status=session.status.value,
        processing_error_code=session.processing_error_code,
        callback_argument=session.callback_argument,
        created_at=session.created_at.replace(microsecond=0),
        expires_at=session.expires_at.replace(microsecond=0),
    )


def _listed(found: SessionWithDocuments) -> tuple[Document, ...]:
    """Uploads are the signer's until he has signed them; predefined ones always show."""
    return found.documents if found.session.predefined or found.session.signed else ()


def session_document(ports: Ports, document: Document) -> shapes.DocumentSummary:
    return shapes.DocumentSummary(
        status=document.status.value,
        date_signed=seconds(document.signed_at) if document.signed is not None else None,
        processing_error_code=document.processing_error_code,
        processing_error_detail=document.processing_error_detail,
        pdf_signature_field=document.inspection.field_to_fill,
        **_document(ports, document),
        **_lasting(document),
    )


def document_model(ports: Ports, document: Document) -> shapes.DocumentModel:
    return shapes.DocumentModel(
        signers=_signer_summaries(ports, document),
        metadata=metadata_model(document.metadata),
        **_document(ports, document),
        **_lasting(document),
    )


def _document(ports: Ports, document: Document) -> dict[str, Any]:
    return {
        "id": document.id,
        "key": document.key,
        "formatted_key": formatted(document.key),
        "original_file": _file_model(document.original, location(ports, document, FileKind.ORIGINAL)),
        "marked_file": None,
        "signed_file": _signed_file(ports, document),
        "signature_type": document.signature_type.value,
        "available_until": seconds(document.available_until),
    }


def _lasting(document: Document) -> dict[str, Any]:
    """How long its signature lasts."""
    return {
        "level": document.level,
        "level_wanted": document.level_wanted.value,
        "level_detail": document.level_detail,
        "validation": _validation(document),
    }


def _validation(document: Document) -> shapes.ValidationModel | None:
    """Of the signature that was made here: the newest."""
    if document.verdict is None or document.level is None or not document.verdict.signatures:
        return None
    found = document.verdict.ours or document.verdict.signatures[-1]
    claimed = None if found.signed_at is None else "claim"
    return shapes.ValidationModel(
        indication=found.indication.value,
        sub_indication=found.reason,
        level=document.level.value,
        signing_time=seconds(found.proven_at or found.signed_at),
        signing_time_source="timestamp" if found.proven_at is not None else claimed,
        security_context_id=found.context_id,
        identity_confirmed=found.identity_confirmed,
        qualification=None if found.qualification is None else shapes.QualificationModel(**asdict(found.qualification)),
        warnings=list(found.warnings),
    )


def version_models(ports: Ports, document: Document) -> list[shapes.VersionModel]:
    return [
        shapes.VersionModel(
            level=version.level.value,
            made_at=version.made_at.replace(microsecond=0),
            file=_file_model(version.file, version_location(ports, document, number)),
        )
        for number, version in enumerate(document.versions)
    ]


def event_model(event: RecordedEvent) -> shapes.EventModel:
    return shapes.EventModel(
        cursor=event_cursor(event.position),
        id=event.id,
        type=event.type,
        created_at=event.at.replace(microsecond=0),
        session_id=event.session_id,
        document_id=event.document_id,
        application_id=event.application_id,
        webhook_id=event.webhook_id,
        api_key_id=event.api_key_id,
    )


def metadata_model(metadata: Metadata) -> dict[str, list[str]]:
    return {name: list(values) for name, values in metadata}


def document_key_model(key: DocumentKey) -> shapes.DocumentKeyModel:
    return shapes.DocumentKeyModel(key=key.key, formatted_key=formatted(key.key))


def digest_model(algorithm: str, value: bytes) -> shapes.DigestModel:
    return shapes.DigestModel(algorithm=algorithm, value=value, hex_value=value.hex())


def timestamp_model(ports: Ports, asked: TimestampRequest, found: Timestamp) -> shapes.TimestampModel:
    certificate = ports.trust.read(found.authority.certificate)
    return shapes.TimestampModel(
        encoded_value=found.token,
        info=shapes.TimestampInfoModel(
            gen_time=found.time,
            serial_number=str(found.serial_number),
            message_imprint=digest_model(asked.imprint.algorithm.value, asked.imprint.digest),
            encapsulated_content_type="TstInfo",
            has_encapsulated_content=True,
            signers=[shapes.TimestampSignerModel(certificate=certificate_model([certificate]))],
            policy=found.policy,
        ),
    )


def results_model(results: ValidationResults) -> shapes.ValidationResultsModel:
    def items(outcome: Outcome) -> list[shapes.ValidationItemModel]:
        return [
            shapes.ValidationItemModel(
                type=_item_type(item),
                message=item.message,
                detail=item.detail,
                inner_validation_results=None if item.inner is None else results_model(item.inner),
            )
            for item in results.with_outcome(outcome)
        ]

    return shapes.ValidationResultsModel(
        passed_checks=items(Outcome.PASSED), errors=items(Outcome.ERROR), warnings=items(Outcome.WARNING)
    )


def _item_type(item: ValidationItem) -> str:
    """The contract names failures; what passed is a ``Success``, but for the issuer's own word."""
    if item.outcome is Outcome.PASSED and item.check is not Check.CERTIFICATE_ISSUER_VALID:
        return Check.SUCCESS.value
    return item.check.value


def chain_of(ports: Ports, certificate: Certificate, path: Sequence[bytes]) -> list[Certificate]:
    """The certificate and its issuers as far as they can be read; `path` starts with the certificate itself."""
    chain = [certificate]
    for der in path[1:]:
        try:
            chain.append(ports.trust.read(der))
        except BadCertificate:
            break
    return chain


def certificate_model(chain: Sequence[Certificate]) -> shapes.CertificateModel:
    """`chain` is the certificate and its issuers, in order."""
    c, *issuers = chain
    return shapes.CertificateModel(
        subject_name=_name(c.subject),
        issuer_name=_name(c.issuer),
        issuer_display_name=_display(c.issuer),
        serial_number=str(c.serial_number),
        validity_start=c.not_before,
        validity_end=c.not_after,
        issuer=certificate_model(issuers) if issuers else None,
        pki_brazil=_pki_brazil(c.pki_brazil),
        pki_italy=_pki_italy(c.pki_italy),
        binary_thumbprint_sha256=c.sha256,
        **_summary(c),
    )


def certificate_summary(c: Certificate) -> shapes.CertificateSummary:
    return shapes.CertificateSummary(**_summary(c))


def _summary(c: Certificate) -> dict[str, Any]:
    return {
        "thumbprint": c.sha1.hex(),
        "thumbprint_sha256": c.sha256.hex(),
        "subject_common_name": c.subject.first("CN"),
        "subject_display_name": _display(c.subject),
        "subject_identifier": c.subject_identifier,
        "email_address": c.email_address,
        "organization": c.subject.first("O"),
        "organization_identifier": c.subject.first("organizationIdentifier"),
    }


def _pki_brazil(p: PkiBrazil) -> shapes.PkiBrazilModel:
    return shapes.PkiBrazilModel(
        certificate_type=p.certificate_type,
        cpf=p.cpf,
        cnpj=p.cnpj,
        responsavel=p.responsavel,
        date_of_birth=None if p.date_of_birth is None else p.date_of_birth.isoformat(),
        company_name=p.company_name,
        oab_uf=p.oab_uf,
        oab_numero=p.oab_numero,
        rg_emissor=p.rg_emissor,
        rg_emissor_uf=p.rg_emissor_uf,
        rg_numero=p.rg_numero,
    )


def _pki_italy(p: PkiItaly) -> shapes.PkiItalyModel:
    return shapes.PkiItalyModel(
        certificate_type=p.certificate_type, codice_fiscale=p.codice_fiscale, id_carta=p.id_carta
    )


def inspection_model(ports: Ports, found: InspectedFile) -> shapes.InspectSignatureModel:
    e = found.examination
    content, document, erased = found.content, found.document, None
    if document is not None and document.erased_at is not None:
        document, erased = None, erased_document(document)
    return shapes.InspectSignatureModel(
        success=e.missing_data_hash is None,
        failure=None if e.missing_data_hash is None else "DataFileRequired",
        missing_data_hash=e.missing_data_hash,
        signers=[signer_model(ports, s) for s in found.signers],
        document=None if document is None else shapes.PlainDocumentSummary(**_document(ports, document)),
        erased_document=erased,
        has_encapsulated_content=e.has_encapsulated_content,
        encapsulated_content_type="Data" if e.signature_type is SignatureType.CMS else None,
        encapsulated_content=None if content is None else upload_model(ports, content),
    )


def file_check_model(found: Inspection | Refused) -> shapes.FileCheckModel:
    if isinstance(found, Refused):
        return shapes.FileCheckModel(
            can_be_signed=False,
            signature_type=None,
            pages=0,
            signatures=[],
            findings=[shapes.FindingModel(code=found.code, level=FindingLevel.CANNOT, message=str(found), facts={})],
        )
    return shapes.FileCheckModel(
        can_be_signed=True,
        signature_type=found.signature_type.value,
        pages=found.pages,
        signatures=[
            shapes.EarlierSignatureModel(name=dict(f.facts)["name"], intact=f.code is FindingCode.EARLIER_SIGNATURE)
            for f in found.findings
            if f.code in {FindingCode.EARLIER_SIGNATURE, FindingCode.EARLIER_SIGNATURE_UNPROVEN}
        ],
        findings=[
            shapes.FindingModel(code=f.code, level=f.level, message=f.message, facts=dict(f.facts))
            for f in found.findings
        ],
    )


def signer_model(ports: Ports, s: InspectedSigner) -> shapes.SignerModel:
    chain = [] if s.certificate is None else chain_of(ports, s.certificate, s.path)
    results = None if s.results is None else results_model(s.results)
    model = _signer_model(s.signature, chain, results, s.signature.verdict.signed_at or ports.clock.now())
    model.identity_confirmed = s.identity_confirmed
    model.certified_date_reference = seconds(s.proven_at)
    if s.level is not None:
        model.level = s.level.level.value
        model.has_ltv = s.level.level.reaches(Level.B_LT)
        model.timestamps = [_embedded(ports, stamp) for stamp in s.level.timestamps]
    return model


def _embedded(ports: Ports, stamp: EmbeddedTimestamp) -> shapes.TimestampInfoModel:
    try:
        signers = [
            shapes.TimestampSignerModel(certificate=certificate_model([ports.trust.read(stamp.authority.certificate)]))
        ]
    except BadCertificate:
        signers = []
    return shapes.TimestampInfoModel(
        gen_time=stamp.time,
        serial_number=None,
        message_imprint=None,
        encapsulated_content_type="TstInfo",
        has_encapsulated_content=True,
        signers=signers,
        policy=None,
    )


def _signer_model(
    s: ExaminedSignature,
    chain: Sequence[Certificate],
    results: shapes.ValidationResultsModel | None,
    date: datetime,
) -> shapes.SignerModel:
    name = s.signature_algorithm
    algorithm = shapes.SignatureAlgorithmModel(algorithm=name if name in _SIGNATURE_ALGORITHMS else None)
    element = s.xml_element
    return shapes.SignerModel(
        message_digest=_digest(s.message_digest),
        signature=shapes.SignatureValueModel(
            algorithm_identifier=algorithm, value=s.value, hex_value=s.value.hex(), signature_algorithm_name=name
        ),
        signature_policy=_policy(s),
        signing_time=seconds(s.verdict.signed_at),
        certified_date_reference=None,
        timestamps=[],
        is_document_timestamp=s.is_document_timestamp,
        signature_field_name=s.verdict.field_name or None,
        validation_results=results,
        has_ltv=False,
        xml_signed_entity_type=_entity_type(s),
        xml_signed_element=None
        if element is None
        else shapes.XmlElementModel(
            local_name=element.local_name,
            attributes=[
                shapes.XmlAttributeModel(local_name=name, value=value, namespace_uri=uri)
                for name, value, uri in element.attributes
            ],
            namespace_uri=element.namespace_uri,
        ),
        attribute_certificates=[],
        certificate=certificate_model(chain) if chain else None,
        date=date.replace(microsecond=0),
        identity_confirmed=None,
    )


def _entity_type(s: ExaminedSignature) -> str | None:
    if not s.is_xml:
        return None
    return "FullXml" if s.xml_element is None else "XmlElement"


def _digest(value: DigestValue | None) -> shapes.DigestModel | None:
    return None if value is None else digest_model(value.algorithm, value.value)


def _policy(s: ExaminedSignature) -> shapes.SignaturePolicyModel | None:
    if s.policy is None:
        return None
    return shapes.SignaturePolicyModel(digest=_digest(s.policy.digest), oid=s.policy.oid, uri=s.policy.uri)


def upload_model(ports: Ports, upload: Upload, token: str | None = None) -> shapes.FileReferenceModel:
    """A file that is kept for a day. `token` is its ``blobToken``, in the answer to its upload only."""
    file, address = upload.require_file(), upload_location(ports, upload)
    return shapes.FileReferenceModel(
        mime_type=file.content_type,
        content=None,
        blob_token=token,
        url=address,
        name=file.name or None,
        length=file.length,
        content_type=file.content_type,
        location=address,
    )


def seconds(time: datetime | None) -> datetime | None:
    """Without fractions: .NET, Java and PHP clients disagree on how many digits they read."""
    return None if time is None else time.replace(microsecond=0)


def _signer_summaries(ports: Ports, document: Document) -> list[shapes.SignerSummary]:
    if document.verdict is None or document.signed_at is None:
        return []
    signers = [_signer(ports, signature, document.signed_at) for signature in document.verdict.signatures]
    return [signer for signer in signers if signer is not None]


def _signer(ports: Ports, signature: SignatureVerdict, accepted_at: datetime) -> shapes.SignerSummary | None:
    """None for an earlier signer whose certificate cannot be read: a stranger's oddity must not hide the document."""
    try:
        certificate = ports.trust.read(signature.certificate)
    except BadCertificate:
        return None
    date = signature.signed_at or accepted_at
    return shapes.SignerSummary(
        certificate=certificate_summary(certificate),
        date=date.replace(microsecond=0),
        identity_confirmed=signature.identity_confirmed,
    )


def _signed_file(ports: Ports, document: Document) -> shapes.DocumentFileModel | None:
    """The newest version of it. Its address stays that version's when a newer one comes."""
    if document.signed is None:
        return None
    return _file_model(document.signed, version_location(ports, document, len(document.versions) - 1))


def _file_model(file: StoredFile, address: str) -> shapes.DocumentFileModel:
    return shapes.DocumentFileModel(
        mime_type=file.content_type,
        content=None,
        blob_token=None,
        url=address,
        name=file.name,
        length=file.length,
        content_type=file.content_type,
        location=address,
    )


def _display(name: Name) -> str | None:
    return name.first("CN") or name.first("O") or name.dn_string or None


def _name(name: Name) -> shapes.NameModel:
    return shapes.NameModel(
        country=name.first("C"),
        organization=name.first("O"),
        organization_unit=name.first("OU"),
        dn_qualifier=name.first("dnQualifier"),
        state_name=name.first("ST"),
        common_name=name.first("CN"),
        serial_number=name.first("serialNumber"),
        locality=name.first("L"),
        title=name.first("title"),
        surname=name.first("SN"),
        given_name=name.first("GN"),
        initials=name.first("initials"),
        pseudonym=name.first("pseudonym"),
        generation_qualifier=name.first("generationQualifier"),
        email_address=name.first("E"),
        all_values={attribute: list(values) for attribute, values in name.values},
        dn_string=name.dn_string,
    )
