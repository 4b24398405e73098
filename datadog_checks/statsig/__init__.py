from datadog_checks.statsig.check import StatsigCheck

from datadog_checks.statsig.__about__ import __version__

__all__ = ['StatsigCheck', '__version__']
