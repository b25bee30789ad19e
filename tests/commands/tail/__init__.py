"""The terminal: what it reads, holds, draws and writes."""
