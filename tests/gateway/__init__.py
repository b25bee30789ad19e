"""Specification of photon_app/gateway."""
