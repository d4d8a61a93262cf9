"""``python -m control_center.liveness.keys SECRET_FILE SITE``: a site's STAMP key, for its ``[link] key_file``."""

from __future__ import annotations

import sys
from pathlib import Path

from contract.stamp_auth import key_from_text, site_key


def read_secret(file: str) -> bytes:
    """The center's secret; empty without a file.

    Raises:
        OSError, ValueError: the file cannot be read, or holds something else.
    """
    return key_from_text(Path(file).read_text(encoding="ascii", errors="replace")) if file else b""


def main() -> int:
    """Print the key; 2 without a readable secret."""
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        print(site_key(read_secret(sys.argv[1]), sys.argv[2]).hex())
    except (OSError, ValueError) as error:
        print(f"{sys.argv[1]}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
