"""A whole meeting in about ninety seconds, played on the two programs from outside."""
