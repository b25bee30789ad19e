"""Recordings: written, read, and played as if they were the market."""
