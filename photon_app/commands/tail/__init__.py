"""The terminal client: live prices of any Photon, as a table, as lines of text, or as JSON."""
