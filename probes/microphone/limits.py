"""Configuration of the microphone probe: what the room has (settings) and what is still normal (limits)."""

from __future__ import annotations

from typing import Annotated

import msgspec

_Channels = Annotated[int, msgspec.Meta(ge=1, le=8)]
_Rate = Annotated[int, msgspec.Meta(ge=0, le=192_000)]
_Dbfs = Annotated[float, msgspec.Meta(ge=-150, le=12)]
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=600)]

SWEEP_FILE = "sweep.json"
"""Result of the last sweep of the room, in the state directory; the checks repeat it while it is valid."""


class MicrophoneSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the site has; from the site's own file.

    Attributes:
        fitted: Whether the room has a microphone that this machine could hear.
        source: PortAudio device, by name (or a unique part of it) or index; or a sound file. Empty: the system's default input.
        channels: How many channels of a device to open, each judged on its own; a file brings its own.
        sample_rate_hz: Rate to open a device with; 0 takes the device's own. A file brings its own.
        sound_in_codec: The room's sound lives in the conferencing system and cannot be heard here (R46): "not measured", never a fault.
        mute_is_normal: Digital zero during a live meeting is a mute, not a dead microphone (R47).
        separate_channels: The channels are microphones of their own: two that carry the same sound are a fault.
        keep_pictures: Keep a spectrogram of each howl on this machine, in the state directory's folder ``pictures``; never sent.
        mute_control: Where the mixer tells that the microphone is muted, asked when it is silent: ``pulse:SOURCE`` (as pactl names it) or
            ``alsa:CARD/CONTROL`` (as amixer does, ``alsa:0/Mic``); empty: nowhere, and then silence is a dead microphone.
        loudspeaker: PortAudio device that `edge-agent sweep` plays to; empty: the system's default output.
        sweep_level_dbfs: Loudest that it plays, a sine's level.
        loop_gain_db: What the room's mixer adds between microphone and loudspeaker in a meeting, beyond what a sweep passes.
    """

    fitted: bool = True
    source: str = ""
    channels: _Channels = 1
    sample_rate_hz: _Rate = 0
    sound_in_codec: bool = False
    mute_is_normal: bool = True
    separate_channels: bool = False
    keep_pictures: bool = False
    mute_control: Annotated[str, msgspec.Meta(pattern=r"^$|^pulse:\S+$|^alsa:[^/\s]+/.+$")] = ""
    loudspeaker: str = ""
    sweep_level_dbfs: Annotated[float, msgspec.Meta(ge=-60, le=-6)] = -20.0
    loop_gain_db: Annotated[float, msgspec.Meta(ge=-60, le=60)] = 0.0


class MicrophoneLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is still normal; versioned at the center, these are the defaults.

    Levels are in dBFS by AES17: a full-scale sine has 0 dBFS RMS. None of them stands in the regulation: they are ours (∆).

    Attributes:
        look_s: How long a device is listened to in one run.
        dead_level_dbfs: At or below it there is no microphone behind the converter; smaller is stricter for the room.
        dead_after_s: For how long, where nothing has been heard before.
        silenced_after_s: For how long, where something has: a voice made or gated by a machine pauses in digital zero.
        speech_low_dbfs, speech_high_dbfs: Range of the level of speech, measured while somebody speaks.
        noise_floor_high_dbfs: Noise between the words.
        clipped_runs_per_s: Runs of consecutive full-scale samples in one second.
        dc_offset_high_percent: Mean of the signal, in percent of full scale.
        hum_high_dbfs: Mains hum, fundamental and harmonics together.
        dropouts_per_10_s: Gaps in the sound within ten seconds.
        howl_growth_db_per_s: Slowest growth of a line that is called howling; smaller is stricter.
        howl_prominence_db: How far a line stands over its neighbourhood before it is looked at; smaller is stricter.
        howl_quiet_dbfs: A howl found below it is called early.
        sustained_tone_after_s: For how long a steady tone may stand.
        sustained_tone_high_dbfs: A weaker steady tone is no matter.
        margin_low_db: A sweep's stability margin below it is amber; the literature asks for 6 dB and more.
        margin_critical_db: Below it the room is about to howl: red.
        level_drift_db: How far the level of speech may be from the approved session's, either way, and the signal-to-noise ratio below.
        noise_drift_db: How much more noise or hum there may be than in the approved session.
        margin_valid_h: For how many hours a sweep's result is repeated in the checks.
    """

    look_s: _Seconds = 3.0
    dead_level_dbfs: _Dbfs = -100.0
    dead_after_s: _Seconds = 2.0
    silenced_after_s: _Seconds = 3.0
    speech_low_dbfs: _Dbfs = -45.0
    speech_high_dbfs: _Dbfs = -8.0
    noise_floor_high_dbfs: _Dbfs = -45.0
    clipped_runs_per_s: Annotated[float, msgspec.Meta(gt=0)] = 5.0
    dc_offset_high_percent: Annotated[float, msgspec.Meta(gt=0, le=100)] = 2.0
    hum_high_dbfs: _Dbfs = -50.0
    dropouts_per_10_s: Annotated[float, msgspec.Meta(gt=0)] = 3.0
    howl_growth_db_per_s: Annotated[float, msgspec.Meta(gt=0, le=200)] = 6.0
    howl_prominence_db: Annotated[float, msgspec.Meta(gt=0, le=60)] = 15.0
    howl_quiet_dbfs: _Dbfs = -25.0
    sustained_tone_after_s: _Seconds = 3.0
    sustained_tone_high_dbfs: _Dbfs = -50.0
    margin_low_db: Annotated[float, msgspec.Meta(ge=0, le=40)] = 6.0
    margin_critical_db: Annotated[float, msgspec.Meta(ge=0, le=40)] = 3.0
    level_drift_db: Annotated[float, msgspec.Meta(gt=0, le=40)] = 6.0
    noise_drift_db: Annotated[float, msgspec.Meta(gt=0, le=40)] = 10.0
    margin_valid_h: Annotated[float, msgspec.Meta(gt=0, le=720)] = 72.0
