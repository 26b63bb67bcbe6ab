"""Footfall: first-party behaviour tracking for online shops, in one process and one SQLite file."""

__version__ = "0.1.0"
