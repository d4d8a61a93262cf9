"""The Mosquitto broker: its configuration, its start, its supervision."""
