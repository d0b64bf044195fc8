"""The signed attribute signature-policy-identifier (EN 319 122-1, 5.2.9), in asn1crypto's way."""

from __future__ import annotations

from typing import ClassVar

from asn1crypto import algos, core

_URI = "1.2.840.113549.1.9.16.5.1"


class _Qualifier(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [("kind", core.ObjectIdentifier), ("value", core.Any)]


class _Qualifiers(core.SequenceOf):  # type: ignore[misc]
    _child_spec = _Qualifier


class _PolicyId(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [
        ("oid", core.ObjectIdentifier),
        ("digest", algos.DigestInfo, {"optional": True}),
        ("qualifiers", _Qualifiers, {"optional": True}),
    ]


class SignaturePolicyIdentifier(core.Choice):  # type: ignore[misc]
    """The identifier of a policy, or that one is implied."""

    _alternatives: ClassVar = [("named", _PolicyId), ("implied", core.Null)]


def uri_of(policy: core.Sequence) -> str | None:
    """Where the policy can be read; None when the signer has not said it."""
    return next(
        (
            str(qualifier["value"].parse(core.IA5String).native)
            for qualifier in policy["qualifiers"] or ()
            if qualifier["kind"].dotted == _URI
        ),
        None,
    )
