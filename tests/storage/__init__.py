"""Tests of storage, most of them on SQLite and on PostgreSQL."""
