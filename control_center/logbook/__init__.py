"""The logbook form, Phụ lục II."""
