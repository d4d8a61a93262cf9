"""One fault that a picture shows, before it becomes a finding; and what a rule is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from probes.camera.figures import Figures
from probes.camera.limits import CameraLimits, CameraSettings


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One fault that a moment shows, with the figure, the limit and the words its sentence names."""

    code: str
    figure: float | None = None
    limit: float | None = None
    unit: str = ""
    details: dict[str, float | str] = field(default_factory=dict)


Rule = Callable[[Figures, CameraLimits, CameraSettings], Suspicion | None]
