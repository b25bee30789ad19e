"""What ``tests/test_week.py`` plays and judges with: prints, time, clients, and the judge."""
