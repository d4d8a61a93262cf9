"""A mute is told from a dead microphone by what the mixer says (R47)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from contract import catalog
from contract.findings import Severity
from contract.meetings import Phase
from probes.microphone.limits import MicrophoneLimits, MicrophoneSettings
from probes.microphone.listen import Listener
from probes.microphone.mute import command_of, is_muted, state_in
from probes.microphone.sound import Block

PACTL = "Mute: {}\n"
AMIXER = """Simple mixer control 'Mic',0
  Capabilities: cvolume cswitch
  Capture channels: Front Left - Front Right
  Front Left: Capture 46 [100%] [30.00dB] [{}]
  Front Right: Capture 46 [100%] [30.00dB] [{}]
"""


@pytest.mark.parametrize(
    ("told", "muted"),
    [
        (PACTL.format("yes"), True),
        (PACTL.format("no"), False),
        (AMIXER.format("off", "off"), True),
        (AMIXER.format("on", "off"), False),
        ("Simple mixer control 'Mic Boost',0\n  Mono: 0 [0%]\n", None),
    ],
)
def test_what_the_mixers_commands_say_is_understood(told: str, muted: bool | None) -> None:
    assert state_in(told) is muted


def test_the_control_names_the_command() -> None:
    assert command_of("pulse:mic.monitor") == ["pactl", "get-source-mute", "mic.monitor"]
    assert command_of("alsa:0/Mic Capture") == ["amixer", "-c", "0", "sget", "Mic Capture"]
    assert command_of("") == []


@pytest.mark.parametrize("wrong", ["mic", "alsa:0", "pulse:", "jack:mic"])
def test_a_control_that_cannot_be_asked_is_refused_with_the_configuration(wrong: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="mute_control"):
        msgspec.convert({"mute_control": wrong}, MicrophoneSettings)


def test_a_mixer_that_does_not_answer_is_told_and_says_nothing(tmp_path: Path, monkeypatch: Any, caplog: Any) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert is_muted("pulse:mic") is None
    assert "not installed" in caplog.text
    (tmp_path / "pactl").write_text(
        "#!/bin/sh\necho 'No such entity' >&2\nexit 1\n".replace("#!/bin/sh", f"#!{shutil.which('sh', path='/bin')}")
    )
    (tmp_path / "pactl").chmod(0o755)
    assert is_muted("pulse:mic") is None
    assert "No such entity" in caplog.text


class _Stream:
    rate_hz, channels, full_scale = 16_000, 1, 0.9999


def _heard(phase: Phase, muted: bool | None, **settings: Any) -> Any:
    """What begins and ends in three silent seconds of which the mixer says this, and one second of noise after."""
    listener = Listener(_Stream(), MicrophoneSettings(**settings), MicrophoneLimits(), phase)
    silence = np.zeros((1600, 1), np.float32)
    noise = np.random.default_rng(1).standard_normal((1600, 1)).astype(np.float32) * 1e-3
    changes = [change for _ in range(30) for change in listener.push(Block(silence, 0, muted))]
    changes += [change for _ in range(10) for change in listener.push(Block(noise, 0))]
    return [(change.kind, change.finding.code.removeprefix("microphone."), change.finding.severity) for change in changes]


@pytest.mark.req("R47")
def test_a_mute_before_the_meeting_is_a_warning_that_nothing_could_be_rated_and_no_dead_microphone() -> None:
    told = _heard(Phase.PRECHECK, muted=True)
    assert told == [("onset", "muted", Severity.WARNING), ("cleared", "muted", Severity.WARNING)]
    assert catalog.FAULTS["microphone.muted"].effect is catalog.FormEffect.NOT_MEASURED
    assert _heard(Phase.IDLE, muted=True)[0] == ("onset", "muted", Severity.INFO)


@pytest.mark.req("R47")
def test_silence_of_a_microphone_that_is_open_at_the_mixer_is_dead() -> None:
    for muted in (False, None):
        assert _heard(Phase.PRECHECK, muted=muted)[0] == ("onset", "dead", Severity.CRITICAL)


@pytest.mark.req("R47")
def test_in_a_meeting_a_mute_is_nothing_where_the_room_says_so() -> None:
    assert _heard(Phase.LIVE, muted=True) == []
    assert _heard(Phase.LIVE, muted=True, mute_is_normal=False)[0] == ("onset", "muted", Severity.WARNING)
