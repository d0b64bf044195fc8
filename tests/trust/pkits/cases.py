"""The cases of PKITS 1.0.1, each by the name of its end entity's certificate, and what is right for it.

PKITS (Public Key Interoperability Test Suite, NIST) numbers its cases 4.1.1 to 4.16.2. The files of each case are in
the package cryptography-vectors. A case with several settings stands in several rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from signroom.trust.rules import PolicyInputs

VALID, INVALID = True, False
DEFAULT = PolicyInputs()


@dataclass(frozen=True, slots=True)
class Case:
    """``certificate`` is the file of the end entity's certificate, without ``.crt``."""

    number: str
    certificate: str
    valid: bool
    inputs: PolicyInputs = DEFAULT

    @property
    def name(self) -> str:
        return f"{self.number}-{self.certificate}"


def _policy(*numbers: int) -> frozenset[str]:
    return frozenset(f"2.16.840.1.101.3.2.1.48.{number}" for number in numbers)


def _accepts(*numbers: int) -> PolicyInputs:
    return PolicyInputs(accepted=_policy(*numbers), explicit=True)


_EXPLICIT = PolicyInputs(explicit=True)


def _section(section: str, *names: str) -> list[Case]:
    """Cases with the default settings: what is right is the first word of the name."""
    cases = []
    for number, name in enumerate(names, 1):
        assert name.startswith(("Valid", "Invalid"))
        cases.append(Case(f"{section}.{number}", name, name.startswith("Valid")))
    return cases


