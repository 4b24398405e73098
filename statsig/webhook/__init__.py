"""Statsig's webhook, as a receiver sees it: signatures, bodies, events, counts. No Datadog, no sockets."""
