"""The camera probe."""
