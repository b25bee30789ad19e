"""The ways in which prices reach clients, one module each."""
