"""The page as a visitor has it: a real browser against a real process."""
