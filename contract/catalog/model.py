"""What the catalog says of a metric and of a fault."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

import msgspec

from contract.findings import Component, Severity
from contract.meetings import Phase


class Worse(StrEnum):
    """Which way a figure gets worse."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


class FormEffect(StrEnum):
    """What a fault does to the logbook form (Phụ lục II)."""

    DAMAGED = "damaged"
    """Ticks "hư hỏng" on its line if it lasted to the end: a broken, absent or dead thing."""
    TOLD = "told"
    """Ticks "Sự cố" and is told in "Mô tả sự cố"; no device is called damaged."""
    NOT_MEASURED = "not_measured"
    """The line could not be judged: both boxes stay empty, with the reason."""
    NONE = "none"
    """An advisory that the form does not mention."""


class FormLine(StrEnum):
    """The five device lines of Phụ lục II; the value is the line's word in the regulation."""

    CAMERA = "Camera"
    CODEC = "Bộ kết nối"
    MICROPHONE = "Micro"
    CABLES = "Adapter, dây cáp"
    OTHER = "Khác"


LINE_OF: Mapping[Component, FormLine | None] = MappingProxyType(
    {
        Component.CAMERA: FormLine.CAMERA,
        Component.CODEC: FormLine.CODEC,
        Component.MICROPHONE: FormLine.MICROPHONE,
        Component.CABLES: FormLine.CABLES,
        Component.HOST: FormLine.OTHER,
        Component.LINK: None,
        Component.AGENT: None,
    }
)


class MetricSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One metric, declared once.

    Attributes:
        name: ``component.figure_unit``; the same word in configuration, message and document.
        unit: Unit symbol as shown (``ms``, ``dBFS``, ``%``); empty for a plain number.
        vi, en: What it is, for people.
        minimum, maximum: Range of possible values; None where it is open.
        worse: Which way it gets worse.
        essential: Whether the component counts as "not checked" without it.
        words_vi, words_en: What the values 0, 1 … mean, for a figure that is no quantity (yes or no, a grade); empty for one that is.
    """

    name: str
    unit: str
    vi: str
    en: str
    minimum: float | None = None
    maximum: float | None = None
    worse: Worse = Worse.NEITHER
    essential: bool = False
    words_vi: tuple[str, ...] = ()
    words_en: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.words_vi) != len(self.words_en):
            raise ValueError(f"{self.name}: as many words in one language as in the other")


def yes_or_no(name: str, vi: str, en: str, *, worse: Worse = Worse.NEITHER, essential: bool = False) -> MetricSpec:
    """A metric that is no quantity: 0 is no, 1 is yes."""
    return MetricSpec(
        name=name,
        unit="",
        vi=vi,
        en=en,
        minimum=0,
        maximum=1,
        worse=worse,
        essential=essential,
        words_vi=("không", "có"),
        words_en=("no", "yes"),
    )


class FaultSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One fault code, declared once.

    Sentences are format strings; ``{figure}``, ``{limit}``, ``{frequency_hz}`` come with number format and unit,
    ``{target}`` as it is, and so does every key of the finding's details.

    Attributes:
        code: ``component.fault``.
        effect: What it does to the form.
        severity: Default severity.
        severity_in: Severity in the phases where it differs.
        title_vi, title_en: Three or four words, for a tile or a table cell.
        vi, en: The sentence with figure and limit.
        advice_vi, advice_en: What to do next, imperative, one or two short sentences.
    """

    code: str
    effect: FormEffect
    severity: Severity
    title_vi: str
    title_en: str
    vi: str
    en: str
    advice_vi: str
    advice_en: str
    severity_in: Mapping[Phase, Severity] = {}

    @property
    def component(self) -> Component:
        """Component of the site that the fault is about."""
        return Component(self.code.partition(".")[0])

    @property
    def runbook(self) -> str:
        """Anchor of its entry in docs/runbook.vi.md."""
        return self.code.replace(".", "-").replace("_", "-")

    def severity_at(self, phase: Phase) -> Severity:
        """Severity in `phase`."""
        return self.severity_in.get(phase, self.severity)
