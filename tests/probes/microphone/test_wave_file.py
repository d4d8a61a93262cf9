"""Every layout of WAVE that a recorder writes is read; what is broken gives one clear sentence."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.readings import Failure
from probes.microphone.sound import SourceError
from probes.microphone.wave_file import WaveReader

_LAYOUTS = [(8, False), (16, False), (24, False), (32, False), (32, True), (64, True)]


def _read(content: bytes) -> Any:
    return WaveReader(io.BytesIO(content), "x.wav").read(10_000)


@pytest.mark.parametrize(("bits", "floating"), _LAYOUTS)
def test_samples_come_back_within_one_step_of_the_converter(wave_bytes: Any, bits: int, floating: bool) -> None:
    sound = np.random.default_rng(3).uniform(-0.99, 0.99, (500, 3))
    read = _read(wave_bytes(sound, 44_100, bits=bits, floating=floating))
    assert read.shape == (500, 3)
    assert np.abs(read - sound).max() <= (2e-7 if floating or bits > 24 else 2.0 ** (1 - bits) + 1e-7)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(cut=st.integers(0, 2000), layout=st.sampled_from(_LAYOUTS))
def test_a_truncated_file_gives_what_there_is_or_one_sentence(wave_bytes: Any, cut: int, layout: tuple[int, bool]) -> None:
    content = wave_bytes(np.full((300, 2), 0.5), 8000, bits=layout[0], floating=layout[1])[:cut]
    if b"data" not in content[:-4]:
        with pytest.raises(SourceError, match=r"^x\.wav: ") as caught:
            _read(content)
        assert caught.value.failure is Failure.BAD_DATA
    else:
        read = _read(content)
        assert len(read) <= 300
        assert np.allclose(read, 0.5, atol=0.01)


def test_a_header_without_length_as_pipes_write_it_reaches_to_the_end(wave_bytes: Any) -> None:
    content = bytearray(wave_bytes(np.full(300, 0.25), 8000))
    at = content.index(b"data") + 4
    content[at : at + 4] = b"\xff\xff\xff\xff"
    assert len(_read(bytes(content))) == 300


@pytest.mark.parametrize(("kind", "bits"), [(6, 8), (1, 12), (3, 16)])
def test_a_layout_that_is_not_read_is_named(wave_bytes: Any, kind: int, bits: int) -> None:
    content = bytearray(wave_bytes(np.zeros(10), 8000))
    content[20:22] = kind.to_bytes(2, "little")
    content[34:36] = bits.to_bytes(2, "little")
    with pytest.raises(SourceError, match=f"kiểu {kind}, {bits} bit") as caught:
        _read(bytes(content))
    assert caught.value.failure is Failure.UNSUPPORTED
