"""What libraries raise over content that is not what it claims to be. Readers turn these errors into refusals."""

from __future__ import annotations

import struct
import zlib

MALFORMED = (ArithmeticError, AssertionError, AttributeError, LookupError, NotImplementedError, TypeError, ValueError)
"""What asn1crypto, cryptography and qpdf's values raise over an object that is malformed.

Where a PDF is read, qpdf has an error of its own. Memory and recursion errors are not here: those are about the whole
file.
"""

UNDECODABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
    Warning,
    struct.error,
    zlib.error,
)
"""What Pillow raises over a picture that is damaged, too large, or no picture at all.

Its `OSError` never comes from the disk: pictures are read from memory. `Warning` is here because callers make
warnings into errors.
"""
