"""The host probe."""
