"""The Terraform that `triggers setup` prints, as a parser of Terraform's language reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml

from statsig.relay.triggers.notification import TEMPLATE
from statsig.relay.triggers.setup_texts import HEADERS
from tests.cli.conftest import Command, statsig_datadog
from tests.triggers.relay_with_triggers import rule

__all__ = ['statsig_datadog']

PLAIN = hcl2.SerializationOptions(strip_string_quotes=True, explicit_blocks=False)

# DataDog/terraform-provider-datadog, docs/resources/webhook.md and webhook_custom_variable.md
WEBHOOK, VARIABLE = 'datadog_webhook', 'datadog_webhook_custom_variable'
REQUIRED = {WEBHOOK: {'name', 'url'}, VARIABLE: {'name', 'value', 'is_secret'}}
OPTIONAL: dict[str, set[str]] = {WEBHOOK: {'custom_headers', 'encode_as', 'payload'}, VARIABLE: set()}
OF_TERRAFORM = {'depends_on'}


def parsed(text: str) -> dict[str, Any]:
    return hcl2.loads(text, serialization_options=PLAIN)


@pytest.fixture
def resources(tmp_path: Path, statsig_datadog: Command) -> dict[str, dict[str, Any]]:
    """Type and name of each → its attributes."""
    config = tmp_path / 'relay.yaml'
    triggers = {'token': '${TOKEN}', 'api_key': '${KEY}', 'rules': [rule()]}
    config.write_text(yaml.safe_dump({'metric_namespace': 'statsig', 'triggers': triggers}), encoding='utf-8')
    printed = statsig_datadog('triggers', 'setup', '--config', str(config), '--address', 'https://r.example').stdout
    terraform = parsed(printed[printed.index('variable "') :])
    return {
        f'{kind}.{name}': attributes
        for block in terraform['resource']
        for kind, named in block.items()
        for name, attributes in named.items()
    }


def encoded(expression: str) -> dict[str, Any]:
    """The object that jsonencode(…) gets."""
    begin, end = '${jsonencode(', ')}'
    assert expression.startswith(begin), expression
    assert expression.endswith(end), expression
    found: dict[str, Any] = parsed(f'value = {expression.removeprefix(begin).removesuffix(end)}')['value']
    return {name.strip('"'): value for name, value in found.items()}


def test_the_webhook_sends_the_template(resources: dict[str, dict[str, Any]]) -> None:
    webhook = resources['datadog_webhook.statsig_triggers']
    assert encoded(webhook['payload']) == TEMPLATE
    assert encoded(webhook['custom_headers']) == HEADERS
    assert (webhook['url'], webhook['encode_as']) == ('https://r.example/webhooks/datadog', 'json')


def test_the_token_is_hidden_and_comes_before_the_webhook(resources: dict[str, dict[str, Any]]) -> None:
    variable = 'datadog_webhook_custom_variable.statsig_trigger_token'
    assert resources[variable] == {
        'name': 'STATSIG_TRIGGER_TOKEN',
        'value': '${var.statsig_trigger_token}',
        'is_secret': True,
    }
    assert resources['datadog_webhook.statsig_triggers']['depends_on'] == [f'${{{variable}}}']


def test_resources_have_the_attributes_that_the_provider_takes(resources: dict[str, dict[str, Any]]) -> None:
    for address, attributes in resources.items():
        kind = address.partition('.')[0]
        assert REQUIRED[kind] <= attributes.keys() <= REQUIRED[kind] | OPTIONAL[kind] | OF_TERRAFORM
