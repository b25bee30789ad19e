"""The terminal: live prices of any Photon, as a table, as lines, or as JSON."""
