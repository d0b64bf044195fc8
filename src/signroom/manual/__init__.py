"""The documentation site: what `make docs` has built, served under ``/docs``."""
