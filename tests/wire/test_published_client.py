"""The publisher's own Python client, as it is on the package index, against our server: only endpoint and key change.

Its requests are the odd ones that the contract mentions (``Bearer`` in ``X-Api-Key``, ``application/json-patch+json``,
``Accept: text/plain`` first), and its models refuse enum members and types that they do not know. Its public upload
functions always raise (their type check can never hold), and its multipart upload never sends a byte: uploads go
through the functions below them.
"""

from __future__ import annotations

import sys
import warnings
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding

from tests.api.requests import TEST_CONTEXT, demo_signer
from tests.harness.server import Server, base64
from tests.vectors import hard_pdfs
from tests.verifiers import programs as verifiers
from tests.wire.conftest import new_key

if find_spec("six") is None:
    # The client imports one name of `six`, yet does not ask for it: older releases of python-dateutil brought it along.
    six = ModuleType("six")
    six.BytesIO = BytesIO  # type: ignore[attr-defined]
    sys.modules["six"] = six

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its models have fields that shadow those of its base class
    models: Any = import_module("restpki_ng_python_client.models")
    exceptions: Any = import_module("restpki_ng_python_client.exceptions")
    library: Any = import_module("restpki_ng_python_client.restpki_ng_client")

PDF = hard_pdfs.make("plain")


@pytest.fixture(scope="module")
def client(sqlite_server: Server) -> Iterator[Any]:
    with client_with(sqlite_server, sqlite_server.api_key) as found:
        yield found


@contextmanager
def client_with(server: Server, api_key: str) -> Iterator[Any]:
    """A client that is closed afterwards: it cannot do so itself."""
    found = library.RestPkiClient(server.url, api_key)
    yield found
    found._apiClient.rest_client.pool_manager.clear()  # noqa: SLF001


def by_content(**fields: Any) -> Any:
    file = models.FileReferenceModel(name="contract.pdf", content=base64(PDF), mime_type="application/pdf")
    return models.SignatureSessionDocumentData(file=file, **fields)


def opened(client: Any, **fields: Any) -> Any:
    return client.create_signature_session(models.CreateSignatureSessionRequest(**fields))


def signed_session(client: Any, server: Server, **fields: Any) -> Any:
    """A session that the demo's PFX (RSA: the client knows nothing else) has signed."""
    session = opened(client, **fields)
    key, certificate = demo_signer(server)
    issuer = x509.load_pem_x509_certificate(server.ca_certificate.read_bytes()).public_bytes(Encoding.DER)
    server.page(session.redirect_url).sign(key, [base64(certificate), base64(issuer)])
    while not client.wait_for_completion_signature_session_by_id(session.session_id).completed:
        pass
    return client.retrieve_signature_session_details_by_id(session.session_id)


def prepared(client: Any, server: Server, **fields: Any) -> Any:
    _, certificate = demo_signer(server)
    request = models.PrepareSignatureRequest(
        file=models.FileReferenceModel(name="contract.pdf", content=base64(PDF), mime_type="application/pdf"),
        certificate=models.CertificateReferenceModel(content=base64(certificate)),
        **fields,
    )
    return client.start_signature(request)


def hash_signed(server: Server, digest: str) -> str:
    key, _ = demo_signer(server)
    assert isinstance(key, rsa.RSAPrivateKey)
    return base64(key.sign(b64decode(digest), padding.PKCS1v15(), Prehashed(hashes.SHA256())))


def completed(client: Any, server: Server, **fields: Any) -> Any:
    preparation = prepared(client, server, **fields)
    signature = hash_signed(server, preparation.to_sign_hash.value)
    return client.complete_signature(models.CompleteSignatureRequestV2(state=preparation.state, signature=signature))


def test_a_session_with_documents_by_content_is_signed_and_read(
    client: Any, sqlite_server: Server, tmp_path: Path
) -> None:
    session = signed_session(
        client,
        sqlite_server,
        return_url="https://app.example/back?x=1",
        callback_argument="order 42",
        enable_background_processing=True,
        disable_downloads=False,
        document_metadata={"Order": ["42"]},
        documents=[by_content(metadata={"Year": ["2026"]}, signature_type=models.SignatureTypes.PDF)],
    )

    (document,) = session.documents
    assert session.status is models.SignatureSessionStatus.COMPLETED
    assert session.callback_argument == "order 42"
    assert session.signer_certificate.subject_common_name == "Test signer (DEMO)"
    assert session.signer_certificate.serial_number.isdecimal()
    assert session.signer_certificate.pki_brazil.certificate_type is models.PkiBrazilCertificateTypes.UNKNOWN
    assert document.status is models.DocumentStatus.COMPLETED
    assert isinstance(document.date_signed, datetime)
    assert document.date_signed.tzinfo == UTC
    assert document.signature_type is models.SignatureTypes.PDF
    fetched = client.get_file_from_url(document.signed_file.location)
    assert fetched.status == 200, "its own headers do no harm"
    target = tmp_path / "signed.pdf"
    target.write_bytes(fetched.read())
    assert target.stat().st_size == document.signed_file.length
    assert verifiers.pyhanko(target, [])[0].intact


