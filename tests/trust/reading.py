"""Verdicts in short."""

from __future__ import annotations

from collections.abc import Iterator

from signroom.domain.validation import Check, Outcome, ValidationItem, ValidationResults


def everything(results: ValidationResults) -> Iterator[ValidationItem]:
    """Each item, nested ones after the one that holds them."""
    for item in results.items:
        yield item
        if item.inner is not None:
            yield from everything(item.inner)


def checks(results: ValidationResults, outcome: Outcome) -> list[Check]:
    """Of the certificate itself."""
    return [item.check for item in results.with_outcome(outcome)]


def errors(results: ValidationResults) -> list[Check]:
    return checks(results, Outcome.ERROR)


def warnings(results: ValidationResults) -> list[Check]:
    return checks(results, Outcome.WARNING)


def issuer(results: ValidationResults) -> ValidationResults:
    """What is said of the certificate's issuer."""
    found = [
        item.inner
        for item in results.items
        if item.check in {Check.CERTIFICATE_ISSUER_VALID, Check.CERTIFICATE_ISSUER_INVALID}
    ]
    assert len(found) == 1
    assert found[0] is not None
    return found[0]


def only(results: ValidationResults, check: Check) -> ValidationItem:
    """The one item of this kind, of the certificate itself."""
    (item,) = (item for item in results.items if item.check is check)
    return item
