"""MQTT in: decode strictly, store once, acknowledge, hand on."""
