"""The edge agent: the daemon on the mini-PC beside a conferencing system."""
