"""``python -m bench.center.pages``: open pages of the live wall; one of them prints when it is shown each verdict of the marker."""

from __future__ import annotations

import argparse
import asyncio
import re
import time

import httpx

from bench.center.load import MARKER

_TONE = re.compile(rf'id=\\"site-{MARKER}\\".*?data-component=\\"camera\\" data-tone=\\"(\w+)\\"')


async def _read(url: str, seconds: float, *, observes: bool) -> None:
    told = ""
    async with httpx.AsyncClient(timeout=None) as client, client.stream("GET", f"{url}events") as answer:
        until_s = time.monotonic() + seconds
        async for line in answer.aiter_lines():
            if observes and (found := _TONE.search(line)) and found.group(1) != told:
                told = found.group(1)
                print(f"{told} {time.time():.6f}", flush=True)
            if time.monotonic() > until_s:
                return


async def _all(url: str, pages: int, seconds: float) -> None:
    await asyncio.gather(*(_read(url, seconds, observes=number == 0) for number in range(pages)))


def main() -> None:
    """Read until the time is over."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--url", required=True)
    words.add_argument("--pages", type=int, required=True)
    words.add_argument("--seconds", type=float, required=True)
    options = words.parse_args()
    asyncio.run(_all(options.url, options.pages, options.seconds))


if __name__ == "__main__":
    main()
