"""Verifiers of CMS signatures that are not ours: openssl, whose output is read and not its exit code, and pyHanko."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
from datetime import datetime
from pathlib import Path

from asn1crypto import cms
from asn1crypto.ocsp import OCSPResponse
from asn1crypto.x509 import Certificate
from pyhanko.sign.validation.ades import ades_with_time_validation
from pyhanko.sign.validation.policy_decl import (
    LocalKnowledge,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.policy_decl import CertRevTrustPolicy, RevocationCheckingPolicy
from pyhanko_certvalidator.registry import SimpleTrustManager
from pyhanko_certvalidator.revinfo.archival import CRLContainer, OCSPContainer

from tests.harness.tools import require_tools


def openssl_accepts(
    file: Path, root_pem: bytes | None, content: Path | None = None, *, cades: bool = True
) -> bytes | None:
    """The content as openssl read it, when every signature of `file` holds; else None. `content` is a detached one's.

    `cades` also asks for the attributes of CAdES (RFC 5126) and checks what they name. Without `root_pem` the
    certificates are not judged, nor what names them.
    """
    require_tools("openssl")
    root, output = file.with_suffix(".root.pem"), file.with_suffix(".content")
    output.unlink(missing_ok=True)
    cades = cades and root_pem is not None
    command = ["openssl", "cms", "-verify", "-binary", "-purpose", "any", "-inform", "DER", "-in", str(file)]
    command += ["-out", str(output)]
    if root_pem is None:
        command += ["-noverify"]
    else:
        root.write_bytes(root_pem)
        command += ["-CAfile", str(root)]
    command += ["-cades"] if cades else []
    command += ["-content", str(content)] if content is not None else []
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    if f"{'CAdES' if cades else 'CMS'} Verification successful" not in said:
        return None
    return output.read_bytes()


def require_accepted(file: Path, root_pem: bytes, content: bytes) -> None:
    """openssl accepts the attached signatures of `file`, and finds `content` inside."""
    assert openssl_accepts(file, root_pem) == content


def signed_by_openssl(content: Path, key: Path, certificate: Path, output: Path, *options: str) -> Path:
    """A CMS object of another program; ``-nodetach`` puts the content in, ``-stream`` makes it BER."""
    require_tools("openssl")
    command = ["openssl", "cms", "-sign", "-binary", "-in", str(content), "-signer", str(certificate)]
    command += ["-inkey", str(key), "-outform", "DER", "-out", str(output), *options]
    subprocess.run(command, capture_output=True, check=True)
    return output


def judged_by_pyhanko(file: Path, root: bytes, content: Path | None = None) -> tuple[str, datetime]:
    """The indication of a signature with time (EN 319 102-1, 5.5) by what is in `file` alone, and its best time.

    pyHanko takes objects with one signer, and knows no archive timestamps in them. It demands revocation data.
    """
    signed = cms.ContentInfo.load(file.read_bytes())["content"]
    lists = [CRLContainer(one.chosen) for one in signed["crls"] if one.name == "crl"]
    answers = [OCSPResponse.load(one.chosen["other_rev_info"].dump()) for one in signed["crls"] if one.name == "other"]
    trust = SimpleTrustManager.build([Certificate.load(root)])
    policy = CertRevTrustPolicy(RevocationCheckingPolicy.from_legacy("hard-fail"))
    spec = SignatureValidationSpec(
        cert_validation_policy=CertValidationPolicySpec(trust_manager=trust, revinfo_policy=policy),
        revinfo_gathering_policy=RevocationInfoGatheringSpec(online_fetching_rule=RevinfoOnlineFetchingRule.LOCAL_ONLY),
        local_knowledge=LocalKnowledge(
            known_crls=lists,
            known_ocsps=[container for answer in answers for container in OCSPContainer.load_multi(answer)],
            known_certs=[one.chosen for one in signed["certificates"]],
        ),
    )
    name = signed["signer_infos"][0]["digest_algorithm"]["algorithm"].native
    digest = None if content is None else hashlib.new(name, content.read_bytes()).digest()
    result = asyncio.run(ades_with_time_validation(signed, spec, raw_digest=digest))
    return str(result.ades_subindic), result.best_signature_time
