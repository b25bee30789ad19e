"""Tests of ``photon_app.feed.simulated.feed``."""
