"""Specification of photon_app/market."""
