"""Runs beside Statsig's Python SDK, not in this project's environment: uses a made-up project, and says what it did.

    python sdk_program.py http://127.0.0.1:8000 [tier]

The SDK sends its events to that address. Printed is a JSON list of [event name, name, variant, times].
"""

import json
import sys

from statsig import StatsigEvent, StatsigOptions, StatsigUser, statsig

USERS = 40
EVERYBODY = {
    'type': 'public',
    'targetValue': None,
    'operator': None,
    'field': None,
    'additionalValues': {},
    'isDeviceBased': False,
    'idType': 'userID',
}


def rule(name, value, **more):
    fixed = {'name': name, 'id': name, 'salt': 'salt', 'passPercentage': 100, 'conditions': [EVERYBODY]}
    return {**fixed, 'returnValue': value, 'idType': 'userID', 'isDeviceBased': False, **more}


def spec(name, entity, default, *rules):
    kind = 'feature_gate' if entity == 'feature_gate' else 'dynamic_config'
    fixed = {'name': name, 'type': kind, 'entity': entity, 'salt': 'salt', 'enabled': True, 'defaultValue': default}
    return {**fixed, 'rules': rules, 'idType': 'userID', 'isDeviceBased': False}


PROJECT = {
    'has_updates': True,
    'time': 1795420800000,
    'feature_gates': [
        spec('checkout_v2', 'feature_gate', False, rule('everybody', True)),
        spec('switched_off', 'feature_gate', False),
        spec('sampled', 'feature_gate', False, rule('everybody', True, samplingRate=3)),
    ],
    'dynamic_configs': [
        spec('limits', 'dynamic_config', {}, rule('everybody', {'most': 5})),
        spec('button_copy', 'experiment', {}, rule('test', {'text': 'Buy'}, groupName='Test')),
    ],
    'layer_configs': [spec('homepage', 'layer', {'title': 'a'}, rule('everybody', {'title': 'b'}))],
    'layers': {},
    'id_lists': {},
    'sdk_configs': {'sampling_mode': 'on'},
}


def main(address, tier=None):
    api = f'{address}/v1/'
    options = StatsigOptions(
        api=api,
        api_for_download_config_specs=api,
        api_for_get_id_lists=api,
        api_for_log_event=api,
        tier=tier,
        bootstrap_values=json.dumps(PROJECT),
        rulesets_sync_interval=1000,
        idlists_sync_interval=1000,
    )
    statsig.initialize('secret-key', options)
    for number in range(USERS):
        user = StatsigUser(f'user_{number}')
        for gate in ('checkout_v2', 'switched_off', 'unheard_of', 'sampled'):
            statsig.check_gate(user, gate)
        statsig.get_config(user, 'limits')
        statsig.get_experiment(user, 'button_copy')
        statsig.get_layer(user, 'homepage').get('title')
        statsig.log_event(StatsigEvent(user, 'purchase', value=3.5, metadata={'item': 'shoe'}))
    statsig.shutdown()
    done = [
        ('statsig::gate_exposure', 'checkout_v2', 'true'),
        ('statsig::gate_exposure', 'switched_off', 'false'),
        ('statsig::gate_exposure', 'unheard_of', 'false'),
        ('statsig::config_exposure', 'limits', ''),
        ('statsig::config_exposure', 'button_copy', ''),  # Statsig's servers tell experiments from configs, not the SDK
        ('statsig::layer_exposure', 'homepage', ''),
        ('purchase', 'purchase', ''),
    ]
    print(json.dumps([[*each, USERS] for each in done]))


if __name__ == '__main__':
    main(*sys.argv[1:])
