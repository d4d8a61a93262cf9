"""The cause that an expert would name, for faults that stand together; and none where each stands for itself."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.catalog import FAULTS
from edge_agent.inference import CAUSES, causes_of

TABLE: list[tuple[str, list[str]]] = [
    ("cables.on_battery cables.carrier_lost link.gateway_unreachable", ["power"]),
    ("cables.on_battery link.down codec.unreachable camera.absent microphone.dead", ["power"]),
    ("cables.on_battery codec.unreachable cables.hdmi_no_signal", ["power"]),
    ("cables.on_battery", []),
    ("cables.carrier_lost link.gateway_unreachable", ["cable"]),
    ("cables.carrier_lost link.down link.center_unreachable", ["cable"]),
    ("cables.carrier_lost codec.unreachable camera.moved", ["cable"]),
    ("cables.carrier_lost link.off_tslcd", ["wrong port"]),
    ("cables.carrier_lost", []),
    ("link.gateway_unreachable codec.unreachable", ["switch"]),
    ("link.gateway_unreachable codec.unreachable microphone.hum microphone.noisy", ["switch", "ground"]),
    ("link.gateway_unreachable", ["router"]),
    ("link.gateway_unreachable codec.sip_down", ["router"]),
    ("codec.unreachable camera.no_signal microphone.dead", ["system off"]),
    ("codec.unreachable camera.black microphone.dead cables.hdmi_no_signal", ["system off"]),
    ("codec.unreachable cables.hdmi_no_signal", ["codec off"]),
    ("codec.unreachable camera.no_signal", ["codec off"]),
    ("codec.unreachable", []),
    ("codec.unreachable microphone.dead", []),
    ("link.down", ["line"]),
    ("link.down link.loss agent.outbox_full", ["line"]),
    ("link.down codec.sip_down", ["line"]),
    ("link.duplicate_address link.loss", ["duplicate address"]),
    ("link.duplicate_address codec.unreachable", ["duplicate address"]),
    ("cables.half_duplex link.loss link.high_jitter", ["bad cable"]),
    ("cables.slow_port link.high_latency", ["bad cable"]),
    ("link.path_changed link.high_latency", ["rerouted"]),
    ("link.path_changed link.mtu_reduced", ["rerouted"]),
    ("link.path_changed", []),
    ("link.high_latency link.loss", ["congestion"]),
    ("link.low_throughput link.high_jitter", ["congestion"]),
    ("link.loss", []),
    ("link.center_unreachable agent.outbox_full", ["center"]),
    ("link.mcu_unreachable", []),
    ("camera.absent microphone.absent cables.usb_lost", ["usb hub"]),
    ("camera.absent cables.usb_lost", ["usb cable of the camera"]),
    ("microphone.absent cables.usb_lost", ["usb cable of the microphone"]),
    ("cables.hdmi_no_signal camera.no_signal", ["hdmi"]),
    ("camera.no_signal", []),
    ("camera.busy microphone.busy", ["in use"]),
    ("host.cpu camera.dropped_frames agent.probe_timeout", ["pc overloaded"]),
    ("host.temperature host.cpu", ["pc hot"]),
    ("host.disk agent.disk_unwritable", ["disk"]),
    ("camera.underexposed camera.noisy", ["dark room"]),
    ("camera.noisy camera.low_frame_rate", ["dark room"]),
    ("camera.underexposed", []),
    ("microphone.clipping microphone.low_margin", ["gain too high"]),
    ("microphone.hum microphone.noisy", ["ground"]),
    ("link.down camera.covered", ["line"]),
    ("link.down microphone.hum microphone.noisy camera.underexposed camera.noisy", ["line", "dark room", "ground"]),
]


@pytest.mark.req("R30")
@pytest.mark.parametrize(("together", "expected"), TABLE, ids=[together for together, _ in TABLE])
def test_the_cause_is_the_one_that_an_expert_names(together: str, expected: list[str]) -> None:
    assert [cause.name for cause in causes_of(together.split())] == expected


def test_every_code_of_the_tables_is_a_fault_and_every_cause_has_a_case() -> None:
    named = {code for cause in CAUSES for code in (*cause.covers, *cause.none_of)}
    assert named | {code for together, _ in TABLE for code in together.split()} <= FAULTS.keys()
    assert {cause.name for cause in CAUSES} == {name for _, expected in TABLE for name in expected}


@given(st.sets(st.sampled_from(sorted(FAULTS)), max_size=6))
def test_no_cause_is_named_without_its_signs_and_none_twice(codes: set[str]) -> None:
    found = causes_of(codes)
    assert len({cause.name for cause in found}) == len(found)
    for cause in found:
        assert all(group & codes for group in cause.all_of)
        assert not cause.none_of & codes


@given(st.sampled_from(sorted(FAULTS)))
def test_a_single_fault_is_its_own_cause_unless_it_says_more_than_its_sentence(code: str) -> None:
    names = {cause.name for cause in causes_of([code])}
    assert names <= {"router", "line", "center"}


def test_its_words_are_composed_unicode_and_short() -> None:
    for cause in CAUSES:
        assert cause.text() == unicodedata.normalize("NFC", cause.text())
        assert len(cause.text()) < 260
