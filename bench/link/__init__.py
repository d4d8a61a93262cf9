"""The link watch measured: bias against the wire, cuts, false alarms, cost; ``make bench-link``."""
