"""What the framework cannot tell of our requests, for the OpenAPI document: bodies that may be left out, forms, octets,
base64 and the empty list that stands for an unset object.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

from signroom.api.shapes.wire import Base64Text

NO_KEY: list[dict[str, list[str]]] = [{}]
"""For `security`: anybody may call it."""

MD5_TEXT = r"^[A-Za-z0-9+/_\-]{22}(==)?$"
"""16 bytes in base64, of either alphabet (RFC 4648, 4 and 5)."""

METADATA_NAME = r"^[\w \-]{1,50}$"


class WireSchemas(OpenAPISchemaPlugin):
    """Types that JSON has no word for."""

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        # Nothing else on the wire is a list of anything.
        return field_definition.annotation in {Base64Text, bytes} or field_definition.annotation == list[Any]

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        if field_definition.annotation == list[Any]:
            return Schema(
                type=OpenAPIType.ARRAY,
                items=Schema(),
                max_items=0,
                description="An unset object, as some clients write it.",
            )
        return Schema(type=OpenAPIType.STRING, format="byte", content_encoding="base64")  # type: ignore[arg-type]


@dataclass
class OptionalBody(Operation):
    """The JSON body may be left out."""

    def __post_init__(self) -> None:
        if isinstance(self.request_body, RequestBody):
            self.request_body.required = False


@dataclass
class FileForm(Operation):
    """``multipart/form-data`` with one file; what its field is called does not matter."""

    def __post_init__(self) -> None:
        file = Schema(type=OpenAPIType.STRING, content_media_type="application/octet-stream")
        form = Schema(type=OpenAPIType.OBJECT, properties={"file": file}, required=["file"])
        self.request_body = RequestBody({"multipart/form-data": OpenAPIMediaType(form)}, required=True)


@dataclass
class Octets(Operation):
    """The raw bytes of a part."""

    def __post_init__(self) -> None:
        octets = Schema(type=OpenAPIType.STRING, content_media_type="application/octet-stream")
        self.request_body = RequestBody({"application/octet-stream": OpenAPIMediaType(octets)}, required=True)
