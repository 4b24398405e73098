"""What has to be set up in Datadog, as text to paste."""

from __future__ import annotations

from statsig.relay.triggers.notification import TEMPLATE

WEBHOOK = 'statsig-triggers'
MENTION = f'@webhook-{WEBHOOK}'
VARIABLE = 'STATSIG_TRIGGER_TOKEN'
# Datadog's documentation has no word on which Content-Type a webhook sends by itself. Were there two, both are taken.
HEADERS = {'Authorization': f'Bearer ${VARIABLE}', 'Content-Type': 'application/json'}


def terraform(url: str) -> str:
    """Resources of the provider DataDog/datadog. In Terraform `$NAME` is text; only `${` begins an expression."""
    width = max(map(len, TEMPLATE))
    payload = '\n'.join(f'    {name:{width}} = "{variable}"' for name, variable in TEMPLATE.items())
    return f"""\
variable "statsig_trigger_token" {{
  type      = string
  sensitive = true
}}

resource "datadog_webhook_custom_variable" "statsig_trigger_token" {{
  name      = "{VARIABLE}"
  value     = var.statsig_trigger_token
  is_secret = true
}}

resource "datadog_webhook" "statsig_triggers" {{
  name      = "{WEBHOOK}"
  url       = "{url}"
  encode_as = "json"
  custom_headers = jsonencode({{
    "Authorization" = "{HEADERS['Authorization']}"
    "Content-Type"  = "{HEADERS['Content-Type']}"
  }})
  payload = jsonencode({{
{payload}
  }})
  depends_on = [datadog_webhook_custom_variable.statsig_trigger_token]
}}

# In each monitor of a rule: message = "… {MENTION}"\
"""
