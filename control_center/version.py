"""Which version of the center this is."""

from __future__ import annotations

import importlib.metadata


def version() -> str:
    """That of the installed package."""
    try:
        return importlib.metadata.version("diemcau")
    except importlib.metadata.PackageNotFoundError:
        return "unpackaged"
