"""Sessions run while processes are killed: the short version is a test, the long one is ``make soak``."""
