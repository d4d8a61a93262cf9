"""MQTT in: decode, store once, acknowledge after the commit, hand on."""

from control_center.ingest.ingest import Ingest
from control_center.ingest.link import BrokerAddress

__all__ = ["BrokerAddress", "Ingest"]
