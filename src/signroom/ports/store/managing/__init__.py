"""What the store does for those who manage tenants."""