def test_a_session_with_an_upload(client: Any, sqlite_server: Server) -> None:
    with pytest.raises(TypeError):  # the client's fault: see above
        client.upload_file_plain("contract.pdf", BytesIO(PDF))
    uploaded = client._perform_plain_uploads("contract.pdf", BytesIO(PDF))  # noqa: SLF001
    document = models.SignatureSessionDocumentData(file=models.FileReferenceModel(blob_token=uploaded.blob_token))

    session = client.retrieve_signature_session_details_by_id(opened(client, documents=[document]).session_id)

    assert (uploaded.name, uploaded.length, uploaded.mime_type) == ("contract.pdf", len(PDF), "application/pdf")
    assert session.status is models.SignatureSessionStatus.PENDING
    assert session.documents[0].status is models.DocumentStatus.PENDINGSIGNATURE
    assert session.documents[0].original_file.name == "contract.pdf"
    whole = models.SignatureSessionDocumentData(file=uploaded)
    assert opened(client, documents=[whole]).session_id, "the whole reference goes back as it came"


def test_an_upload_in_parts_is_begun(client: Any) -> None:
    begun = client._perform_multipart_uploads()  # noqa: SLF001

    assert begun.blob_token
    assert begun.part_size >= 1 << 20


def test_a_session_for_uploads(client: Any) -> None:
    session = client.retrieve_signature_session_details_by_id(opened(client).session_id)

    assert session.status is models.SignatureSessionStatus.PENDING
    assert session.documents == []
    assert session.signer_certificate is None


def test_a_document_and_its_signers_are_read(client: Any, sqlite_server: Server) -> None:
    metadata = {"Order": ["42"], "Year": ["2025", "2026"]}
    session = signed_session(client, sqlite_server, documents=[by_content(metadata=metadata)])

    document = client.retrieve_document_by_id(session.documents[0].id)
    (signer,) = client.retrieve_signers_info_in_document_by_id(document.id)

    assert document.metadata == metadata
    assert document.signers[0].certificate.subject_common_name == "Test signer (DEMO)"
    assert signer.certificate.issuer.subject_common_name == "Signroom demo CA"
    assert isinstance(signer.var_date, datetime)


def test_document_keys(client: Any, sqlite_server: Server) -> None:
    value = uuid4().hex
    request = models.AllocateDocumentKeyRequest(provisional_metadata={"Order": [value]})
    key = client.allocate_document_key(request)
    batch = client.allocate_batch_document_keys(models.AllocateDocumentKeyBatchRequest(count=3))

    assert len({one.key for one in batch}) == 3
    assert [one.key for one in client.query_unused_document_keys("order", value)] == [key.key]
    unused = client.query_documents_by_key(key.formatted_key)
    assert (unused.found, unused.has_document, unused.provisional_metadata) == (True, False, {"Order": [value]})
    assert client.retrieve_document_details_by_key(key.key).found is False

    document = completed(client, sqlite_server, document_key=key.key)

    assert document.formatted_key == key.formatted_key
    assert client.query_documents_by_key(key.key).document.id == document.id
    assert client.retrieve_document_details_by_key(key.formatted_key).document.id == document.id
    assert client.query_unused_document_keys("order", value) == []
    assert client.query_documents_by_key("2345234523452345").found is False


def test_a_document_key_without_a_body(client: Any) -> None:
    assert client.allocate_document_key(None).key


def test_a_signature_of_the_applications_own(client: Any, sqlite_server: Server, tmp_path: Path) -> None:
    preparation = prepared(client, sqlite_server, security_context_id=TEST_CONTEXT)
    assert preparation.success
    assert preparation.failure is None
    assert preparation.to_sign_hash.algorithm is models.DigestAlgorithms.SHA256
    assert preparation.validation_results.errors == []
    signature = hash_signed(sqlite_server, preparation.to_sign_hash.value)

    document = client.complete_signature(
        models.CompleteSignatureRequestV2(state=preparation.state, signature=signature)
    )

    target = tmp_path / "signed.pdf"
    target.write_bytes(client.get_file_from_url(document.signed_file.url).read())
    assert verifiers.pyhanko(target, [])[0].intact


def test_a_signed_file_is_inspected(client: Any, sqlite_server: Server) -> None:
    location = completed(client, sqlite_server).signed_file.location
    file = models.FileReferenceModel(url=location)

    plain = client.inspect_signed_file(models.InspectSignatureRequest(file=file))
    judged = client.inspect_signed_file(
        models.InspectSignatureRequest(file=file, validate=True, security_context_id=TEST_CONTEXT)
    )

    assert plain.success
    (signer,) = judged.signers
    assert signer.validation_results.errors == []
    assert signer.signature.algorithm_identifier.algorithm is models.SignatureAlgorithms.SHA256WITHRSA
    assert signer.message_digest.algorithm is models.DigestAlgorithms.SHA256
    assert signer.certificate.issuer.subject_common_name == "Signroom demo CA"


