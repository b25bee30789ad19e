"""Specification of photon_app/hub."""
