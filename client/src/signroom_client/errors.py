"""Everything that can go wrong, as one tree:

    SignroomError                   has a stable ``code``
    ├── ApiError                    the service refused: status, code, message, detail
    │   ├── BadRequestError         400  the request is malformed
    │   ├── UnauthorizedError       401  the API key is missing or wrong
    │   ├── ForbiddenError          403  the key does not allow that, or a download address is over
    │   ├── NotFoundError           404  no such route: is the endpoint right?
    │   ├── ErasedError             410  somebody has erased the session or the document
    │   ├── TooLargeError           413
    │   ├── RefusedError            422  understood, and not possible: unknown id, damaged PDF, wrong state
    │   ├── TooManyRequestsError    429  even after the retries
    │   └── ServerError             5xx  even after the retries, where those are safe
    ├── ConnectionFailedError       no answer: refused, cut, TLS, name unknown
    │   └── TimedOutError
    ├── UnexpectedAnswerError       an answer that is not the contract's
    ├── WaitTimedOutError           the session is still being processed
    ├── DownloadError               the file that arrived is not the one that was announced
    ├── SignatureNotPreparedError   the file or the certificate cannot be used for a local signature
    └── WebhookError                the request is not a webhook of the service's

Branch on the class, or on ``code``: the service's codes are listed in its ``docs/errors.md`` and never renamed.
Messages are English, for logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from signroom_client.models import Certificate, ValidationResults


class SignroomError(Exception):
    """Root of all."""

    code: str = "Error"


class ApiError(SignroomError):
    """The service answered with something else than success."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        detail: str | None = None,
        validation_results: ValidationResults | None = None,
        exception_code: str | None = None,
        path: str | None = None,
        doc_url: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}" + (f" {detail}" if detail else ""))
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail
        self.validation_results = validation_results
        self.exception_code = exception_code
        """With status 500: finds the failure in the service's log."""
        self.path = path
        """Where the request is wrong: ``documents[1].file.content``, ``?limit``, ``X-Api-Key``. None: nowhere in it."""
        self.doc_url = doc_url
        """The page that says what the code means and what to do."""
        self.retry_after = retry_after
        """Seconds, where the service said so."""


class BadRequestError(ApiError):
    """400."""


class UnauthorizedError(ApiError):
    """401."""


class ForbiddenError(ApiError):
    """403."""


class NotFoundError(ApiError):
    """404: the route. An unknown session or document is a `RefusedError`."""


class ErasedError(ApiError):
    """410: the session or the document was erased."""


class TooLargeError(ApiError):
    """413."""


class RefusedError(ApiError):
    """422."""


class TooManyRequestsError(ApiError):
    """429."""


class ServerError(ApiError):
    """500 and above."""


_BY_STATUS: Mapping[int, type[ApiError]] = {
    400: BadRequestError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    410: ErasedError,
    413: TooLargeError,
    422: RefusedError,
    429: TooManyRequestsError,
}


def api_error_class(status: int) -> type[ApiError]:
    """The class for a status; `ApiError` itself for those without one."""
    return ServerError if status >= 500 else _BY_STATUS.get(status, ApiError)


class ConnectionFailedError(SignroomError):
    """No answer came."""

    code = "ConnectionFailed"

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent
        """False when the request certainly never reached the service."""


class TimedOutError(ConnectionFailedError):
    """No answer came in time."""

    code = "TimedOut"


class UnexpectedAnswerError(SignroomError):
    """The answer is not one of the contract: another service at this address, or a proxy between."""

    code = "UnexpectedAnswer"


class WaitTimedOutError(SignroomError):
    """The time for waiting is over; the session goes on."""

    code = "WaitTimedOut"

    def __init__(self, message: str, *, progress: float) -> None:
        super().__init__(message)
        self.progress = progress
        """0 to 100."""


class DownloadError(SignroomError):
    """Nothing was put in place."""

    code = "DownloadIncomplete"


class SignatureNotPreparedError(SignroomError):
    """``code`` is the failure: ``CertificateValidationFailed``, ``CorruptedPdf``, ``PdfAlreadySigned``."""

    code = "SignatureNotPrepared"

    def __init__(self, failure: str, validation_results: ValidationResults, certificate: Certificate | None) -> None:
        reasons = "; ".join(item.message for item in validation_results.errors if item.message)
        super().__init__(f"{failure}: {reasons}" if reasons else failure)
        self.code = failure
        self.validation_results = validation_results
        self.certificate = certificate


class WebhookError(SignroomError):
    """Answer 400 to whoever sent it. ``code`` is one of the class attributes."""

    MALFORMED: ClassVar[str] = "WebhookMalformed"
    HEADERS_MISSING: ClassVar[str] = "WebhookHeadersMissing"
    OUT_OF_TIME: ClassVar[str] = "WebhookOutOfTime"
    BAD_SIGNATURE: ClassVar[str] = "WebhookSignatureInvalid"

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
