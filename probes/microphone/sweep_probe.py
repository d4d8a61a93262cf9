"""One sweep of the room's loop, from files or devices, judged: what `edge-agent sweep` runs."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from contract.messages import NearHowl, SweepReport, SweepResult
from contract.readings import Failure
from probes.microphone.limits import MicrophoneLimits, MicrophoneSettings
from probes.microphone.margin import Margin, margin_of
from probes.microphone.sound import SourceError
from probes.microphone.sound_file import SoundFile
from probes.microphone.summary import targets_of
from probes.microphone.sweep import NotHeardError, loop_response, make_sweep
from probes.microphone.sweep_device import Tell, record_sweep
from probes.microphone.sweep_result import finding_of
from probes.microphone.wave_file import write_wave

LONGEST_FILE_S = 120.0


def sweep_files(recorded: str, reference: str, limits: MicrophoneLimits, *, loop_gain_db: float = 0.0) -> SweepReport:
    """Judge a sweep that was recorded before; both files begin at the same moment.

    Args:
        recorded: Sound file, each channel judged on its own.
        reference: Sound file of the sweep as it was played; its first channel counts.
        limits: What is still normal.
        loop_gain_db: See `MicrophoneSettings`.
    """
    try:
        sound, rate_hz = _read(recorded)
        played, played_rate_hz = _read(reference)
    except SourceError as error:
        return _failed(recorded, error.failure, str(error))
    if rate_hz != played_rate_hz:
        reason = f"{recorded} có {rate_hz} Hz còn {reference} có {played_rate_hz} Hz; hãy ghi âm cùng tần số lấy mẫu với tệp đã phát"
        return _failed(recorded, Failure.BAD_DATA, reason)
    return _judge(sound, played[:, 0], rate_hz, recorded, limits, loop_gain_db=loop_gain_db, phase_known=True)


def sweep_devices(settings: MicrophoneSettings, limits: MicrophoneLimits, tell: Tell) -> SweepReport:
    """Play a sweep to the room's loudspeaker, hear it at its microphone, and judge. It makes noise: ask before.

    Args:
        settings: Microphone, loudspeaker and the loudest level.
        limits: What is still normal.
        tell: Hears what is being done.
    """
    try:
        recording = record_sweep(settings, tell)
    except SourceError as error:
        return _failed(settings.source, error.failure, str(error))
    # Played through the computer's own buffers, the loop has a delay that it will not have in a meeting: the phase says nothing.
    gain_db, name = settings.loop_gain_db, recording.name
    return _judge(recording.sound, recording.played, recording.rate_hz, name, limits, loop_gain_db=gain_db, phase_known=False)


def write_sweep(path: str, rate_hz: int, *, level_dbfs: float = -20.0) -> None:
    """Write the sweep as a WAVE file, for a room whose loudspeaker this machine does not reach."""
    write_wave(path, make_sweep(rate_hz, level_dbfs=level_dbfs), rate_hz)


def _read(path: str) -> tuple[NDArray[np.float32], int]:
    source = SoundFile(path)
    try:
        blocks: list[NDArray[np.float32]] = []
        for block in source.blocks():
            blocks.append(block.samples)
            if sum(map(len, blocks)) > LONGEST_FILE_S * source.rate_hz:
                raise SourceError(Failure.UNSUPPORTED, f"{path}: dài hơn {LONGEST_FILE_S:.0f} giây; hãy cắt lấy đoạn có tiếng quét")
        if not blocks:
            raise SourceError(Failure.BAD_DATA, f"{path}: tệp không có âm thanh nào")
        return np.concatenate(blocks), source.rate_hz
    finally:
        source.close()


def _judge(
    sound: NDArray[np.float32],
    played: NDArray[np.floating],
    rate_hz: int,
    name: str,
    limits: MicrophoneLimits,
    *,
    loop_gain_db: float,
    phase_known: bool,
) -> SweepReport:
    at = datetime.now(UTC)
    results: list[SweepResult] = []
    unheard: list[str] = []
    for target, channel in zip(targets_of(sound.shape[1]), sound.T, strict=True):
        try:
            margin = margin_of(loop_response(channel, played, rate_hz), loop_gain_db=loop_gain_db)
        except NotHeardError as error:
            unheard.append(f"kênh {target}: {error}" if target else str(error))
        else:
            results.append(_result(margin, target, limits, phase_known=phase_known))
    findings = tuple(finding for result in results if (finding := finding_of(result, limits, since=at)) is not None)
    if unheard:
        # A channel that was not heard is not known to be stable.
        reason = f"{name}: {'; '.join(unheard)}"
        return SweepReport(at=at, source=name, results=tuple(results), findings=findings, failure=Failure.BAD_DATA, reason=reason)
    return SweepReport(at=at, source=name, results=tuple(results), findings=findings)


def _result(margin: Margin, target: str, limits: MicrophoneLimits, *, phase_known: bool) -> SweepResult:
    judged = margin.margin_db if phase_known and margin.margin_db is not None else margin.pessimistic_db
    return SweepResult(
        target=target,
        margin_db=None if margin.margin_db is None else round(margin.margin_db, 2),
        margin_pessimistic_db=round(margin.pessimistic_db, 2),
        judged_db=round(judged, 2),
        grade="red" if judged < limits.margin_critical_db else "amber" if judged < limits.margin_low_db else "green",
        nearest=tuple(NearHowl(frequency_hz=round(at_hz, 1), margin_db=round(reserve_db, 2)) for at_hz, reserve_db in margin.nearest),
        rt60_s=None if margin.rt60_s is None else round(margin.rt60_s, 3),
        loop_delay_ms=None if margin.loop_delay_s is None else round(1000 * margin.loop_delay_s, 2),
        snr_db=round(margin.snr_db, 1),
    )


def _failed(source: str, failure: Failure, reason: str) -> SweepReport:
    return SweepReport(at=datetime.now(UTC), source=source, failure=failure, reason=reason)
