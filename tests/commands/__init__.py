"""Tests of ``photon_app.commands``."""
