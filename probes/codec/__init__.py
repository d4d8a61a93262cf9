"""The codec probe."""
