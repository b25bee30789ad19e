"""Tests of ``photon_app.feed.finnhub.feed``."""
