"""Audit-log entries as Statsig answers them, for the golden events: (what the case is about, raw entry, options)."""

from __future__ import annotations

from tests.datadog.entries import analysis, configs, documented, experiments, gates, project, strange
from tests.datadog.entries.building import NOW, Case, Json, changed, raw, rule

__all__ = ['CASES', 'NOW', 'THEMES', 'Case', 'Json', 'changed', 'raw', 'rule']

THEMES: dict[str, list[Case]] = {
    'Gates': gates.CASES,
    'Configs, layers, segments, holdouts': configs.CASES,
    'Experiments': experiments.CASES,
    'Metrics, alerts, dashboards, AI': analysis.CASES,
    'People, keys, reviews, settings': project.CASES,
    "Examples of Statsig's documentation": documented.CASES,
    'The unknown and the hostile': strange.CASES,
}
CASES: list[Case] = [case for cases in THEMES.values() for case in cases]
