"""The baseline levels of an advanced electronic signature (AdES): what a file has that proves its signature later.

The names are those of ETSI EN 319 142-1 (PAdES), 319 122-1 (CAdES) and 319 132-1 (XAdES). Each level has everything
that the level before it has.
"""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    B_B = "B-B"
    """The signature with the signer's certificate. Its time is what the signer claims."""
    B_T = "B-T"
    """A timestamp proves that the signature existed at a certain time."""
    B_LT = "B-LT"
    """The certificates and the revocation data that validate the signature are in the file."""
    B_LTA = "B-LTA"
    """Archive timestamps keep all of it provable when algorithms become weak."""

    def reaches(self, other: Level) -> bool:
        """Whether it has everything that `other` has."""
        return _ORDER[self] >= _ORDER[other]


_ORDER = {level: number for number, level in enumerate(Level)}
