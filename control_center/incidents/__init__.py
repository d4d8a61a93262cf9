"""What is wrong now, as incidents: one engine, pure."""
