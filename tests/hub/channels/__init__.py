"""Tests of ``photon_app.hub.channels``."""
