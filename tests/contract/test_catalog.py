from __future__ import annotations

import string
import unicodedata

import pytest

from contract.catalog import FAULTS, METRICS, advice, finding, sentence, title, told
from contract.catalog.model import FaultSpec
from contract.catalog.words import number, quantity
from contract.findings import Finding, Severity

COMMON = {"figure", "limit", "frequency_hz", "target"}


@pytest.mark.parametrize(
    ("value", "vi", "en"),
    [(2.5, "2,5", "2.5"), (1234.6, "1235", "1235"), (0.0312, "0,0312", "0.0312"), (-3, "−3", "−3"), (0.999, "0,999", "0.999")],
)
def test_numbers_are_written_as_people_write_them(value: float, vi: str, en: str) -> None:
    assert number(value, "vi") == vi
    assert number(value, "en") == en


def test_a_figure_that_is_missing_is_said_to_be_missing() -> None:
    assert quantity(None, "ms", "vi") == "không đo được"


@pytest.mark.parametrize("spec", FAULTS.values(), ids=lambda spec: spec.code)
def test_every_fault_has_its_words_in_both_languages(spec: FaultSpec) -> None:
    words = (spec.title_vi, spec.title_en, spec.vi, spec.en, spec.advice_vi, spec.advice_en)
    assert all(words)
    assert all(unicodedata.is_normalized("NFC", word) for word in words)
    vi, en = (
        {name.removesuffix(f"_{language}") for _, name, _, _ in string.Formatter().parse(text) if name}
        for language, text in (("vi", spec.vi), ("en", spec.en))
    )
    assert vi == en, "both languages name the same figures"


@pytest.mark.parametrize("spec", FAULTS.values(), ids=lambda spec: spec.code)
def test_every_sentence_can_be_filled(spec: FaultSpec) -> None:
    details: dict[str, float | str] = {
        name: "x"
        for text in (spec.vi, spec.en, spec.advice_vi, spec.advice_en)
        for _, name, _, _ in string.Formatter().parse(text)
        if name and name not in COMMON
    }
    found = finding(spec.code, figure=1.5, limit=1.0, unit="u", frequency_hz=1000.0, target="t", details=details)
    assert "[" not in sentence(found, "vi") + sentence(found, "en") + advice(found, "vi") + advice(found, "en")


def test_metrics_carry_their_unit_in_their_name_or_have_none() -> None:
    suffix = {
        "ms": "_ms",
        "s": "_s",
        "Hz": "_hz",
        "dBFS": "_dbfs",
        "LUFS": "_lufs",
        "dB": "_db",
        "°C": "_celsius",
        "%": "_percent",
        "px": "_px",
    }
    for name, spec in METRICS.items():
        assert spec.unit not in suffix or name.endswith(suffix[spec.unit]), f"{name} is in {spec.unit}"


def test_a_code_that_only_a_newer_peer_knows_is_shown_as_it_is() -> None:
    strange = Finding(code="camera.upside_down", severity=Severity.WARNING, component="camera")
    assert sentence(strange) == "camera.upside_down"
    assert title("camera.upside_down") == "camera.upside_down"
    assert advice(strange) == ""


def test_a_figure_that_is_no_quantity_is_told_in_words() -> None:
    assert told("cables.mains", 0.0, "") == "pin"
    assert told("cables.mains", 1.0, "", "en") == "mains"
    assert told("cables.mains", 0.5, "") == "0,5"  # a mean of some: no word says it
    assert told("cables.mains", None, "") == "không đo được"
    assert told("link.rtt_ms", 12.5, "ms") == "12,5\u00a0ms"


def test_no_metric_explains_digits_in_brackets() -> None:
    assert not [spec.name for spec in METRICS.values() if "(1)" in spec.vi + spec.en or "(0)" in spec.vi + spec.en]
