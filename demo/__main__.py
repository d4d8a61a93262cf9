"""``make demo``: plays a whole meeting, prints where the form lies and how soon each alert was seen."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from demo.play import LEAD_S, LIVE_S, PRECHECK_S, REHEARSAL_S, WRAP_UP_S, Outcome, Play
from demo.stage import StageError, fresh_folder

SET_UP_S = 12
TOTAL_S = SET_UP_S + LEAD_S + REHEARSAL_S + PRECHECK_S + LIVE_S + WRAP_UP_S
KEPT_LINES = 12


class Display:
    """What happens, line by line, over a bar that says how much is left."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.began = time.monotonic()
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=36),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            console=console,
        )
        self.task = self.progress.add_task("Cuộc họp thử", total=TOTAL_S)

    def tell(self, line: str) -> None:
        """Say what happens now."""
        elapsed_s = time.monotonic() - self.began
        self.progress.update(self.task, completed=min(elapsed_s, TOTAL_S))
        self.progress.console.print(f"[dim]{elapsed_s:5.1f} s[/dim]  {line}", highlight=False)


def report(console: Console, play: Play, outcome: Outcome) -> None:
    """The table of alerts, the form's places, the verdict."""
    table = Table(title="Độ trễ cảnh báo, đo trong trang của trình duyệt", title_justify="left")
    for column in ("Sự việc", "Điểm cầu", "Từ lúc xảy ra đến lúc hiện", "Mục tiêu", ""):
        table.add_column(column)
    for alert in outcome.alerts:
        shown = "không hiện" if alert.delay_s is None else f"{alert.delay_s:.2f} s".replace(".", ",")
        good = alert.delay_s is not None and alert.delay_s <= alert.goal_s
        table.add_row(
            alert.what, alert.site.name, shown, f"≤ {alert.goal_s:g} s", "[green]✔ đạt[/green]" if good else "[red]✘ không đạt[/red]"
        )
    if outcome.alerts:
        console.print(table)
    console.print("Nhật ký Phụ lục II:")
    for path in outcome.forms:
        console.print(f"  {path}", soft_wrap=True, highlight=False)
    console.print(f"Nhật ký chạy và ảnh bảng: {play.folder}", soft_wrap=True, highlight=False)
    for fault in outcome.faults:
        console.print(f"[red]✘[/red] {fault}")
    if not outcome.faults:
        console.print("[green]✔[/green] Mọi sự việc đều được báo đúng hẹn và được ghi vào nhật ký.")


def main() -> int:
    """Play, report, and stay up with the board unless told to exit."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--exit", action="store_true", help="end after the meeting instead of staying up with the board")
    parser.add_argument("--folder", type=Path, default=Path("var/demo"), help="where to put everything (default var/demo)")
    options = parser.parse_args()
    console = Console()
    signal.signal(signal.SIGTERM, _interrupt)
    display = Display(console)
    play = Play(fresh_folder(options.folder.resolve()), display.tell)
    try:
        with Live(display.progress, console=console, refresh_per_second=2):
            play.set_up()
            console.print(f"Bảng trực tiếp: [bold]{play.center.url}[/bold]")
            play.register_meeting()
            play.play()
            outcome = play.collect()
            display.progress.update(display.task, completed=TOTAL_S)
        report(console, play, outcome)
        if not options.exit:
            console.print(f"Bảng trực tiếp vẫn mở tại [bold]{play.center.url}[/bold]. Ctrl-C để dừng.")
            while True:
                time.sleep(1)
    except StageError as error:
        console.print(f"[red]✘[/red] {error}", soft_wrap=True)
        return 2
    except KeyboardInterrupt:
        return 0 if not options.exit else 130
    finally:
        play.tear_down()
    return 1 if outcome.faults else 0


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
