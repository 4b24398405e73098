"""Datadog's vocabulary: what is read from Statsig, said as metrics, events and tags. Renders only; sends nothing."""
