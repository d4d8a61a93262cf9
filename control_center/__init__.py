"""The control center: hears all sites, tells what matters, keeps the logbook."""
