"""Pull: what the Statsig Console API knows, as records. Nothing here knows of Datadog."""
