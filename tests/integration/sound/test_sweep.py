"""The sweep through a real (virtual) loop: out of a loudspeaker device, through a room with one resonance, in at a microphone device."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contract.messages import SweepReport


def _site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    (tmp_path / "state").mkdir()
    path.write_text(
        f'[site]\nid = "thu"\nname = "Thử"\n[state]\ndirectory = "{tmp_path / "state"}"\n'
        '[microphone]\nsource = "roommic"\nloudspeaker = "roomspk"\nsample_rate_hz = 48000\n',
        encoding="utf-8",
    )
    return path


def _sweep(server: Any, site: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "edge_agent.cli", "sweep", "--config", str(site), *options]
    return subprocess.run(command, env=server.environment, check=False, capture_output=True, timeout=100)


@pytest.mark.req("R26")
def test_the_sweep_says_how_much_louder_the_real_loop_may_get(sound_server: Any, tmp_path: Path) -> None:
    sound_server.open_room(-17.0)
    site = _site(tmp_path)
    run = _sweep(sound_server, site, "--yes", "--json")
    assert run.returncode == 1, run.stderr.decode()
    report = msgspec.json.decode(run.stdout, type=SweepReport)
    (result,) = report.results
    assert result.margin_pessimistic_db == pytest.approx(5.0, abs=1.0)
    assert result.nearest[0].frequency_hz == pytest.approx(1600, rel=0.05)
    assert result.grade == "amber"
    assert json.loads((tmp_path / "state" / "sweep.json").read_text())["results"]
