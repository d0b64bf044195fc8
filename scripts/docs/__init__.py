"""The documentation site: gather its pages, build it, check what was built (``make docs``)."""
