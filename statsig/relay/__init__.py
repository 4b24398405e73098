"""`statsig-datadog relay`: Statsig's webhook in, DogStatsD out. Runs as a process of its own, beside an Agent."""
