"""`make bench`: what check and relay cost, next to bare programs that do the same work. See docs/benchmarks.md."""
