"""``python -m bench.center.bare``: a subscriber that does nothing but count, for what the broker alone delivers in the same run."""

from __future__ import annotations

import argparse
import time
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contract.topics import ROOT


def main() -> None:
    """Count until the time is over."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--port", type=int, required=True)
    words.add_argument("--seconds", type=float, required=True)
    options = words.parse_args()
    heard = 0

    def count(_client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        nonlocal heard
        heard += not message.retain

    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="bare", protocol=MQTTProtocolVersion.MQTTv5)
    client.on_message = count
    client.connect("127.0.0.1", options.port)
    client.subscribe(f"{ROOT}/#", qos=1)
    until_s = time.monotonic() + options.seconds
    while time.monotonic() < until_s:
        client.loop(0.1)
    print(heard)


if __name__ == "__main__":
    main()
