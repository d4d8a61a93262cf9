"""The center's end, to be killed. Arguments: folder, port, group of workers (or none). SIGTERM: end in order."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from pathlib import Path

from control_center.ingest import BrokerAddress, Ingest
from control_center.store import journal  # noqa: F401 — its tables
from control_center.store.base import Base, open_engine


def main(folder: Path, port: int, group: str = "") -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    engine = open_engine(f"sqlite:///{folder}/center.sqlite")
    Base.metadata.create_all(engine)
    address = BrokerAddress("127.0.0.1", port, password="center-secret")
    ingest = Ingest(address, engine, lambda _message, _is_new: None, share_group=group)
    ingest.start()
    stop.wait()
    ingest.stop()
    logging.getLogger(__name__).info("stored %d", ingest.counts["stored"])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
