"""Ask the subscription's own rules whether it accepts a file: the pattern for names first, then its endpoint.

An endpoint that is down, slow or answers nonsense has not accepted anything.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from signroom.domain.document import StoredFile
from signroom.domain.endpoint import Endpoint
from signroom.domain.errors import (
    FileNameRejected,
    FileRejected,
    FileValidationUnavailable,
    SecretUnreadable,
)
from signroom.domain.file_validation import FileValidation, clean_reason
from signroom.ports import Ports
from signroom.ports.outside import Unreachable
from signroom.service.subscriptions.manage_file_validation import secret_owner
from signroom.service.webhooks.endpoint_credentials import credentials

MAX_ANSWER = 64 << 10
"""Bytes."""
_PDF = ".pdf"
_OTHERS = (
    *(".7z", ".asc", ".bmp", ".csv", ".doc", ".docm", ".docx", ".dwg", ".eml", ".gif", ".htm", ".html", ".jpeg"),
    *(".jpg", ".json", ".md", ".mp3", ".mp4", ".msg", ".odp", ".ods", ".odt", ".p7b", ".p7m", ".p7s", ".png", ".ppt"),
    *(".pptx", ".rar", ".rtf", ".svg", ".tif", ".tiff", ".txt", ".webp", ".xls", ".xlsm", ".xlsx", ".xml", ".zip"),
)


def require_name(ports: Ports, validation: FileValidation, name: str) -> None:
    """Raises: FileNameRejected."""
    pattern = validation.file_name_pattern
    if pattern is not None and not ports.name_patterns.matches(pattern, name):
        raise FileNameRejected


def accepts_only_pdf(ports: Ports, pattern: str | None) -> bool:
    """A guess: of the usual names only that of a PDF fits. It chooses words (a PDF, a file), and refuses nothing."""
    if pattern is None or not ports.name_patterns.matches(pattern, f"document{_PDF}"):
        return False
    return not any(ports.name_patterns.matches(pattern, f"document{ending}") for ending in _OTHERS)


async def require_accepted(ports: Ports, validation: FileValidation, subscription_id: UUID, file: StoredFile) -> None:
    """Raises: FileNameRejected, FileRejected with the application's reason, FileValidationUnavailable."""
    require_name(ports, validation, file.name)
    if validation.endpoint is None:
        return
    question: dict[str, str | int] = {"name": file.name, "contentType": file.content_type, "length": file.length}
    answer = await _ask(ports, validation.endpoint, secret_owner(subscription_id), question)
    accept, reason = answer.get("accept"), answer.get("rejectReason")
    if not isinstance(accept, bool) or not (reason is None or isinstance(reason, str)):
        raise FileValidationUnavailable("Its answer is not {accept, rejectReason}.")
    if not accept:
        raise FileRejected(clean_reason(reason or ""))


async def _ask(ports: Ports, endpoint: Endpoint, owner: str, question: dict[str, str | int]) -> dict[str, Any]:
    try:
        headers = {"Content-Type": "application/json", **credentials(ports.secrets, endpoint, owner)}
        body = json.dumps(question).encode()
        found = json.loads(await ports.fetch.post(endpoint.url, body, headers, limit=MAX_ANSWER))
    except SecretUnreadable as error:
        raise FileValidationUnavailable("Its secret cannot be decrypted: set it again.") from error
    except Unreachable as error:
        raise FileValidationUnavailable(error.reason) from error
    except (ValueError, RecursionError) as error:
        raise FileValidationUnavailable("Its answer is not JSON.") from error
    if not isinstance(found, dict):
        raise FileValidationUnavailable("Its answer is not an object.")
    return found
