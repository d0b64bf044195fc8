"""Statements for those who manage tenants."""
