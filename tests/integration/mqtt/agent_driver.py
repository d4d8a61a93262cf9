"""A site's end, to be killed: appends numbered events, and writes into a ledger which of them are surely on disk.

Arguments: folder, port, name of this run. SIGTERM: append no more, end when the center has acknowledged all.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from contract.messages import Figures, Lifecycle
from contract.topics import Kind
from edge_agent.mqtt import Credentials, Endpoint
from edge_agent.outbox import Outbox
from edge_agent.uplink import Uplink


def main(folder: Path, port: int, run: str) -> None:
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {run} %(message)s")
    finishing: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: finishing.append(True))
    outbox = Outbox(folder / "outbox.sqlite", site="an-nhon", max_rows=100_000)
    credentials = Credentials(password="an-nhon-secret")
    uplink = Uplink(outbox, [Endpoint("127.0.0.1", port)], credentials, keepalive_s=2, resend_after_s=1.0, max_pause_s=0.5)
    uplink.start()
    with (folder / "ledger").open("a") as ledger:
        number = 0
        while not finishing:
            names = [f"{run}-{number + ahead}" for ahead in range(3)]
            number += len(names)
            for name in names:
                outbox.append(Kind.EVENT, Lifecycle(what=name, at=datetime.now(UTC)), datetime.now(UTC))
            outbox.append(Kind.FIGURES, Figures(begins_at=datetime.now(UTC), ends_at=datetime.now(UTC), rollups=()), datetime.now(UTC))
            if outbox.flush(10.0):
                ledger.writelines(f"{name}\n" for name in names)
                ledger.flush()
                os.fsync(ledger.fileno())
            time.sleep(0.01)
    while outbox.rows:
        time.sleep(0.02)
    uplink.stop()
    outbox.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
