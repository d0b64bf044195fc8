"""XML signatures of other software: xmlsec1 computes digests and value, the template says what they are about."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from tests.harness.tools import require_tools
from tests.pki import authority

DS = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
INCLUSIVE_1_1 = "http://www.w3.org/2006/12/xml-c14n11"
ENVELOPED = f'<ds:Transform Algorithm="{DS}enveloped-signature"/>'
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
SHA1 = f"{DS}sha1"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
RSA_SHA1 = f"{DS}rsa-sha1"

TIME = "2024-02-29T23:59:59.1234567-03:00"


def signature(
    *,
    reference: str,
    canonicalization: str = f'<ds:CanonicalizationMethod Algorithm="{INCLUSIVE}"/>',
    method: str = RSA_SHA256,
    properties: str | None = None,
    objects: str = "",
    signer: str = "rsa2048",
) -> str:
    """A template: empty values, filled by `by_xmlsec1`. `properties` None: those of XAdES B-B, as many write them."""
    if properties is None:
        properties = qualifying(signer)
    own = transformed("#props", f'<ds:Transform Algorithm="{INCLUSIVE}"/>') if "SignedProperties" in properties else ""
    return (
        f'<ds:Signature xmlns:ds="{DS}" Id="sig"><ds:SignedInfo>{canonicalization}'
        f'<ds:SignatureMethod Algorithm="{method}"/>{reference}{own}</ds:SignedInfo><ds:SignatureValue/>'
        f"<ds:KeyInfo><ds:X509Data/></ds:KeyInfo>{objects}{properties}</ds:Signature>"
    )


def transformed(uri: str, transforms: str, digest: str = SHA256) -> str:
    inside = f"<ds:Transforms>{transforms}</ds:Transforms>" if transforms else ""
    return f'<ds:Reference URI="{uri}">{inside}<ds:DigestMethod Algorithm="{digest}"/><ds:DigestValue/></ds:Reference>'


def qualifying(signer: str, more: str = "") -> str:
    der = authority.leaf(signer).certificate_der
    digest = base64.b64encode(hashlib.sha256(der).digest()).decode()
    return (
        '<ds:Object><xades:QualifyingProperties xmlns:xades="http://uri.etsi.org/01903/v1.3.2#" Target="#sig">'
        '<xades:SignedProperties Id="props"><xades:SignedSignatureProperties>'
        f"<xades:SigningTime>{TIME}</xades:SigningTime><xades:SigningCertificate><xades:Cert><xades:CertDigest>"
        f'<ds:DigestMethod Algorithm="{SHA256}"/><ds:DigestValue>{digest}</ds:DigestValue></xades:CertDigest>'
        "<xades:IssuerSerial><ds:X509IssuerName>CN=Toy root</ds:X509IssuerName><ds:X509SerialNumber>1"
        f"</ds:X509SerialNumber></xades:IssuerSerial></xades:Cert></xades:SigningCertificate>{more}"
        "</xades:SignedSignatureProperties></xades:SignedProperties></xades:QualifyingProperties></ds:Object>"
    )


POLICY = (
    "<xades:SignaturePolicyIdentifier><xades:SignaturePolicyId><xades:SigPolicyId>"
    '<xades:Identifier Qualifier="OIDAsURN">urn:oid:2.16.76.1.7.1.6.2.3</xades:Identifier></xades:SigPolicyId>'
    f'<xades:SigPolicyHash><ds:DigestMethod Algorithm="{SHA256}"/><ds:DigestValue>AAEC</ds:DigestValue>'
    "</xades:SigPolicyHash><xades:SigPolicyQualifiers><xades:SigPolicyQualifier><xades:SPURI>"
    "http://politicas.example/PA.xml</xades:SPURI></xades:SigPolicyQualifier></xades:SigPolicyQualifiers>"
    "</xades:SignaturePolicyId></xades:SignaturePolicyIdentifier>"
)


def by_xmlsec1(folder: Path, template: str, signer: str = "rsa2048") -> Path:
    """The file with the template's values filled in."""
    require_tools("xmlsec1")
    leaf = authority.leaf(signer)
    pem = serialization.Encoding.PEM
    (folder / "key.pem").write_bytes(
        leaf.key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "leaf.pem").write_bytes(leaf.certificate.public_bytes(pem))
    (folder / "template.xml").write_text(template, encoding="utf-8")
    output = folder / "foreign.xml"
    names = ("http://uri.etsi.org/01903/v1.3.2#:SignedProperties", f"{DS}:Object", "urn:invoice:part")
    subprocess.run(
        ["xmlsec1", "--sign", "--privkey-pem", "key.pem,leaf.pem", "--output", str(output)]
        + [part for name in names for part in ("--id-attr:Id", name)]
        + ["template.xml"],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    return output
