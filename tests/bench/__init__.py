"""Rules of the benchmarks."""
