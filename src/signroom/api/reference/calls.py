"""The groups of calls in the order in which an integrator meets them, and what each is for."""

from __future__ import annotations

GROUPS = {
    "Signature sessions": "Open a session, send your user to `redirectUrl`, and read what became of it.",
    "Documents": "Signed documents: their files, signers and levels. Look at a file before it is to be signed.",
    "Uploads": "Send a large file first, and name it in a session by its `blobToken`.",
    "Events": "What happened, in order: a receiver that was down reads on where it stopped.",
    "Webhooks": "Be told of what happens, and see what came of it. [The guide](/docs/guide/webhooks/) shows how.",
    "Document keys": "Numbers that are printed on a document, by which anybody finds it again.",
    "Inspection": "Who signed a file, when, with what, and whether it holds.",
    "Local signature": "Sign with a key of your own, without a signer and a page.",
    "Certificate authentication": "Log a user in with a certificate.",
    "Timestamps": "Timestamps for digests, and the authorities that give them.",
    "Applications": "The applications of your subscription and their API keys.",
    "Settings": "What holds for your whole subscription.",
    "Persons": "Find, export and erase what is kept of a person.",
    "System": "The product, its version, and its public keys.",
    "Demo": "Switch parts of the demo off, to see what happens then.",
}

INTRODUCTION = """\
Your application opens a *signature session*, sends its user to the address that it gets, and fetches the signed
documents when the user returns, or is told by webhook. [Get started](/docs/guide/get-started/) shows it in five
minutes.

**Key.** Send your API key with each call: `X-Api-Key: application|secret`. `Authorization: Bearer
application|secret` and `Authorization: ApiKey application|secret` work as well; when both are sent, `X-Api-Key` counts.

**Bodies** are JSON. A field that is not set may be left out, or be `null`; for an object `[]` is taken as well.

**Additions.** What is marked *Addition* is not in the original Rest PKI Core; its client libraries do without.

## Errors

Each call may answer with one of these, and the same body: `code` never changes, `message` is English and for logs,
`path` says where the request is wrong, and `docUrl` leads to the page that explains the code.
[All codes](/docs/errors/).

- **400** The request is malformed: `path` names the field.
- **401** The API key is missing, malformed or unknown.
- **403** The API key does not allow that.
- **404**, **405** There is no such address, or another method is meant.
- **410** It was erased.
- **413** The body is too large: upload the file first.
- **415** The body is not JSON.
- **422** Understood, and not possible: an unknown id, a damaged PDF, a wrong state. `detail` says more. `path` and
  `docUrl` are in the headers `Signroom-Path` and `Link`, and in the body with `Signroom-Strict: true`.
- **429** Too many requests: see `Retry-After`.
- **500** A fault of ours: `exceptionCode` finds it in the server's log.
- **503** Try again after `Retry-After` seconds.

While you develop, send `Signroom-Strict: true`: a field that there is not is then refused, and not passed over.
"""

DONE = "Done."
REFUSAL = "Refused: see `code`, and *Errors* in the introduction."
