"""The runbook has an entry for each fault code, and none for a code that does not exist."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest

from contract.catalog import FAULTS
from contract.catalog.model import FaultSpec

RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.vi.md"
PARTS = ("**Ý nghĩa.**", "**Việc cần làm.**", "**Gọi ai.**")


def _entries() -> dict[str, str]:
    """Text of each entry by its anchor."""
    parts = re.split(r'<a id="([a-z0-9-]+)"></a>', RUNBOOK.read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.req("R41")
@pytest.mark.parametrize("spec", FAULTS.values(), ids=lambda spec: spec.code)
def test_each_fault_has_an_entry_with_its_meaning_its_remedy_and_whom_to_phone(spec: FaultSpec) -> None:
    entry = _entries()[spec.runbook]
    assert entry.strip().startswith(f"### {spec.title_vi}\n")
    at = [entry.index(part) for part in PARTS]
    assert at == sorted(at)


def test_no_entry_is_about_a_fault_that_does_not_exist() -> None:
    assert set(_entries()) == {spec.runbook for spec in FAULTS.values()}


def test_it_is_composed_unicode() -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    assert text == unicodedata.normalize("NFC", text)
