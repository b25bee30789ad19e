"""Bars in memory and on disk as one series."""
