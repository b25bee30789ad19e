"""Bars of one minute on disk: SQLite or PostgreSQL, written behind, never in the feed's way."""
