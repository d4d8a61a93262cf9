"""The one place where metrics and faults are declared; documents, form and board are drawn from it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from contract.catalog import agent, cables, camera, codec, host, link, microphone
from contract.catalog.model import LINE_OF, FaultSpec, FormEffect, FormLine, MetricSpec, Worse
from contract.catalog.words import Language, fill, quantity
from contract.findings import Finding
from contract.meetings import Phase
from contract.readings import Failure, Reading

__all__ = [
    "FAULTS",
    "LINE_OF",
    "METRICS",
    "FaultSpec",
    "FormEffect",
    "FormLine",
    "Language",
    "MetricSpec",
    "Worse",
    "advice",
    "figure",
    "finding",
    "missing",
    "sentence",
    "title",
    "told",
]

_MODULES = (camera, microphone, link, codec, cables, host, agent)
METRICS: dict[str, MetricSpec] = {spec.name: spec for module in _MODULES for spec in module.METRICS}
FAULTS: dict[str, FaultSpec] = {spec.code: spec for module in _MODULES for spec in module.FAULTS}


def figure(metric: str, value: float, *, at: datetime, target: str = "") -> Reading:
    """Reading of a declared metric, with its unit."""
    return Reading(metric=metric, value=float(value), unit=METRICS[metric].unit, target=target, at=at)


def missing(metric: str, failure: Failure, *, at: datetime, target: str = "") -> Reading:
    """Reading that says why a declared metric has no figure."""
    return Reading(metric=metric, failure=failure, unit=METRICS[metric].unit, target=target, at=at)


def finding(code: str, phase: Phase = Phase.IDLE, **fields: Any) -> Finding:
    """Finding of a declared fault, with the severity that it has in `phase` and its component.

    Args:
        code: A declared fault code.
        phase: Phase of the meeting in which it is judged.
        **fields: The other fields of `Finding`.
    """
    spec = FAULTS[code]
    return Finding(code=code, severity=spec.severity_at(phase), component=spec.component, **fields)


def told(metric: str, value: float | None, unit: str, language: Language = "vi") -> str:
    """A figure as people read it: with its unit, or in the words that its metric has for it."""
    spec = METRICS.get(metric)
    words = () if spec is None else spec.words_vi if language == "vi" else spec.words_en
    if words and value is not None and value in range(len(words)):
        return words[int(value)]
    return quantity(value, unit, language)


def title(code: str, language: Language = "vi") -> str:
    """Short name of a fault; the raw code of one that only a newer peer knows."""
    spec = FAULTS.get(code)
    return code if spec is None else (spec.title_vi if language == "vi" else spec.title_en)


def sentence(found: Finding, language: Language = "vi") -> str:
    """What was found, with figure and limit, in one sentence."""
    spec = FAULTS.get(found.code)
    return found.code if spec is None else fill(spec.vi if language == "vi" else spec.en, found, language)


def advice(found: Finding, language: Language = "vi") -> str:
    """What to do about it."""
    spec = FAULTS.get(found.code)
    return "" if spec is None else fill(spec.advice_vi if language == "vi" else spec.advice_en, found, language)
