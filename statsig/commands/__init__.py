"""What the commands of `statsig-datadog` do and print."""
