"""The services of verified lists: whom they make a root, and what they say of a certificate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from signroom.domain.certificate import CertificateUse
from signroom.domain.errors import BadCertificate, BadTrustedList
from signroom.domain.qualification import NOT_QUALIFIED, Qualification, QualifiedFor, QualifiedLevel
from signroom.trust.european.signed_lists import SignedList, quieten
from signroom.trust.names import CanonicalName, canonical
from signroom.trust.paths import Link, Path, read_link

if TYPE_CHECKING:
    from pyhanko.sign.validation.qualified.q_status import QualificationResult
    from pyhanko.sign.validation.qualified.tsp import QualifiedServiceInformation, TSPRegistry

EIDAS = datetime(2016, 6, 30, 22, tzinfo=UTC)
"""Since then services are "granted"; what they were called before is not read."""


@dataclass(frozen=True, slots=True)
class ListedRoot:
    """A certificate of a service, and when the service had the status "granted"."""

    link: Link
    territory: str
    use: CertificateUse
    granted: tuple[tuple[datetime, datetime | None], ...]
    """From, and until; None: still."""

    def counts_at(self, at: datetime) -> bool:
        return any(begin <= at and (end is None or at <= end) for begin, end in self.granted)


class TrustedServices:
    """Does not change after it was made; many threads may ask."""

    def __init__(
        self, roots: Sequence[ListedRoot], registry: TSPRegistry, territories: Mapping[int, str], until: datetime
    ) -> None:
        self.roots = tuple(roots)
        self.until = until
        """When the first of its lists does not count any more."""
        self._registry, self._territories = registry, territories
        self._by_name: dict[CanonicalName, list[ListedRoot]] = {}
        for root in self.roots:
            self._by_name.setdefault(canonical(root.link.parsed.subject), []).append(root)

    @classmethod
    def of(cls, lists: Iterable[SignedList], until: datetime) -> Self:
        """Raises: BadTrustedList."""
        from pyhanko.sign.validation.qualified.tsp import CAServiceInformation, QcCertType, TSPRegistry

        registry, territories = TSPRegistry(), dict[int, str]()
        found: dict[tuple[bytes, CertificateUse], ListedRoot] = {}
        for national in lists:
            for service in _services(national):
                issues = isinstance(service, CAServiceInformation)
                use = CertificateUse.SIGNATURES if issues else CertificateUse.TIMESTAMPS
                if service.base_info.additional_info_certificate_type == {QcCertType.QC_WEB}:
                    continue  # certificates of web sites sign nothing
                if isinstance(service, CAServiceInformation):
                    # Only these make certificates qualified; one for timestamps says nothing of signers.
                    registry.register_ca(service)
                    territories[id(service)] = national.territory
                window = service.base_info.valid_from, service.base_info.valid_until
                for link in _links(service):
                    if issues and not link.may_certify:
                        continue
                    known = found.get((link.fingerprint, use))
                    windows = () if known is None else known.granted
                    found[link.fingerprint, use] = ListedRoot(link, national.territory, use, (*windows, window))
        return cls(list(found.values()), registry, territories, until)

    def roots_for(self, known: Iterable[Link], at: datetime, use: CertificateUse) -> tuple[Link, ...]:
        """Those of services that were granted at `at`, as far as a path over `known` certificates can end there."""
        known = list(known)
        names = {canonical(link.parsed.issuer) for link in known} | {canonical(link.parsed.subject) for link in known}
        listed = (root for name in names for root in self._by_name.get(name, ()))
        return tuple(root.link for root in listed if root.use is use and root.counts_at(at))

    def qualification(self, path: Path, at: datetime) -> Qualification:
        """Of the lowest certificate of an anchored path, for a signature made at `at`.

        The service must have been granted both then and when the certificate was issued (TS 119 615, 4.4).
        """
        issued = path.links[0].certificate.not_before
        found = self._assess(path, at)
        if issued < EIDAS or found.level is QualifiedLevel.ADES:
            return NOT_QUALIFIED
        before = self._assess(path, issued)
        return NOT_QUALIFIED if before.level is QualifiedLevel.ADES else found

    def _assess(self, path: Path, at: datetime) -> Qualification:
        from asn1crypto import x509 as asn1
        from pyhanko.sign.validation.qualified.assess import QualificationAssessor
        from pyhanko_certvalidator.authority import CertTrustAnchor
        from pyhanko_certvalidator.path import ValidationPath

        if len(path.links) == 1:
            return NOT_QUALIFIED
        leaf, *middle, root = [asn1.Certificate.load(link.der) for link in path.links]
        try:
            result = QualificationAssessor(self._registry).check_entity_cert_qualified(
                ValidationPath(CertTrustAnchor(root), middle[::-1], leaf), at
            )
        except (NotImplementedError, ValueError, TypeError, LookupError):  # statements that nobody can make sense of
            return NOT_QUALIFIED
        return self._qualification(result)

    def _qualification(self, result: QualificationResult) -> Qualification:
        from pyhanko.sign.validation.qualified.tsp import QcCertType

        status, service = result.status, result.service_definition
        if not status.qualified or service is None:
            return NOT_QUALIFIED
        purpose = {
            QcCertType.QC_ESIGN: QualifiedFor.SIGNATURES,
            QcCertType.QC_ESEAL: QualifiedFor.SEALS,
            QcCertType.QC_WEB: QualifiedFor.WEB_SITES,
        }[status.qc_type]
        if purpose is QualifiedFor.WEB_SITES:
            level = QualifiedLevel.ADES  # it is for a web site, not for signing
        else:
            level = QualifiedLevel.QES if status.qc_key_security.is_qscd else QualifiedLevel.ADES_QC
        return Qualification(
            level,
            purpose,
            status.qc_key_security.is_qscd,
            self._territories.get(id(service)),
            service.base_info.service_name,
        )


def _services(national: SignedList) -> Iterator[QualifiedServiceInformation]:
    """Raises: BadTrustedList."""
    from pyhanko.sign.validation.qualified import eutl_parse

    quieten()
    try:
        yield from eutl_parse.read_qualified_service_definitions(national.content.decode())
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise BadTrustedList(f"The services of {national.territory} cannot be read.") from error


def _links(service: QualifiedServiceInformation) -> Iterator[Link]:
    for certificate in service.base_info.provider_certs:
        try:
            link = read_link(certificate.dump())
        except BadCertificate:
            continue  # of an algorithm that we cannot verify: nobody's path ends there
        if not link.has_short_key:
            yield link
