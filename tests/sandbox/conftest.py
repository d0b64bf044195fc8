"""The files of the formats, for the processes in which formats run."""

from tests.formats.conftest import written

__all__ = ["written"]
