from __future__ import annotations

import msgspec
import pytest

from probes.link.limits import Kind, LinkSettings, Target, target_from_text


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("10.0.0.1", Target(host="10.0.0.1")),
        ("mcu.tinh.example", Target(host="mcu.tinh.example")),
        ("icmp:10.0.0.1", Target(host="10.0.0.1")),
        ("fd00::1", Target(host="fd00::1")),
        ("icmp:fd00::1", Target(host="fd00::1")),
        ("stamp:10.0.0.1", Target(host="10.0.0.1", kind=Kind.STAMP)),
        ("stamp:10.0.0.1:8620", Target(host="10.0.0.1", kind=Kind.STAMP, port=8620)),
        ("center=stamp:[fd00::1]:8620", Target(host="fd00::1", name="center", kind=Kind.STAMP, port=8620)),
        ("gateway=10.0.0.1", Target(host="10.0.0.1", name="gateway")),
    ],
)
def test_a_target_is_read_from_a_word(text: str, target: Target) -> None:
    assert target_from_text(text) == target
    assert msgspec.convert({"targets": [text]}, type=LinkSettings).ends == (target,)


@pytest.mark.parametrize(
    ("targets", "reason"),
    [
        (["stamp:host:x"], "port 'x' is no number"),
        (["stamp:host:70000"], "port is 70000, use 1–65535"),
        (["icmp:host:5"], "ICMP has no port"),
        (["=host"], "empty name"),
        ([""], "neither a name nor an address"),
        (["a b"], "neither a name nor an address"),
        (["10.0.0.1", "10.0.0.1"], "is there twice"),
        ([{"host": "a", "kind": "tcp"}], "tcp"),
        ([{"host": "a", "port": 0}], "port is 0"),
        ([{"host": "a", "unknown": 1}], "unknown"),
    ],
)
def test_a_wrong_target_is_refused_with_its_reason(targets: list[object], reason: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=reason):
        msgspec.convert({"targets": targets}, type=LinkSettings)


@pytest.mark.parametrize("wrong", [{"ssid": 65536}, {"ssid": -1}, {"dscp": 64}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, type=LinkSettings)
