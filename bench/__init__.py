"""`make bench`: what check and relay cost, compared with bare programs that do the same work. See docs/benchmarks.md."""
