"""What people do to everything but gates: experiments, configs, layers, holdouts, segments, keys and roles."""

from __future__ import annotations

import copy

from statsig.sandbox import catalogue
from statsig.sandbox.dice import opaque_id
from statsig.sandbox.moment import JsonObject, Moment
from statsig.sandbox.people import PEOPLE


def start_experiment(moment: Moment) -> JsonObject | None:
    experiment = moment.pick('experiment', lambda each: each['status'] == 'setup')
    if experiment is None:
        return None
    begun = {
        'startTime': int(moment.timestamp * 1000),
        'healthCheckStatus': 'WAITING',
        'healthChecks': catalogue.health_checks('WAITING'),
    }
    text = 'Started Experiment'
    return moment.change('experiment', experiment, 'experiment_start', text, {'status': 'active'}, begun)


def end_experiment(moment: Moment) -> JsonObject | None:
    """A decision, or the end without one."""
    experiment = moment.pick('experiment', lambda each: each['status'] == 'active')
    if experiment is None:
        return None
    ended = int(moment.timestamp * 1000)
    if moment.rng.random() < 0.3:
        fields, text = {'status': 'abandoned'}, 'Abandoned Experiment'
        return moment.change('experiment', experiment, 'experiment_abandon', text, fields, {'endTime': ended})
    group = moment.rng.choice(experiment['groups'][1:])
    decision = {'endTime': ended, 'decisionTime': ended, 'decisionReason': 'Significant lift in purchases.'}
    fields = {'status': 'decision_made', 'launchedGroupID': group['id']}
    text = f'Made Decision: shipped {group["name"]}'
    return moment.change('experiment', experiment, 'experiment_decision_make', text, fields, decision)


def set_up_again(moment: Moment) -> JsonObject | None:
    """An experiment that is over goes back to set-up, so that there is always one to start."""
    experiment = moment.pick('experiment', lambda each: each['status'] in ('abandoned', 'decision_made'))
    if experiment is None:
        return None
    fresh = {'startTime': None, 'endTime': None, 'decisionTime': None, 'decisionReason': None}
    fields, text = {'status': 'setup', 'launchedGroupID': None}, 'Reset Experiment to Setup'
    return moment.change('experiment', experiment, 'experiment_restart_as_new', text, fields, fresh)


def change_allocation(moment: Moment) -> JsonObject | None:
    experiment = moment.pick('experiment', lambda each: each['status'] in ('active', 'setup'))
    if experiment is None:
        return None
    after = moment.rng.choice([share for share in (10, 20, 50, 100) if share != experiment['allocation']])
    text = f'Updated allocation to {after}%'
    return moment.change('experiment', experiment, 'experiment_edit', text, {'allocation': after})


def change_config_value(moment: Moment) -> JsonObject | None:
    config = moment.pick('dynamic_config', lambda each: each['isEnabled'])
    if config is None:
        return None
    after = {**config['defaultValue'], 'limit': config['defaultValue']['limit'] + moment.rng.choice((5, 10, 25))}
    text = 'Updated Default Value'
    return moment.change('dynamic_config', config, 'config_default_value_update', text, {'defaultValue': after})


def change_holdout(moment: Moment) -> JsonObject | None:
    holdout = moment.pick('holdout')
    if holdout is None:
        return None
    after = moment.rng.choice([share for share in (1, 2, 3, 5, 8) if share != holdout['passPercentage']])
    return moment.change('holdout', holdout, 'holdout_update', 'Updated Holdout', {'passPercentage': after})


def change_layer_parameter(moment: Moment) -> JsonObject | None:
    layer = moment.pick('layer')
    if layer is None:
        return None
    parameters = copy.deepcopy(layer['parameters'])
    parameters[1]['defaultValue'] += 1
    text = f'Updated Layer Parameter {parameters[1]["name"]}'
    return moment.change('layer', layer, 'layer_parameters_edit', text, {'parameters': parameters})


def administer(moment: Moment) -> JsonObject:
    """Keys, metrics, log-ins: entries about access and measurement rather than about a gate."""
    action, name, text = moment.rng.choice(
        (
            ('sdk_key_create', f'server key {opaque_id(moment.rng, 4)}', 'Created SDK Key'),
            ('sdk_key_deactivate', f'client key {opaque_id(moment.rng, 4)}', 'Deactivated SDK Key'),
            ('user_login', moment.author.name, 'User logged in'),
            ('metric_edit_description', 'purchases', 'Edited Metric Description'),
            ('create_topline_alert', 'checkout conversion', 'Created Alert'),
        )
    )
    return moment.note(action, name, text)


def change_role(moment: Moment) -> JsonObject:
    who, roles = moment.rng.choice(PEOPLE), moment.project.roles
    before, after = roles[who.name], 'Member' if roles[who.name] == 'Admin' else 'Admin'
    roles[who.name] = after
    return moment.note('user_role_update', who.name, 'Updated User Role', {'role': {'new': after, 'old': before}})


def create_segment(moment: Moment) -> JsonObject | None:
    name = moment.new_name('segment')
    if name is None:
        return None
    moment.project.segments[name] = catalogue.segment(moment.rng, name, moment.timestamp, moment.author)
    return moment.note('segment_create', name, 'Created Segment')
