"""Signatures without a page: inspect them, make them with a key of the application's own, log in with a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict, Unpack

from signroom_client import models, options
from signroom_client.calling import operation
from signroom_client.decoding import decode
from signroom_client.errors import SignatureNotPreparedError
from signroom_client.files import AnyFile
from signroom_client.requests import Id, cms_options, id_text
from signroom_client.service import Connected
from signroom_client.signing import certificate_der, signature_of
from signroom_client.uploads import Room, sent
from signroom_client.words import SignatureType

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa


class SignatureChoices(TypedDict, total=False):
    """What may be said of a signature; each is the service's choice where it is left out."""

    signature_type: SignatureType | None
    document_key: str | None
    security_context_id: Id | None
    pdf_signature_options: options.PdfSignatureOptions | None
    cms_signature_options: options.CmsSignatureOptions | None
    xml_signature_options: options.XmlSignatureOptions | None


class SignatureOperations(Connected):
    @operation
    async def inspect_signature(
        self,
        file: AnyFile,
        *,
        security_context_id: Id | None = None,
        validate: bool = True,
        data_file: AnyFile | None = None,
        data_hashes: Sequence[models.Digest] = (),
        ignore_revocation_status_unknown: bool = False,
        trust_uncertified_signing_time: bool = False,
        extract_encapsulated_content: bool = False,
    ) -> models.InspectedSignatures:
        """Who signed a file, when, and (with `validate`) whether it holds: see ``valid``. PDF, CMS or XML.

        Under the context `SecurityContexts.ANY` valid means that nothing was changed, not who signed: anybody can make
        a certificate in any name. Give `security_context_id` to have the issuers judged too.

        A detached CMS signature needs `data_file`, or the digests of it.

        Example:
            report = signroom.inspect_signature(Path("signed.pdf"), security_context_id=SecurityContexts.TEST)
            print(report.valid, [signer.date for signer in report.signers])
        """
        room = Room()
        body = {
            "file": await sent(self._service, file, room),
            "validate": validate,
            "securityContextId": id_text(security_context_id),
            "dataFile": None if data_file is None else await sent(self._service, data_file, room),
            "dataHashes": list(data_hashes) or None,
            "ignoreRevocationStatusUnknown": ignore_revocation_status_unknown,
            "trustUncertifiedSigningTime": trust_uncertified_signing_time,
            "extractEncapsulatedContent": extract_encapsulated_content,
        }
        return decode(models.InspectedSignatures, await self._service.put("api/signature-inspection", body))

    @operation
    async def sign_locally(
        self,
        file: AnyFile,
        certificate: x509.Certificate | bytes,
        private_key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
        **choices: Unpack[SignatureChoices],
    ) -> models.Document:
        """Sign a file with a key in this program's hands: no page, no user. The key stays here.

        `certificate` is an object of `cryptography`, DER or PEM. Needs ``signroom-client[sign]``. Raises
        `SignatureNotPreparedError` when the file or the certificate will not do. For a key elsewhere (PKCS #11, a
        cloud) use `prepare_signature` and `complete_signature`.

        Example:
            document = signroom.sign_locally(Path("contract.pdf"), certificate, private_key)
            signroom.download(document, "signed.pdf")
        """
        prepared = await self._prepare(file, certificate, **choices)
        if not prepared.success or prepared.state is None:
            failure = "SignatureNotPrepared" if prepared.failure is None else prepared.failure.value
            raise SignatureNotPreparedError(failure, prepared.validation_results, prepared.certificate)
        value = await self._service.wire.elsewhere(signature_of, prepared, private_key)
        return await self._complete(prepared.state, value)

    @operation
    async def prepare_signature(
        self, file: AnyFile, certificate: x509.Certificate | bytes, **choices: Unpack[SignatureChoices]
    ) -> models.PreparedSignature:
        """The bytes that a key has to sign; look at ``success`` first. Complete it within an hour.

        Example:
            prepared = signroom.prepare_signature(Path("contract.pdf"), certificate)
            if prepared.state is not None and prepared.to_sign is not None:
                value = sign_with_token(prepared.to_sign.data)
                document = signroom.complete_signature(prepared.state, value)
        """
        return await self._prepare(file, certificate, **choices)

    @operation
    async def complete_signature(self, state: str, signature: bytes) -> models.Document:
        """The signed document. ECDSA values may be DER or r||s. The same values again: the same document.

        Example:
            document = signroom.complete_signature(state, value)
        """
        return await self._complete(state, signature)

    @operation
    async def prepare_authentication(
        self, *, security_context_id: Id | None = None, ignore_revocation_status_unknown: bool | None = None
    ) -> models.AuthenticationChallenge:
        """A challenge for the user's key, for 10 minutes.

        Example:
            challenge = signroom.prepare_authentication(security_context_id=SecurityContexts.TEST)
            print(challenge.to_sign_hash.algorithm)
        """
        body = {
            "securityContextId": id_text(security_context_id),
            "ignoreRevocationStatusUnknown": ignore_revocation_status_unknown,
        }
        answer = await self._service.post("api/v2/authentication", body, repeatable=True)
        return decode(models.AuthenticationChallenge, answer)

    @operation
    async def complete_authentication(
        self, state: str, certificate: x509.Certificate | bytes, signature: bytes
    ) -> models.AuthenticationResult:
        """Whether the user is who `certificate` says: look at ``success``. A challenge works once.

        Example:
            result = signroom.complete_authentication(state, certificate, value)
            if result.success and result.certificate is not None:
                print(result.certificate.subject_display_name)
        """
        body = {"state": state, "certificate": certificate_der(certificate), "signature": signature}
        # Not sent again where the first one may have arrived: the second would be taken for a replay.
        answer = await self._service.post("api/v2/authentication/completion", body)
        return decode(models.AuthenticationResult, answer)

    async def _prepare(
        self, file: AnyFile, certificate: x509.Certificate | bytes, **choices: Unpack[SignatureChoices]
    ) -> models.PreparedSignature:
        room = Room()
        body = {
            "file": await sent(self._service, file, room),
            "certificate": {"content": certificate_der(certificate)},
            "securityContextId": id_text(choices.get("security_context_id")),
            "signatureType": choices.get("signature_type"),
            "documentKey": choices.get("document_key"),
            "pdfSignatureOptions": choices.get("pdf_signature_options"),
            "cmsSignatureOptions": await cms_options(self._service, choices.get("cms_signature_options"), room),
            "xmlSignatureOptions": choices.get("xml_signature_options"),
        }
        # A preparation that nobody completes comes to nothing: one too many does no harm.
        answer = await self._service.post("api/signature", body, repeatable=True)
        return decode(models.PreparedSignature, answer)

    async def _complete(self, state: str, signature: bytes) -> models.Document:
        body = {"state": state, "signature": signature}
        return decode(models.Document, await self._service.post_once("api/signature/completion", body))
