"""The contract's models as JSON Schemas that judge what we answer.

They are derived from ``tests/wire/openapi-2.2.json``, the published document reduced to the routes in scope:

- every key of a model is sent (``required``) and no other (``additionalProperties``), but for the listed additions;
- every ``$ref`` may be null, as the publisher's own server sends it, but for what clients dereference unasked;
- formats are checked: lower-case UUIDs, dates with ``Z``, base64 with padding; integers are not ``5.0``.

    conforms("SignatureSessionModel", response.json())
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from jsonschema import Draft202012Validator, FormatChecker, ValidationError  # type: ignore[import-untyped]
from jsonschema.validators import extend  # type: ignore[import-untyped]

CONTRACT = Path(__file__).with_name("openapi-2.2.json")
Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
OBJECT_OR_NULL: Schema = {"type": ["object", "null"]}
BOOLEAN_OR_NULL: Schema = {"type": ["boolean", "null"]}
UUID_TEXT: Schema = {"type": "string", "format": "uuid"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
BYTES: Schema = {"type": "string", "format": "byte"}

# -- where our answers differ from the document, each with its reason ---------------------------------

NEVER_NULL: Mapping[str, frozenset[str]] = {
    "SignatureSessionModel": frozenset({"documents"}),
    "CertificateModel": frozenset({"subjectName", "issuerName", "pkiBrazil", "pkiItaly"}),
    "ValidationResultsModel": frozenset({"passedChecks", "errors", "warnings"}),
    # Three client libraries refuse a completed document without a key.
    **dict.fromkeys(
        ("DocumentModel", "DocumentSummary", "SignatureSessionDocumentSummary"), frozenset({"key", "formattedKey"})
    ),
}
"""What client libraries use without asking (wire contract, "Responses"): ``[]`` or objects of nulls."""

LEVEL: Mapping[str, Schema] = {
    "level": TEXT_OR_NULL,
    "levelWanted": TEXT,
    "levelDetail": TEXT_OR_NULL,
    "validation": OBJECT_OR_NULL,
}
"""How long the signature lasts, and what was found when it was checked."""

ADDED_PROPERTIES: Mapping[str, Mapping[str, Schema]] = {
    # The bytes beside their digest, for keys that hash by themselves.
    "PrepareSignatureResponse": {"toSign": {"if": {"not": {"type": "null"}}, "then": {"$ref": "#/$defs/ToSign"}}},
    # A receiver that was told more than once, or of many sessions, finds its way by these.
    "WebhookDocumentModel": {
        "status": {"$ref": "#/$defs/DocumentStatus"},
        "sessionId": UUID_TEXT,
        "callbackArgument": TEXT_OR_NULL,
        "eventId": TEXT,
        "processingErrorCode": TEXT_OR_NULL,
        "processingErrorDetail": TEXT_OR_NULL,
        **LEVEL,
    },
    "DocumentModel": LEVEL,
    # The document knows RSA alone. Strict clients refuse another word in its enum, so the name stands beside it.
    "SignatureAlgorithmAndValueModel": {"signatureAlgorithmName": TEXT_OR_NULL},
    # Whether anybody that is trusted has confirmed who the signer is.
    "SignatureSessionModel": {"signerIdentityConfirmed": BOOLEAN_OR_NULL},
    "SignerModel": {"identityConfirmed": BOOLEAN_OR_NULL, "level": TEXT_OR_NULL},
    "SignerSummary": {"identityConfirmed": BOOLEAN_OR_NULL},
    # What stays of a document that was erased.
    "DocumentQueryResponse": {"erased": OBJECT_OR_NULL},
    "DocumentKeyQueryResponse": {"erased": OBJECT_OR_NULL},
    "InspectSignatureResponse": {"erasedDocument": OBJECT_OR_NULL},
    # Of a session with several documents: which one failed, and why.
    # Of a form whose author has made a field for the signature: which one it goes into.
    "SignatureSessionDocumentSummary": {
        "processingErrorCode": TEXT_OR_NULL,
        "processingErrorDetail": TEXT_OR_NULL,
        "pdfSignatureField": TEXT_OR_NULL,
        **LEVEL,
    },
}

PATTERNS: Mapping[tuple[str, str], str] = {
    ("CertificateModel", "serialNumber"): r"^-?[0-9]+\Z",  # decimal: one client makes a BigInteger of it
    ("CertificateModel", "thumbprint"): r"^[0-9a-f]{40}\Z",
    ("CertificateModel", "thumbprintSHA256"): r"^[0-9a-f]{64}\Z",
    ("CertificateSummary", "thumbprint"): r"^[0-9a-f]{40}\Z",
    ("CertificateSummary", "thumbprintSHA256"): r"^[0-9a-f]{64}\Z",
    ("PkiBrazilCertificateModel", "dateOfBirth"): r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z",
    ("DigestAlgorithmAndValueModel", "hexValue"): r"^([0-9a-fA-F]{2})+\Z",
    # Upper-case letters and digits without look-alikes.
    ("DocumentKeyModel", "key"): r"^[2-9A-HJKMNP-Z]{16}\Z",
    ("DocumentKeyModel", "formattedKey"): r"^([2-9A-HJKMNP-Z]{4}-){3}[2-9A-HJKMNP-Z]{4}\Z",
    ("DocumentKeySummary", "key"): r"^[2-9A-HJKMNP-Z]{16}\Z",
    ("DocumentKeySummary", "formattedKey"): r"^([2-9A-HJKMNP-Z]{4}-){3}[2-9A-HJKMNP-Z]{4}\Z",
    ("MultipartUploadBeginResponse", "blobToken"): r"^[\w-]+\Z",  # goes into a path as it is
}


def _closed(properties: Schema, optional: Schema | None = None) -> Schema:
    """An object with exactly these keys; `optional` ones may be there."""
    return {
        "type": "object",
        "properties": {**properties, **(optional or {})},
        "required": sorted(properties),
        "additionalProperties": False,
    }


_METADATA: Schema = {
    "type": "object",
    "additionalProperties": {"type": "array", "items": TEXT},
}
_ROLES: Schema = {"type": "array", "items": {"enum": ["Worker", "Manager", "Admin", "Monitor"]}}

OURS: Mapping[str, Schema] = {
    "ToSign": _closed({"data": BYTES, "hash": BYTES, "digestAlgorithm": {"$ref": "#/$defs/DigestAlgorithms"}}),
    # Refusals. With 422 one client forbids unknown keys: no `details`, although the document has it.
    "ErrorModelV2": _closed(
        {
            "code": {"type": "string", "minLength": 1},
            "message": {"type": "string", "minLength": 1},
            "detail": TEXT_OR_NULL,
        },
        {"validationResults": {"$ref": "#/$defs/ValidationResultsModel"}},
    ),
    # Additions: where the request is wrong, and where the code is explained.
    "Problem": _closed(
        {"code": {"type": "string", "minLength": 1}, "message": {"type": "string", "minLength": 1}},
        {"path": TEXT_OR_NULL, "docUrl": {"type": "string", "pattern": r"/docs/errors/#\w+\Z"}},
    ),
    # Not in the document, known from a client library.
    "SystemInfo": _closed({"productName": TEXT, "productVersion": TEXT, "apiVersion": TEXT, "timestamp": MOMENT}),
    "ApplicationModel": _closed(
        {
            "id": UUID_TEXT,
            "subscriptionId": UUID_TEXT,
            "name": TEXT,
            "rootRoles": _ROLES,
            "subscriptions": {
                "type": "array",
                "items": _closed({"subscriptionId": UUID_TEXT, "roles": _ROLES, "parentRoles": _ROLES}),
            },
        }
    ),
    "CreateApplicationApiKeyResponse": _closed(
        {
            "key": {"type": "string", "pattern": r"^[^|]+\|[^|]+\Z"},
            "info": _closed(
                {
                    "id": UUID_TEXT,
                    "type": {"const": "ApiKey"},
                    "applicationId": UUID_TEXT,
                    "description": TEXT_OR_NULL,
                    "expiresOn": {"type": ["string", "null"], "format": "date-time"},
                    # Additions.
                    "role": TEXT_OR_NULL,
                    "createdOn": {"type": ["string", "null"], "format": "date-time"},
                    "createdBy": TEXT_OR_NULL,
                    "lastUsedOn": {"type": ["string", "null"], "format": "date-time"},
                    "revokedOn": {"type": ["string", "null"], "format": "date-time"},
                }
            ),
        }
    ),
    "Metadata": _METADATA,
}

# -- judging ------------------------------------------------------------------------------------------


def conforms(name: str, body: object) -> None:
    """Check `body` against a model, or a list of it (``"SignerModel[]"``). Every fault is told, with its place."""
    faults = sorted(f"  {fault}" for fault in _faults(name, body))
    assert not faults, f"{name} is not as the contract says:\n" + "\n".join(faults)


def answer_of(method: str, template: str) -> str | None:
    """The name of the model that the document gives for a 200 of this route; None for an empty body."""
    return _name_of(_operation(method, template)["responses"]["200"].get("content"))


def request_of(method: str, template: str) -> str | None:
    """The name of the model of the body that this route takes."""
    return _name_of(_operation(method, template).get("requestBody", {}).get("content"))


def unset_forms(model: str) -> Iterator[tuple[str, Any]]:
    """How clients write that a field of a request is not set: ``null``, or ``[]`` where an object is meant."""
    raw = _contract()["components"]["schemas"][model]
    for key, value in raw["properties"].items():
        if key in raw.get("required", ()):
            continue
        yield key, None
        is_object = value.get("type") == "object"
        if "$ref" in value:
            is_object = "properties" in _contract()["components"]["schemas"][_target(value)]
        if is_object or value.get("type") == "array":
            yield key, []


def routes() -> Iterator[tuple[str, str]]:
    """Every method and path template of the reduced document."""
    for template, operations in _contract()["paths"].items():
        for method in operations:
            yield method.upper(), template


def _operation(method: str, template: str) -> Schema:
    found: Schema = _contract()["paths"][template][method.lower()]
    return found


def _name_of(content: Schema | None) -> str | None:
    if content is None:
        return None
    schema = content["application/json"]["schema"]
    if "$ref" in schema:
        return _target(schema)
    return f"{_target(schema['items'])}[]"


def _faults(name: str, body: object) -> Iterator[str]:
    for error in _validator(name).iter_errors(body):
        place = error.json_path.removeprefix("$").removeprefix(".")
        yield f"{place or '(the body)'}: {_told(error)}"


def _told(error: ValidationError) -> str:
    message: str = error.message
    return message if len(message) <= 300 else f"{message[:300]}..."


# -- deriving -----------------------------------------------------------------------------------------


@cache
def _contract() -> Schema:
    found: Schema = json.loads(CONTRACT.read_text())
    return found


@cache
def _definitions() -> Schema:
    models = {name: _model(name, raw) for name, raw in _contract()["components"]["schemas"].items()}
    webhook = _model("DocumentModel", _contract()["components"]["schemas"]["DocumentModel"])
    models["WebhookDocumentModel"] = _with_additions("WebhookDocumentModel", webhook)
    models["WebhookEventModel"]["properties"]["document"] = {"$ref": "#/$defs/WebhookDocumentModel"}
    return {**models, **OURS}


@cache
def _validator(name: str) -> Draft202012Validator:
    known = _definitions()
    model, is_list = name.removesuffix("[]"), name.endswith("[]")
    if model not in known:
        raise LookupError(f"The contract has no model {model}.")
    wanted: Schema = {"$ref": f"#/$defs/{model}"}
    if is_list:
        wanted = {"type": "array", "items": wanted}
    validator: Draft202012Validator = _Strict({**wanted, "$defs": known}, format_checker=_FORMATS)
    return validator


def _model(name: str, raw: Schema) -> Schema:
    if "enum" in raw:
        return {"enum": raw["enum"]}
    never = NEVER_NULL.get(name, frozenset())
    properties = {
        key: _property(name, key, value, nullable=key not in never) for key, value in raw["properties"].items()
    }
    return _with_additions(name, _closed(properties))


def _with_additions(name: str, model: Schema) -> Schema:
    return _closed({**model["properties"], **ADDED_PROPERTIES.get(name, {})})


def _property(model: str, key: str, raw: Schema, *, nullable: bool) -> Schema:
    found = _value(raw, nullable=nullable)
    pattern = PATTERNS.get((model, key))
    return found if pattern is None else {**found, "pattern": pattern}


def _value(raw: Schema, *, nullable: bool) -> Schema:
    if "$ref" in raw:
        model = {"$ref": f"#/$defs/{_target(raw)}"}
        # Not `anyOf`: the faults inside are then told one by one.
        return {"if": {"not": {"type": "null"}}, "then": model} if nullable else model
    kinds = [raw["type"], "null"] if nullable and raw.get("nullable") else [raw["type"]]
    found: Schema = {"type": kinds}
    match raw["type"]:
        case "array":
            found["items"] = _value(raw["items"], nullable=False)
        case "object":
            found["additionalProperties"] = _value(raw["additionalProperties"], nullable=False)
        case "integer" if raw.get("format") == "int32":
            found |= {"minimum": -(1 << 31), "maximum": (1 << 31) - 1}
        case "integer":
            found |= {"minimum": -(1 << 63), "maximum": (1 << 63) - 1}
        case "string" if "format" in raw:
            found["format"] = raw["format"]
    return found


def _target(raw: Schema) -> str:
    reference: str = raw["$ref"]
    return reference.removeprefix("#/components/schemas/")


# -- types and formats --------------------------------------------------------------------------------


def _is_integer(_checker: object, value: object) -> bool:
    """JSON Schema takes ``5.0`` for an integer; readers of .NET and Java do not."""
    return isinstance(value, int) and not isinstance(value, bool)


_Strict = extend(Draft202012Validator, type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer))
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z")


def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or str(UUID(value)) == value


def _is_moment(value: object) -> bool:
    """ISO 8601 with ``Z`` and at most the seven digits that .NET reads."""
    if not isinstance(value, str):
        return True
    return _MOMENT.fullmatch(value) is not None and datetime.fromisoformat(value[:19]).year > 1


def _is_base64(value: object) -> bool:
    """Standard alphabet, with padding, in one line, and canonical."""
    return not isinstance(value, str) or b64encode(b64decode(value, validate=True)).decode() == value


_FORMATS = FormatChecker(formats=())
_FORMATS.checks("uuid", raises=ValueError)(_is_uuid)
_FORMATS.checks("date-time", raises=ValueError)(_is_moment)
_FORMATS.checks("byte", raises=Base64Error)(_is_base64)
