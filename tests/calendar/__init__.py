"""Tests of ``photon_app.calendar``."""
