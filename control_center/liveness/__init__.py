"""Who is there: STAMP reflector, second witness, heartbeats, last will."""
