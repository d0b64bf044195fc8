"""What the store does for erasures."""
