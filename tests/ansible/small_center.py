"""Stands in for ``control-center site health``: knows what the small agents wrote into the shared folder."""

import argparse
import datetime as dt
import json
import sys
import time
from pathlib import Path
from typing import Any

parser = argparse.ArgumentParser()
parser.add_argument("words", nargs=3)
parser.add_argument("--version")
parser.add_argument("--since")
parser.add_argument("--wait", type=float, default=0)
options = parser.parse_args()
site = options.words[2]
since = dt.datetime.fromisoformat(options.since).timestamp() if options.since else 0.0
deadline = time.monotonic() + options.wait
while True:
    births = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(Path("/srv/heard").glob(f"{site}-*.json"))]
    last: dict[str, Any] = births[-1] if births else {"version": "none", "born": 0.0}
    if last["version"] == options.version and last["born"] >= since:
        sys.exit(0)
    if time.monotonic() > deadline:
        print(f"{site}: version {last['version']} was heard, not {options.version}")
        sys.exit(1)
    time.sleep(0.2)
