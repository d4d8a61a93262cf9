"""The daemon stays light: what it must never carry."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("numpy", "cv2", "sounddevice", "scapy", "rich", "typst", "sqlalchemy")


def test_the_daemon_imports_nothing_heavy() -> None:
    code = "import sys, edge_agent.daemon, edge_agent.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "edge_agent.uplink" in loaded
    assert [name for name in loaded if name.partition(".")[0] in HEAVY] == []


def test_the_light_probes_import_nothing_heavy() -> None:
    code = (
        "import sys; from probes.registry import PROBES; [each.load() for each in PROBES.values() if not each.heavy]; print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert [name for name in loaded if name.partition(".")[0] in HEAVY] == []
