"""Numbers and sentences as people of each language write them."""

from __future__ import annotations

from typing import Literal

from contract.findings import Finding

Language = Literal["vi", "en"]
_NOTHING = {"vi": "không đo được", "en": "not measured"}


def number(value: float, language: Language = "vi") -> str:
    """A figure with as many digits as a person can use: 3 significant ones, and a comma in Vietnamese."""
    magnitude = abs(value)
    text = f"{value:.0f}" if magnitude >= 100 or value == int(value) else f"{value:.3g}"
    text = text.replace("-", "−")
    return text.replace(".", ",") if language == "vi" else text


def quantity(value: float | None, unit: str, language: Language = "vi") -> str:
    """Figure and unit with a no-break space; says so when there is no figure."""
    if value is None:
        return _NOTHING[language]
    text = number(value, language)
    return text + unit if unit == "%" else f"{text}\u00a0{unit}".rstrip("\u00a0")


class _Fields(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return f"[{key}]"


def fill(template: str, found: Finding, language: Language) -> str:
    """Put the finding's figures into a sentence of the catalog."""
    fields = _Fields({name: number(word, language) if isinstance(word, float | int) else word for name, word in found.details.items()})
    fields["figure"] = quantity(found.figure, found.unit, language)
    fields["limit"] = quantity(found.limit, found.unit, language)
    fields["frequency_hz"] = quantity(found.frequency_hz, "Hz", language)
    fields["target"] = found.target
    return " ".join(template.format_map(fields).split(" ")).replace("  ", " ").strip()
