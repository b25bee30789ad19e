"""Bars of one minute on disk, in SQLite or PostgreSQL, written in the background."""
