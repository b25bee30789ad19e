"""Invented prices, for a start without a key."""
