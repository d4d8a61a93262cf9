"""Metrics and faults of the component "codec"."""

from __future__ import annotations

from contract.catalog.model import FaultSpec, MetricSpec

METRICS: tuple[MetricSpec, ...] = ()

FAULTS: tuple[FaultSpec, ...] = ()
