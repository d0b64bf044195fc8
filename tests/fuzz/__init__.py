"""Mutated and generated PDFs, each signed and judged: ``make fuzz``."""
