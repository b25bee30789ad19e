"""Specification of photon_app/history."""
