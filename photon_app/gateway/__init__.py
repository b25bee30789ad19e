"""The edges for programs: ``/ws`` and HTTP."""
