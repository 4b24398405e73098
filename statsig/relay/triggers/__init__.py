"""Triggers: a Datadog monitor turns a Statsig gate off. docs/triggers.md has the state machine and the promises."""
