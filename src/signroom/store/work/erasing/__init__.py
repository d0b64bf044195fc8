"""Statements that erase."""
