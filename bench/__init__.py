"""`make bench`: what the check costs, compared with a bare program that does the same work. See docs/benchmarks.md."""
