"""One row a figure: what, measured, goal, kept or missed."""

from __future__ import annotations

from typing import NamedTuple

from rich.console import Console
from rich.table import Table

Raw = dict[str, list[float]]
"""What was measured one by one, by name, for plots."""


class Figure(NamedTuple):
    """A measured figure; without a goal it is shown beside the others and judged by nobody."""

    what: str
    value: float
    unit: str
    goal: float | None = None
    note: str = ""

    @property
    def missed(self) -> bool:
        """Whether it is above its goal."""
        return self.goal is not None and self.value > self.goal


def show(console: Console, title: str, figures: list[Figure]) -> None:
    """Print the figures of one part."""
    table = Table(title=title, title_justify="left")
    for column in ("figure", "measured", "goal", "", "note"):
        table.add_column(column, justify="right" if column in ("measured", "goal") else "left")
    for figure in figures:
        goal = "" if figure.goal is None else f"≤ {figure.goal:g} {figure.unit}"
        verdict = "" if figure.goal is None else "[red]✘ missed[/red]" if figure.missed else "[green]✔ met[/green]"
        table.add_row(figure.what, f"{figure.value:.2f} {figure.unit}", goal, verdict, figure.note)
    console.print(table)
