"""From the configuration models to what the collector works with: minutes become seconds, nothing else changes."""

from __future__ import annotations

from typing import TypeVar

from datadog_checks.base import ConfigurationError

from datadog_checks.statsig.config_models import InstanceConfig
from datadog_checks.statsig.config_models.instance import DynamicConfigs, Experiments, Gates
from statsig.console.selection import DEFAULT_LIMIT, Selection
from statsig.datadog.collector import Settings
from statsig.datadog.tag_rules import parse_tag_rules

T = TypeVar('T')


def settings_of(config: InstanceConfig) -> Settings:
    """The models give every option its default, so none is None here that has one."""
    rules = [rule.model_dump(exclude_none=True) for rule in config.tag_rules or ()]
    return Settings(
        interval=given(config.min_collection_interval, 'min_collection_interval'),
        project=config.project or '',
        collect_audit_log=given(config.collect_audit_log, 'collect_audit_log'),
        collect_exposures=given(config.collect_exposures, 'collect_exposures'),
        collect_inventory=given(config.collect_inventory, 'collect_inventory'),
        selections={
            'gates': _selection(config.gates),
            'experiments': _selection(config.experiments),
            'dynamic_configs': _selection(config.dynamic_configs),
        },
        inventory_interval=given(config.inventory_interval, 'inventory_interval'),
        lookback=int(given(config.audit_log_lookback, 'audit_log_lookback') * 60),
        overlap=int(given(config.audit_log_overlap, 'audit_log_overlap') * 60),
        include=config.audit_log_include or (),
        exclude=config.audit_log_exclude or (),
        hide_author=given(config.hide_author, 'hide_author'),
        tag_rules=parse_tag_rules(rules),
        tags=config.tags or (),
        send_change_events=given(config.send_change_events, 'send_change_events'),
        send_logs=given(config.send_logs, 'send_logs'),
    )


def given(value: T | None, option: str) -> T:
    """The value of an option that has a default. Raises ConfigurationError where it was emptied."""
    if value is None:
        raise ConfigurationError(f'Option `{option}` has no value: give it one, or remove the line for the default.')
    return value


def _selection(chosen: Gates | Experiments | DynamicConfigs | None) -> Selection:
    if chosen is None:
        return Selection()
    limit = DEFAULT_LIMIT if chosen.limit is None else chosen.limit
    return Selection(chosen.include or (), chosen.exclude or (), limit)
