"""Computes room responses by image sources; runs in the corpus's own environment, which has pyroomacoustics.

``python rooms.py SEED COUNT OUT.npz``: for each room the response from the loudspeaker to the microphone and from the talker
to it, at 48 kHz. Boxes of 4-9 by 3-7 by 2.5-3.2 m with a reverberation time of 0.25 to 0.7 s, as meeting rooms have.
"""

from __future__ import annotations

import sys

import numpy as np
import pyroomacoustics as pra

RATE_HZ = 48_000
_LONGEST_S = 0.7
_HIGHEST_ORDER = 24


def room(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two responses of one room: from the loudspeaker near a wall, from a talker 0.3 to 1.2 m away."""
    rng = np.random.default_rng(seed)
    size = np.array([rng.uniform(4, 9), rng.uniform(3, 7), rng.uniform(2.5, 3.2)])
    absorption, order = pra.inverse_sabine(rng.uniform(0.25, 0.7), size)
    box = pra.ShoeBox(size, fs=RATE_HZ, materials=pra.Material(absorption), max_order=min(order, _HIGHEST_ORDER))
    microphone = np.array([*(size[:2] * rng.uniform(0.3, 0.7, 2)), 0.8])
    turn = rng.uniform(0, 2 * np.pi)
    talker = microphone + rng.uniform(0.3, 1.2) * np.array([np.cos(turn), np.sin(turn), 0.3])
    loudspeaker = np.array([*(size[:2] * rng.choice([0.1, 0.9], 2)), rng.uniform(1.2, 2.2)])
    box.add_source(loudspeaker)
    box.add_source(np.clip(talker, 0.2, size - 0.2))
    box.add_microphone(microphone)
    box.compute_rir()
    longest = round(_LONGEST_S * RATE_HZ)
    first, second = (np.asarray(response[:longest], np.float32) for response in box.rir[0])
    return first, second


def main() -> None:
    """Compute and write them."""
    seed, count, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    arrays = {}
    for index in range(count):
        arrays[f"loudspeaker{index}"], arrays[f"talker{index}"] = room(seed + index)
    np.savez(out, **arrays)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