def test_a_certificate_logs_in(client: Any, sqlite_server: Server) -> None:
    _, certificate = demo_signer(sqlite_server)
    begun = client.start_authentication_v2(models.PrepareAuthenticationRequest(security_context_id=TEST_CONTEXT))
    request = models.CompleteAuthenticationRequest(
        state=begun.state,
        certificate=base64(certificate),
        signature=hash_signed(sqlite_server, begun.to_sign_hash.value),
    )

    first, replay = client.complete_authentication_v2(request), client.complete_authentication_v2(request)

    assert first.success
    assert first.certificate.subject_common_name == "Test signer (DEMO)"
    assert not replay.success
    assert replay.failure is models.AuthenticationFailures.STALESESSION


def test_refusals_arrive_as_the_clients_exceptions(client: Any, sqlite_server: Server) -> None:
    with client_with(sqlite_server, "app|wrong") as nobody, pytest.raises(exceptions.UnauthorizedException):
        opened(nobody)
    monitor = new_key(sqlite_server, role="Monitor")
    with client_with(sqlite_server, monitor) as reader, pytest.raises(exceptions.ForbiddenException):
        opened(reader)
    with pytest.raises(exceptions.BadRequestException):
        opened(client, return_url="/relative")
    with pytest.raises(exceptions.ApiException) as caught:
        client.retrieve_document_by_id(str(uuid4()))

    assert caught.value.status == 422
    error = models.ErrorModelV2.from_json(caught.value.body)
    assert error.code == "DocumentNotFound"
    assert error.message


def test_an_ec_signature_is_read(client: Any, sqlite_server: Server) -> None:
    """Its enum has no word for ECDSA: an unknown one would make it refuse the whole answer."""
    session = opened(client, documents=[by_content()])
    page = sqlite_server.page(session.redirect_url)
    page.sign(*page.demo_key())  # of a curve
    while not client.wait_for_completion_signature_session_by_id(session.session_id).completed:
        pass
    (document,) = client.retrieve_signature_session_details_by_id(session.session_id).documents

    (signer,) = client.retrieve_signers_info_in_document_by_id(document.id)
    file = models.FileReferenceModel(url=document.signed_file.location)
    (inspected,) = client.inspect_signed_file(models.InspectSignatureRequest(file=file)).signers

    for found in (signer, inspected):
        assert found.signature.algorithm_identifier.algorithm is None
        assert found.signature.value
        assert found.message_digest.algorithm is models.DigestAlgorithms.SHA256


def test_every_answer_about_an_ec_key_is_read(client: Any, sqlite_server: Server) -> None:
    """The application's own signature, the document, its key, log-in and inspection, with a certificate of a curve."""
    key, chain = sqlite_server.page(opened(client).redirect_url).demo_key()
    assert isinstance(key, ec.EllipticCurvePrivateKey)

    def signed(digest: str) -> str:
        return base64(key.sign(b64decode(digest), ec.ECDSA(Prehashed(hashes.SHA256()))))

    preparation = client.start_signature(
        models.PrepareSignatureRequest(
            file=models.FileReferenceModel(name="contract.pdf", content=base64(PDF)),
            certificate=models.CertificateReferenceModel(content=chain[0]),
            security_context_id=TEST_CONTEXT,
        )
    )
    request = models.CompleteSignatureRequestV2(
        state=preparation.state, signature=signed(preparation.to_sign_hash.value)
    )
    document = client.complete_signature(request)
    begun = client.start_authentication_v2(models.PrepareAuthenticationRequest(security_context_id=TEST_CONTEXT))
    login = client.complete_authentication_v2(
        models.CompleteAuthenticationRequest(
            state=begun.state, certificate=chain[0], signature=signed(begun.to_sign_hash.value)
        )
    )

    assert preparation.validation_results.errors == []
    assert document.signers[0].certificate.subject_common_name == "Ana (DEMO)"
    assert client.query_documents_by_key(document.key).document.id == document.id
    assert login.success, login
    assert login.certificate.subject_common_name == "Ana (DEMO)"
    (signer,) = client.retrieve_signers_info_in_document_by_id(document.id)
    assert signer.signature.algorithm_identifier.algorithm is None
    inspection = client.inspect_signed_file(
        models.InspectSignatureRequest(
            file=models.FileReferenceModel(url=document.signed_file.url),
            validate=True,
            security_context_id=TEST_CONTEXT,
        )
    )
    assert inspection.signers[0].validation_results.errors == []
    assert inspection.document.id == document.id
