# Datadog's generated models call what stands here. Nothing does: what a user wrote is checked before they are loaded, in
# datadog_checks/statsig/configuration.py, whose messages say what an option got and what it takes.
