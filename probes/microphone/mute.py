"""Whether a microphone is muted on purpose: asks the mixer, for digital zero alone tells no mute from a dead microphone (R47)."""

from __future__ import annotations

import logging
import os
import re
import subprocess

_LOG = logging.getLogger(__name__)
_ANSWERS_WITHIN_S = 2.0
CONTROL = re.compile(r"pulse:(?P<source>\S+)|alsa:(?P<card>[^/\s]+)/(?P<control>.+)")
"""``pulse:SOURCE`` or ``alsa:CARD/CONTROL``."""


def command_of(control: str) -> list[str]:
    """The command that tells the state of a mute control; empty for none.

    Args:
        control: As in the settings; ``pulse:SOURCE`` is asked of pactl, ``alsa:CARD/CONTROL`` of amixer.
    """
    found = CONTROL.fullmatch(control)
    if found is None:
        return []
    if found["source"] is not None:
        return ["pactl", "get-source-mute", found["source"]]
    return ["amixer", "-c", found["card"], "sget", found["control"]]


def is_muted(control: str) -> bool | None:
    """Whether the control stands on mute; None where there is no control or it does not answer, which the log tells."""
    command = command_of(control)
    if not command:
        return None
    try:
        told = subprocess.run(
            command, env={**os.environ, "LC_ALL": "C"}, check=True, capture_output=True, text=True, timeout=_ANSWERS_WITHIN_S
        ).stdout
    except FileNotFoundError:
        _LOG.warning("mute_control %s: the command %s is not installed", control, command[0])
        return None
    except (OSError, UnicodeDecodeError, subprocess.SubprocessError) as error:
        _LOG.warning("mute_control %s cannot be read: %s", control, getattr(error, "stderr", None) or error)
        return None
    muted = state_in(told)
    if muted is None:
        _LOG.warning("mute_control %s: the control has no mute", control)
    return muted


def state_in(told: str) -> bool | None:
    """What pactl (``Mute: yes``) or amixer (``[off]`` on each channel) says; one channel that is open is not muted."""
    said = re.search(r"^Mute: (yes|no)$", told, re.MULTILINE)
    if said is not None:
        return said[1] == "yes"
    switches = re.findall(r"\[(on|off)\]", told)
    return all(switch == "off" for switch in switches) if switches else None
