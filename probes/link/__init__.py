"""The link probe."""
