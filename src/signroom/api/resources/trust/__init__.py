"""Whom a subscription trusts."""
