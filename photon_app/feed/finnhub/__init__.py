"""Finnhub: one WebSocket connection, and its REST API."""
