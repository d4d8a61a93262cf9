"""Figures measured beside their goals and beside public peers."""
