"""Limits of the fleet: what is still normal, versioned at the center and handed out to every site."""
