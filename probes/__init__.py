"""The senses of a site: one package per probe, each measuring one thing and knowing nothing of meetings or MQTT."""
