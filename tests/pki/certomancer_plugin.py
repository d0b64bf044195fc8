"""What certomancer's YAML cannot say by itself: the otherName entries of ICP-Brasil, and eIDAS qcStatements."""

from __future__ import annotations

from typing import Any

import pyhanko.sign.ades.qualified_asn1  # noqa: F401  (teaches asn1crypto the qcStatements that the YAML names)
from asn1crypto import core, x509
from certomancer.default_plugins import process_general_name
from certomancer.registry.plugin_api import ExtensionPlugin, extension_plugin_registry

_ENCODINGS: dict[str, Any] = {
    "octet": core.OctetString,
    "printable": core.PrintableString,
    "utf8": core.UTF8String,
    "ia5": core.IA5String,
}


class SubjectAltNames(ExtensionPlugin):
    """``subject_alt_name`` with entries of the type ``other-name`` (DOC-ICP-04, 7.1.2.3)."""

    schema_label = "icp-brasil-san"
    extension_type = x509.ExtensionId

    def provision(self, extn_id: object, arch: Any, params: Any) -> list[Any]:
        return [_other_name(entry) if entry["type"] == "other-name" else _plain(arch, entry) for entry in params]


def _other_name(entry: dict[str, str]) -> Any:
    kind = _ENCODINGS[entry.get("encoding", "octet")]
    text = entry["value"]
    # asn1crypto drops the [0] EXPLICIT of AnotherName's value unless it is set on the value itself.
    value = kind(text.encode("latin-1") if kind is core.OctetString else text, explicit=0)
    return x509.GeneralName(name="other_name", value=x509.AnotherName({"type_id": entry["oid"], "value": value}))


def _plain(arch: Any, entry: dict[str, str]) -> Any:
    return process_general_name(arch.entities, entry)


extension_plugin_registry.register(SubjectAltNames)
