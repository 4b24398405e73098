"""What Datadog's own client says of a body: PyPI `datadog-api-client`, generated from Datadog's OpenAPI documents."""

from __future__ import annotations

from typing import Any

from datadog_api_client.configuration import Configuration
from datadog_api_client.exceptions import ApiTypeError
from datadog_api_client.model_utils import validate_and_convert_types
from datadog_api_client.v1.model.dashboard import Dashboard
from datadog_api_client.v1.model.logs_pipeline import LogsPipeline
from datadog_api_client.v2.model.event_create_request_payload import EventCreateRequestPayload


def refusal_of_change_event(body: Any) -> str:
    """'' where the body of a post to `/api/v2/events` is one."""
    return _refusal(body, EventCreateRequestPayload)


def refusal_of_pipeline(body: Any) -> str:
    return _refusal(body, LogsPipeline)


def refusal_of_dashboard(body: Any) -> str:
    return _refusal(body, Dashboard)


def _refusal(body: Any, model: type) -> str:
    try:
        read = validate_and_convert_types(body, (model,), ['body'], True, True, Configuration())
    except (ApiTypeError, ValueError, AttributeError) as error:
        return str(error) or type(error).__name__
    # Parts of which no model was found are kept and marked rather than refused.
    return _unparsed(read, 'body')


def _unparsed(value: Any, where: str) -> str:
    if getattr(value, '_unparsed', False):
        return f'{where} is none of the models'
    store = getattr(value, '_data_store', value)
    items: Any = store.items() if isinstance(store, dict) else enumerate(store) if isinstance(store, list) else ()
    return next(filter(None, (_unparsed(item, f'{where}.{key}') for key, item in items)), '')
