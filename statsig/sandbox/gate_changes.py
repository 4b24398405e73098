"""What people do to gates."""

from __future__ import annotations

import copy

from statsig.sandbox import catalogue
from statsig.sandbox.moment import JsonObject, Moment
from statsig.sandbox.rules import condition, rule

MOST_RULES = 5
STEPS = (1, 5, 10, 25, 50, 75, 100)


def _in_progress(gate: JsonObject) -> bool:
    return bool(gate['status'] == 'In Progress' and gate['rules'])


def roll_out(moment: Moment) -> JsonObject | None:
    """One rule of a gate passes more people than before; now and then everybody is turned back."""
    gate = moment.pick('gate', lambda each: _in_progress(each) and each['rules'][-1]['passPercentage'] < 100)
    if gate is None:
        return None
    rules = copy.deepcopy(gate['rules'])
    before = rules[-1]['passPercentage']
    after = 0 if before and moment.rng.random() < 0.15 else next(step for step in STEPS if step > before)
    rules[-1]['passPercentage'] = after
    text = f'Updated rule {rules[-1]["name"]}: pass percentage from {before}% to {after}%'
    return moment.change('gate', gate, 'gate_update', text, {'rules': rules})


def toggle_gate(moment: Moment) -> JsonObject | None:
    gate = moment.pick('gate', lambda each: each['status'] in ('In Progress', 'Disabled'))
    if gate is None:
        return None
    return moment.project.set_gate_enabled(gate['id'], not gate['isEnabled'], moment.author, moment.timestamp)


def launch_gate(moment: Moment) -> JsonObject | None:
    gate = moment.pick('gate', lambda each: _in_progress(each) and each['rules'][-1]['passPercentage'] == 100)
    if gate is None:
        return None
    return moment.change('gate', gate, 'gate_update', 'Launched Gate', {'status': 'Launched'})


def edit_conditions(moment: Moment) -> JsonObject | None:
    """A rule is added, removed, or aims at other people or environments."""
    gate = moment.pick('gate', _in_progress)
    if gate is None:
        return None
    rng, rules = moment.rng, copy.deepcopy(gate['rules'])
    what = rng.choice(('add', 'remove', 'environments', 'condition'))
    if len(rules) >= MOST_RULES or (what == 'remove' and len(rules) > 2):
        text = f'Removed rule {rules.pop(0)["name"]}'
    elif what == 'environments':
        wider = ['staging', 'production'] if rules[-1]['environments'] == ['production'] else ['production']
        rules[-1]['environments'] = wider
        text = f'Updated environments of rule {rules[-1]["name"]}'
    elif what == 'condition':
        countries = rng.sample(('US', 'CA', 'DE', 'FR', 'IN', 'JP', 'BR'), 2)
        rules[-1]['conditions'] = [condition('country', 'any', countries)]
        text = f'Updated conditions of rule {rules[-1]["name"]}'
    else:
        segment = rng.choice([*moment.project.segments] or ['beta_users'])
        title = f'{segment.replace("_", " ")} {len(rules)}'
        rules.insert(0, rule(rng, title, rng.choice(STEPS), [condition('passes_segment', 'any', [segment])]))
        text = f'Added rule {title}'
    return moment.change('gate', gate, 'config_conditions_update', text, {'rules': rules})


def create_gate(moment: Moment) -> JsonObject | None:
    name = moment.new_name('gate')
    if name is None:
        return None
    gate = catalogue.gate(moment.rng, name, 0, moment.timestamp, moment.author)
    moment.project.gates[name] = gate
    rules = moment.project.audited('rules', gate['rules'])
    return moment.note('gate_create', name, 'Created Gate', {'rules': {'new': rules, 'old': []}})


def archive_gate(moment: Moment) -> JsonObject | None:
    """A gate that has done its work is put away; those in a holdout stay."""
    held = {name for holdout in moment.project.holdouts.values() for name in holdout['gateIDs']}
    gate = moment.pick('gate', lambda each: each['status'] == 'Launched' and each['id'] not in held)
    if gate is None:
        return None
    fields = {'status': 'Archived', 'isEnabled': False}
    return moment.change('gate', gate, 'gate_update', 'Archived Gate', fields)


def delete_gate(moment: Moment) -> JsonObject | None:
    gate = moment.pick('gate', lambda each: each['status'] == 'Archived')
    if gate is None:
        return None
    del moment.project.gates[gate['id']]
    return moment.note('config_delete', gate['id'], 'Deleted Gate')


def edit_tags(moment: Moment) -> JsonObject | None:
    gate = moment.pick('gate')
    if gate is None:
        return None
    tag = moment.rng.choice(catalogue.TAGS)
    if tag in gate['tags']:
        remaining = [each for each in gate['tags'] if each != tag]
        return moment.change('gate', gate, 'config_remove_tag', 'Removed Tag from Config', {'tags': remaining})
    return moment.change('gate', gate, 'config_add_tag', 'Added Tag to Config', {'tags': [*gate['tags'], tag]})


def describe(moment: Moment) -> JsonObject | None:
    gate = moment.pick('gate')
    if gate is None:
        return None
    text = f'{gate["id"].replace("_", " ").capitalize()}. Owned by {moment.author.name}; ask before you change it.'
    return moment.change('gate', gate, 'config_description_update', 'Updated Description', {'description': text})


def override_users(moment: Moment) -> JsonObject | None:
    gate = moment.pick('gate', _in_progress)
    if gate is None:
        return None
    users = [f'user-{moment.rng.randrange(10_000)}' for _ in range(2)]
    before = gate.get('overrides') or {'passingUserIDs': [], 'failingUserIDs': []}
    after = {**before, 'passingUserIDs': [*before['passingUserIDs'], *users][-6:]}
    return moment.change('gate', gate, 'gate_overrides_update', 'Updated Gate Overrides', {'overrides': after})
