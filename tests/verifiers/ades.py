"""pyHanko as a judge of levels: EN 319 102-1 with revocation data demanded, nothing fetched, and in the future."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path


def pyhanko_says(file: Path, roots: Sequence[bytes], *, at: datetime | None = None) -> list[str]:
    """The indication of each signature: "PASSED", or it with the reason. `at` that future date, with no new data."""
    from asn1crypto.x509 import Certificate
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import ades
    from pyhanko.sign.validation.policy_decl import (
        CertificateFetchingRule,
        PdfSignatureValidationSpec,
        RevinfoOnlineFetchingRule,
        RevocationInfoGatheringSpec,
        SignatureValidationSpec,
    )
    from pyhanko_certvalidator.context import CertValidationPolicySpec
    from pyhanko_certvalidator.policy_decl import REQUIRE_REVINFO, CertRevTrustPolicy
    from pyhanko_certvalidator.registry import SimpleTrustManager

    trust = SimpleTrustManager.build(trust_roots=[Certificate.load(root) for root in roots])
    policy = CertValidationPolicySpec(trust, CertRevTrustPolicy(REQUIRE_REVINFO))
    gathering = RevocationInfoGatheringSpec(
        RevinfoOnlineFetchingRule.LOCAL_ONLY, certificate_fetching_rule=CertificateFetchingRule.NEVER_FETCH
    )
    wanted = PdfSignatureValidationSpec(
        SignatureValidationSpec(policy, revinfo_gathering_policy=gathering, ts_cert_validation_policy=policy)
    )

    async def judge() -> list[str]:
        with file.open("rb") as stream:
            reader = PdfFileReader(stream, strict=False)
            if reader.encrypted:
                reader.decrypt("")
            said = []
            for signature in reader.embedded_regular_signatures:
                if at is None:
                    result = await ades.ades_lta_validation(signature, wanted)
                else:
                    result = await ades.simulate_future_ades_lta_validation(signature, wanted, at)
                said.append(" ".join((result.ades_subindic.status.name, result.ades_subindic.standard_name)))
            return said

    # In a thread: Playwright keeps an event loop in the main one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(judge())).result()
