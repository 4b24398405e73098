"""The check's job without an Agent check: conf.yaml in, DogStatsD out, the cursor in files."""
