"""Photon's specification, in the order of its rooms."""
