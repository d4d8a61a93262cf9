"""Telling people outside the board."""
