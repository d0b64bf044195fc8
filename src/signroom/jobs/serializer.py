"""JSON instead of DBOS's pickle: write access to the database must not mean execution of code."""

from __future__ import annotations

import json
from typing import Any

from dbos import Serializer


class JobFailed(Exception):
    """A job that ended with an error, as read back from the job table."""


class JsonSerializer(Serializer):
    def serialize(self, data: Any) -> str:
        return json.dumps(data, default=_plain)

    def deserialize(self, serialized_data: str) -> Any:
        return json.loads(serialized_data, object_hook=_lively)

    def name(self) -> str:
        return "signroom_json"


def _plain(value: Any) -> Any:
    if isinstance(value, BaseException):
        # Only the kind: the text of a foreign error may quote what it was working on.
        return {"$error": type(value).__name__}
    raise TypeError(f"{type(value).__name__} does not belong in a job table")


def _lively(found: dict[str, Any]) -> Any:
    return JobFailed(found["$error"]) if "$error" in found else found
