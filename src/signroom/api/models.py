"""Nouns to the wire's models."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from signroom.api import shapes
from signroom.domain.certificate import Certificate, Name
from signroom.domain.document import Document, StoredFile
from signroom.domain.errors import BadCertificate
from signroom.domain.signature import SignatureVerdict
from signroom.ports import Ports
from signroom.service.download_file import Version, location
from signroom.service.read_sessions import SessionWithDocuments


def session_model(ports: Ports, found: SessionWithDocuments) -> shapes.SessionModel:
    session = found.session
    signer = session.signer_certificate
    return shapes.SessionModel(
        id=session.id,
        status=session.status.value,
        processing_error_code=session.processing_error_code,
        callback_argument=session.callback_argument,
        signer_certificate=None if signer is None else certificate_model(ports.trust.read(signer)),
        documents=[document_summary(ports, d) for d in _listed(found)],
    )


def _listed(found: SessionWithDocuments) -> tuple[Document, ...]:
    """Uploads are the signer's until he has signed them; predefined ones always show."""
    return found.documents if found.session.predefined or found.session.signed else ()


def document_summary(ports: Ports, document: Document) -> shapes.DocumentSummary:
    return shapes.DocumentSummary(
        status=document.status.value,
        date_signed=seconds(document.signed_at) if document.signed is not None else None,
        id=document.id,
        key=None,
        formatted_key=None,
        original_file=_file(ports, document, document.original, Version.ORIGINAL),
        marked_file=None,
        signed_file=_signed_file(ports, document),
        signature_type=document.signature_type.value,
        available_until=None,
    )


def document_model(ports: Ports, document: Document) -> shapes.DocumentModel:
    return shapes.DocumentModel(
        signers=_signers(ports, document),
        metadata={},
        id=document.id,
        key=None,
        formatted_key=None,
        original_file=_file(ports, document, document.original, Version.ORIGINAL),
        marked_file=None,
        signed_file=_signed_file(ports, document),
        signature_type=document.signature_type.value,
        available_until=None,
    )


def certificate_model(c: Certificate) -> shapes.CertificateModel:
    return shapes.CertificateModel(
        subject_name=_name(c.subject),
        issuer_name=_name(c.issuer),
        issuer_display_name=_display(c.issuer),
        serial_number=str(c.serial_number),
        validity_start=c.not_before,
        validity_end=c.not_after,
        issuer=None,
        pki_brazil=_NO_PKI_BRAZIL,
        pki_italy=_NO_PKI_ITALY,
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
        "subject_identifier": c.subject.first("serialNumber"),
        "email_address": c.email_address,
        "organization": c.subject.first("O"),
        "organization_identifier": c.subject.first("organizationIdentifier"),
    }


def seconds(time: datetime | None) -> datetime | None:
    """Without fractions: .NET, Java and PHP clients disagree on how many digits they read."""
    return None if time is None else time.replace(microsecond=0)


def _signers(ports: Ports, document: Document) -> list[shapes.SignerSummary]:
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
    return shapes.SignerSummary(certificate=certificate_summary(certificate), date=date.replace(microsecond=0))


def _signed_file(ports: Ports, document: Document) -> shapes.DocumentFileModel | None:
    return None if document.signed is None else _file(ports, document, document.signed, Version.SIGNED)


def _file(ports: Ports, document: Document, file: StoredFile, version: Version) -> shapes.DocumentFileModel:
    address = location(ports, document, version)
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


# Objects of nulls, never null themselves; filled in with the national profiles.
_NO_PKI_BRAZIL = shapes.PkiBrazilModel(
    certificate_type="Unknown",
    cpf=None,
    cnpj=None,
    responsavel=None,
    date_of_birth=None,
    company_name=None,
    oab_uf=None,
    oab_numero=None,
    rg_emissor=None,
    rg_emissor_uf=None,
    rg_numero=None,
)
_NO_PKI_ITALY = shapes.PkiItalyModel(certificate_type="Undefined", codice_fiscale=None, id_carta=None)
