"""Builds the two Debian packages, each with the wheels it needs: ``make packages``. Same commit, same bytes."""
