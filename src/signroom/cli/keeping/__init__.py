"""Commands for an installation as a whole."""
