"""A Statsig project in a box: the Console API over HTTP, with traffic and people at work. No account needed."""
