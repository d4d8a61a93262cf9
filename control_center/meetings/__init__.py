"""Meetings, their plan of checks, and the agenda the sites get."""