SIGNATURES = _section(
    "4.1",
    "ValidCertificatePathTest1EE",
    "InvalidCASignatureTest2EE",
    "InvalidEESignatureTest3EE",
    "ValidDSASignaturesTest4EE",
    "ValidDSAParameterInheritanceTest5EE",
    "InvalidDSASignatureTest6EE",
)
VALIDITY = _section(
    "4.2",
    "InvalidCAnotBeforeDateTest1EE",
    "InvalidEEnotBeforeDateTest2EE",
    "Validpre2000UTCnotBeforeDateTest3EE",
    "ValidGeneralizedTimenotBeforeDateTest4EE",
    "InvalidCAnotAfterDateTest5EE",
    "InvalidEEnotAfterDateTest6EE",
    "Invalidpre2000UTCEEnotAfterDateTest7EE",
    "ValidGeneralizedTimenotAfterDateTest8EE",
)
NAME_CHAINING = _section(
    "4.3",
    "InvalidNameChainingTest1EE",
    "InvalidNameChainingOrderTest2EE",
    "ValidNameChainingWhitespaceTest3EE",
    "ValidNameChainingWhitespaceTest4EE",
    "ValidNameChainingCapitalizationTest5EE",
    "ValidNameUIDsTest6EE",
    "ValidRFC3280MandatoryAttributeTypesTest7EE",
    "ValidRFC3280OptionalAttributeTypesTest8EE",
    "ValidUTF8StringEncodedNamesTest9EE",
    "ValidRolloverfromPrintableStringtoUTF8StringTest10EE",
    "ValidUTF8StringCaseInsensitiveMatchTest11EE",
)
REVOCATION = _section(
    "4.4",
    "InvalidMissingCRLTest1EE",
    "InvalidRevokedCATest2EE",
    "InvalidRevokedEETest3EE",
    "InvalidBadCRLSignatureTest4EE",
    "InvalidBadCRLIssuerNameTest5EE",
    "InvalidWrongCRLTest6EE",
    "ValidTwoCRLsTest7EE",
    "InvalidUnknownCRLEntryExtensionTest8EE",
    "InvalidUnknownCRLExtensionTest9EE",
    "InvalidUnknownCRLExtensionTest10EE",
    "InvalidOldCRLnextUpdateTest11EE",
    "Invalidpre2000CRLnextUpdateTest12EE",
    "ValidGeneralizedTimeCRLnextUpdateTest13EE",
    "ValidNegativeSerialNumberTest14EE",
    "InvalidNegativeSerialNumberTest15EE",
    "ValidLongSerialNumberTest16EE",
    "ValidLongSerialNumberTest17EE",
    "InvalidLongSerialNumberTest18EE",
    "ValidSeparateCertificateandCRLKeysTest19EE",
    "InvalidSeparateCertificateandCRLKeysTest20EE",
    "InvalidSeparateCertificateandCRLKeysTest21EE",
)
SELF_ISSUED = _section(
    "4.5",
    "ValidBasicSelfIssuedOldWithNewTest1EE",
    "InvalidBasicSelfIssuedOldWithNewTest2EE",
    "ValidBasicSelfIssuedNewWithOldTest3EE",
    "ValidBasicSelfIssuedNewWithOldTest4EE",
    "InvalidBasicSelfIssuedNewWithOldTest5EE",
    "ValidBasicSelfIssuedCRLSigningKeyTest6EE",
    "InvalidBasicSelfIssuedCRLSigningKeyTest7EE",
    "InvalidBasicSelfIssuedCRLSigningKeyTest8EE",
)
BASIC_CONSTRAINTS = _section(
    "4.6",
    "InvalidMissingbasicConstraintsTest1EE",
    "InvalidcAFalseTest2EE",
    "InvalidcAFalseTest3EE",
    "ValidbasicConstraintsNotCriticalTest4EE",
    "InvalidpathLenConstraintTest5EE",
    "InvalidpathLenConstraintTest6EE",
    "ValidpathLenConstraintTest7EE",
    "ValidpathLenConstraintTest8EE",
    "InvalidpathLenConstraintTest9EE",
    "InvalidpathLenConstraintTest10EE",
    "InvalidpathLenConstraintTest11EE",
    "InvalidpathLenConstraintTest12EE",
    "ValidpathLenConstraintTest13EE",
    "ValidpathLenConstraintTest14EE",
    "ValidSelfIssuedpathLenConstraintTest15EE",
    "InvalidSelfIssuedpathLenConstraintTest16EE",
    "ValidSelfIssuedpathLenConstraintTest17EE",
)
KEY_USAGE = _section(
    "4.7",
    "InvalidkeyUsageCriticalkeyCertSignFalseTest1EE",
    "InvalidkeyUsageNotCriticalkeyCertSignFalseTest2EE",
    "ValidkeyUsageNotCriticalTest3EE",
    "InvalidkeyUsageCriticalcRLSignFalseTest4EE",
    "InvalidkeyUsageNotCriticalcRLSignFalseTest5EE",
)
POLICIES = [
    Case("4.8.1.1", "ValidCertificatePathTest1EE", VALID, _EXPLICIT),
    Case("4.8.1.2", "ValidCertificatePathTest1EE", VALID, _accepts(1)),
    Case("4.8.1.3", "ValidCertificatePathTest1EE", INVALID, _accepts(2)),
    Case("4.8.1.4", "ValidCertificatePathTest1EE", VALID, _accepts(1, 2)),
    Case("4.8.2.1", "AllCertificatesNoPoliciesTest2EE", VALID),
    Case("4.8.2.2", "AllCertificatesNoPoliciesTest2EE", INVALID, _EXPLICIT),
    Case("4.8.3.1", "DifferentPoliciesTest3EE", VALID),
    Case("4.8.3.2", "DifferentPoliciesTest3EE", INVALID, _EXPLICIT),
    Case("4.8.3.3", "DifferentPoliciesTest3EE", INVALID, _accepts(1, 2)),
    Case("4.8.4", "DifferentPoliciesTest4EE", INVALID),
    Case("4.8.5", "DifferentPoliciesTest5EE", INVALID),
    Case("4.8.6.1", "OverlappingPoliciesTest6EE", VALID),
    Case("4.8.6.2", "OverlappingPoliciesTest6EE", VALID, _accepts(1)),
    Case("4.8.6.3", "OverlappingPoliciesTest6EE", INVALID, _accepts(2)),
    Case("4.8.7", "DifferentPoliciesTest7EE", INVALID),
    Case("4.8.8", "DifferentPoliciesTest8EE", INVALID),
    Case("4.8.9", "DifferentPoliciesTest9EE", INVALID),
    Case("4.8.10.1", "AllCertificatesSamePoliciesTest10EE", VALID),
    Case("4.8.10.2", "AllCertificatesSamePoliciesTest10EE", VALID, _accepts(1)),
    Case("4.8.10.3", "AllCertificatesSamePoliciesTest10EE", VALID, _accepts(2)),
    Case("4.8.11.1", "AllCertificatesanyPolicyTest11EE", VALID),
    Case("4.8.11.2", "AllCertificatesanyPolicyTest11EE", VALID, _accepts(1)),
    Case("4.8.12", "DifferentPoliciesTest12EE", INVALID),
    Case("4.8.13.1", "AllCertificatesSamePoliciesTest13EE", VALID, _accepts(1)),
    Case("4.8.13.2", "AllCertificatesSamePoliciesTest13EE", VALID, _accepts(2)),
    Case("4.8.13.3", "AllCertificatesSamePoliciesTest13EE", VALID, _accepts(3)),
    Case("4.8.14.1", "AnyPolicyTest14EE", VALID, _accepts(1)),
    Case("4.8.14.2", "AnyPolicyTest14EE", INVALID, _accepts(2)),
    Case("4.8.15", "UserNoticeQualifierTest15EE", VALID, _accepts(1)),
    Case("4.8.16", "UserNoticeQualifierTest16EE", VALID, _accepts(1)),
    Case("4.8.17", "UserNoticeQualifierTest17EE", VALID),
    Case("4.8.18.1", "UserNoticeQualifierTest18EE", VALID, _accepts(1)),
    Case("4.8.18.2", "UserNoticeQualifierTest18EE", VALID, _accepts(2)),
    Case("4.8.19", "UserNoticeQualifierTest19EE", VALID),
    Case("4.8.20", "CPSPointerQualifierTest20EE", VALID, _accepts(1)),
]
EXPLICIT_POLICY = _section(
    "4.9",
    "ValidrequireExplicitPolicyTest1EE",
    "ValidrequireExplicitPolicyTest2EE",
    "InvalidrequireExplicitPolicyTest3EE",
    "ValidrequireExplicitPolicyTest4EE",
    "InvalidrequireExplicitPolicyTest5EE",
    "ValidSelfIssuedrequireExplicitPolicyTest6EE",
    "InvalidSelfIssuedrequireExplicitPolicyTest7EE",
    "InvalidSelfIssuedrequireExplicitPolicyTest8EE",
)
MAPPINGS = [
    Case("4.10.1.1", "ValidPolicyMappingTest1EE", VALID, _accepts(1)),
    Case("4.10.1.2", "ValidPolicyMappingTest1EE", INVALID, _accepts(2)),
    Case("4.10.1.3", "ValidPolicyMappingTest1EE", INVALID, PolicyInputs(inhibit_mapping=True)),
    Case("4.10.2.1", "InvalidPolicyMappingTest2EE", INVALID),
    Case("4.10.2.2", "InvalidPolicyMappingTest2EE", INVALID, PolicyInputs(inhibit_mapping=True)),
    Case("4.10.3.1", "ValidPolicyMappingTest3EE", INVALID, _accepts(1)),
    Case("4.10.3.2", "ValidPolicyMappingTest3EE", VALID, _accepts(2)),
    Case("4.10.4", "InvalidPolicyMappingTest4EE", INVALID),
    Case("4.10.5.1", "ValidPolicyMappingTest5EE", VALID, _accepts(1)),
    Case("4.10.5.2", "ValidPolicyMappingTest5EE", INVALID, _accepts(6)),
    Case("4.10.6.1", "ValidPolicyMappingTest6EE", VALID, _accepts(1)),
    Case("4.10.6.2", "ValidPolicyMappingTest6EE", INVALID, _accepts(6)),
    Case("4.10.7", "InvalidMappingFromanyPolicyTest7EE", INVALID),
    Case("4.10.8", "InvalidMappingToanyPolicyTest8EE", INVALID),
    Case("4.10.9", "ValidPolicyMappingTest9EE", VALID),
    Case("4.10.10", "InvalidPolicyMappingTest10EE", INVALID),
    Case("4.10.11", "ValidPolicyMappingTest11EE", VALID),
    Case("4.10.12.1", "ValidPolicyMappingTest12EE", VALID, _accepts(1)),
    Case("4.10.12.2", "ValidPolicyMappingTest12EE", VALID, _accepts(2)),
    Case("4.10.13", "ValidPolicyMappingTest13EE", VALID),
    Case("4.10.14", "ValidPolicyMappingTest14EE", VALID),
]
INHIBIT_MAPPING = _section(
    "4.11",
    "InvalidinhibitPolicyMappingTest1EE",
    "ValidinhibitPolicyMappingTest2EE",
    "InvalidinhibitPolicyMappingTest3EE",
    "ValidinhibitPolicyMappingTest4EE",
    "InvalidinhibitPolicyMappingTest5EE",
    "InvalidinhibitPolicyMappingTest6EE",
    "ValidSelfIssuedinhibitPolicyMappingTest7EE",
    "InvalidSelfIssuedinhibitPolicyMappingTest8EE",
    "InvalidSelfIssuedinhibitPolicyMappingTest9EE",
    "InvalidSelfIssuedinhibitPolicyMappingTest10EE",
    "InvalidSelfIssuedinhibitPolicyMappingTest11EE",
)
INHIBIT_ANY = [
    Case("4.12.1", "InvalidinhibitAnyPolicyTest1EE", INVALID),
    Case("4.12.2", "ValidinhibitAnyPolicyTest2EE", VALID),
    Case("4.12.3.1", "inhibitAnyPolicyTest3EE", VALID),
    Case("4.12.3.2", "inhibitAnyPolicyTest3EE", INVALID, PolicyInputs(inhibit_any=True)),
    Case("4.12.4", "InvalidinhibitAnyPolicyTest4EE", INVALID),
    Case("4.12.5", "InvalidinhibitAnyPolicyTest5EE", INVALID),
    Case("4.12.6", "InvalidinhibitAnyPolicyTest6EE", INVALID),
    Case("4.12.7", "ValidSelfIssuedinhibitAnyPolicyTest7EE", VALID),
    Case("4.12.8", "InvalidSelfIssuedinhibitAnyPolicyTest8EE", INVALID),
    Case("4.12.9", "ValidSelfIssuedinhibitAnyPolicyTest9EE", VALID),
    Case("4.12.10", "InvalidSelfIssuedinhibitAnyPolicyTest10EE", INVALID),
]
NAME_CONSTRAINTS = _section(
    "4.13",
    "ValidDNnameConstraintsTest1EE",
    "InvalidDNnameConstraintsTest2EE",
    "InvalidDNnameConstraintsTest3EE",
    "ValidDNnameConstraintsTest4EE",
    "ValidDNnameConstraintsTest5EE",
    "ValidDNnameConstraintsTest6EE",
    "InvalidDNnameConstraintsTest7EE",
    "InvalidDNnameConstraintsTest8EE",
    "InvalidDNnameConstraintsTest9EE",
    "InvalidDNnameConstraintsTest10EE",
    "ValidDNnameConstraintsTest11EE",
    "InvalidDNnameConstraintsTest12EE",
    "InvalidDNnameConstraintsTest13EE",
    "ValidDNnameConstraintsTest14EE",
    "InvalidDNnameConstraintsTest15EE",
    "InvalidDNnameConstraintsTest16EE",
    "InvalidDNnameConstraintsTest17EE",
    "ValidDNnameConstraintsTest18EE",
    "ValidDNnameConstraintsTest19EE",
    "InvalidDNnameConstraintsTest20EE",
    "ValidRFC822nameConstraintsTest21EE",
    "InvalidRFC822nameConstraintsTest22EE",
    "ValidRFC822nameConstraintsTest23EE",
    "InvalidRFC822nameConstraintsTest24EE",
    "ValidRFC822nameConstraintsTest25EE",
    "InvalidRFC822nameConstraintsTest26EE",
    "ValidDNandRFC822nameConstraintsTest27EE",
    "InvalidDNandRFC822nameConstraintsTest28EE",
    "InvalidDNandRFC822nameConstraintsTest29EE",
    "ValidDNSnameConstraintsTest30EE",
    "InvalidDNSnameConstraintsTest31EE",
    "ValidDNSnameConstraintsTest32EE",
    "InvalidDNSnameConstraintsTest33EE",
    "ValidURInameConstraintsTest34EE",
    "InvalidURInameConstraintsTest35EE",
    "ValidURInameConstraintsTest36EE",
    "InvalidURInameConstraintsTest37EE",
    "InvalidDNSnameConstraintsTest38EE",
)
DISTRIBUTION_POINTS = _section(
    "4.14",
    "ValiddistributionPointTest1EE",
    "InvaliddistributionPointTest2EE",
    "InvaliddistributionPointTest3EE",
    "ValiddistributionPointTest4EE",
    "ValiddistributionPointTest5EE",
    "InvaliddistributionPointTest6EE",
    "ValiddistributionPointTest7EE",
    "InvaliddistributionPointTest8EE",
    "InvaliddistributionPointTest9EE",
    "ValidNoissuingDistributionPointTest10EE",
    "InvalidonlyContainsUserCertsTest11EE",
    "InvalidonlyContainsCACertsTest12EE",
    "ValidonlyContainsCACertsTest13EE",
    "InvalidonlyContainsAttributeCertsTest14EE",
    "InvalidonlySomeReasonsTest15EE",
    "InvalidonlySomeReasonsTest16EE",
    "InvalidonlySomeReasonsTest17EE",
    "ValidonlySomeReasonsTest18EE",
    "ValidonlySomeReasonsTest19EE",
    "InvalidonlySomeReasonsTest20EE",
    "InvalidonlySomeReasonsTest21EE",
    "ValidIDPwithindirectCRLTest22EE",
    "InvalidIDPwithindirectCRLTest23EE",
    "ValidIDPwithindirectCRLTest24EE",
    "ValidIDPwithindirectCRLTest25EE",
    "InvalidIDPwithindirectCRLTest26EE",
    "InvalidcRLIssuerTest27EE",
    "ValidcRLIssuerTest28EE",
    "ValidcRLIssuerTest29EE",
    "ValidcRLIssuerTest30EE",
    "InvalidcRLIssuerTest31EE",
    "InvalidcRLIssuerTest32EE",
    "ValidcRLIssuerTest33EE",
    "InvalidcRLIssuerTest34EE",
    "InvalidcRLIssuerTest35EE",
)
DELTA = _section(
    "4.15",
    "InvaliddeltaCRLIndicatorNoBaseTest1EE",
    "ValiddeltaCRLTest2EE",
    "InvaliddeltaCRLTest3EE",
    "InvaliddeltaCRLTest4EE",
    "ValiddeltaCRLTest5EE",
    "InvaliddeltaCRLTest6EE",
    "ValiddeltaCRLTest7EE",
    "ValiddeltaCRLTest8EE",
    "InvaliddeltaCRLTest9EE",
    "InvaliddeltaCRLTest10EE",
)
EXTENSIONS = _section(
    "4.16",
    "ValidUnknownNotCriticalCertificateExtensionTest1EE",
    "InvalidUnknownCriticalCertificateExtensionTest2EE",
)

CASES = (
    *SIGNATURES,
    *VALIDITY,
    *NAME_CHAINING,
    *REVOCATION,
    *SELF_ISSUED,
    *BASIC_CONSTRAINTS,
    *KEY_USAGE,
    *POLICIES,
    *EXPLICIT_POLICY,
    *MAPPINGS,
    *INHIBIT_MAPPING,
    *INHIBIT_ANY,
    *NAME_CONSTRAINTS,
    *DISTRIBUTION_POINTS,
    *DELTA,
    *EXTENSIONS,
)
