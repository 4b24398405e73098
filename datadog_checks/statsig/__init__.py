from datadog_checks.statsig.__about__ import __version__
from datadog_checks.statsig.check import StatsigCheck

__all__ = ['StatsigCheck', '__version__']
