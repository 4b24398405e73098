"""What the Console API answers: from a request to status and body. No sockets here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from statsig.sandbox.audit_log import AuditQuery
from statsig.sandbox.knobs import Knobs
from statsig.sandbox.people import CONSOLE_API
from statsig.sandbox.project import SandboxProject

JsonObject = dict[str, Any]
Query = Mapping[str, list[str]]

PREFIX = '/console/v1/'
MOST_IDS = 25

ENDPOINTS = frozenset(
    {
        'project',
        'exposure_count',
        'audit_logs',
        'gates',
        'experiments',
        'dynamic_configs',
        'layers',
        'holdouts',
        'segments',
        'environments',
        'gates_write',
    }
)
ALL = ENDPOINTS
READ_ONLY = ENDPOINTS - {'gates_write'}

NOT_FOUND = 'Not Found. The requested resource could not be found.'
REFUSED = (
    'Forbidden. The request was valid, but the server is refusing action. '
    'You might not have the necessary permissions to access the resource.'
)
INVALID_REQUEST = 'Invalid request. Please check the request input and try again.'

_LISTINGS = {
    'gates': ('gate', 'Gates'),
    'experiments': ('experiment', 'Experiments'),
    'dynamic_configs': ('dynamic_config', 'Dynamic Configs'),
    'layers': ('layer', 'Layers'),
    'holdouts': ('holdout', 'Holdouts'),
    'segments': ('segment', 'Segments'),
}
_EXPOSURE_KINDS = {'gates': 'gate', 'experiments': 'experiment', 'dynamicConfigs': 'dynamic_config'}

# Filters of the listings that are served, and the ones the document has besides. To ignore a filter would be to give
# a wrong answer, so the others are refused.
_FILTERS = ('type', 'typeReason', 'idType', 'creatorName', 'creatorID', 'tags', 'status', 'layerID')
_FILTERS_NOT_SERVED = (
    'passRate',
    'rolloutRate',
    'releasePipelineID',
    'teamID',
    'targetAppID',
    'createdStartDate',
    'createdEndDate',
)
_SORT_KEYS = ('id', 'name', 'changeLog', 'actionType', 'date', 'time', 'updatedBy', 'updatedByUserID')


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: JsonObject


class RequestError(Exception):
    """A request that Statsig answers with an error status and `{"status": …, "message": …}`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def error(status: int, message: str) -> Answer:
    return Answer(status, {'status': status, 'message': message})


@dataclass(frozen=True, slots=True)
class ConsoleAPI:
    """`keys`: which endpoints each API key may use. `host` is the address that page links begin with."""

    project: SandboxProject
    knobs: Knobs
    keys: Mapping[str, frozenset[str]]
    host: str

    def answer(self, method: str, path: str, query: Query, key: str | None, *, respect_reviews: bool = False) -> Answer:
        """`respect_reviews`: whether the header x-respect-review-settings asks to obey required reviews."""
        try:
            endpoint, name, verb = _route(method, path)
            self._authorize(endpoint, key)
            with self.project.lock:
                if endpoint == 'gates_write':
                    return Answer(200, self._toggle(name or '', verb == 'enable', respect_reviews))
                return Answer(200, self._read(endpoint, name, query))
        except RequestError as refused:
            return error(refused.status, refused.message)

    def _authorize(self, endpoint: str, key: str | None) -> None:
        allowed = self.keys.get(key or '')
        if allowed is None:
            # Statsig repeats the key in this message: whoever logs it leaks it.
            raise RequestError(
                401, f'This endpoint only accepts an active CONSOLE key, but an invalid key was sent. Key: {key or ""}'
            )
        if endpoint not in allowed:
            raise RequestError(403, 'Forbidden resource')

    def _read(self, endpoint: str, name: str | None, query: Query) -> JsonObject:
        if endpoint == 'project':
            return _envelope('Project Info Retrieved Successfully', {'id': self.project.project_id})
        if endpoint == 'environments':
            return _envelope('Environments read successfully.', {'environments': self.project.environments})
        if endpoint == 'exposure_count':
            return self._exposure_count(query)
        if endpoint == 'audit_logs':
            return self._audit_logs(query)
        if name is not None:
            return self._single(endpoint, name)
        return self._listing(endpoint, query)

    def _exposure_count(self, query: Query) -> JsonObject:
        data: JsonObject = {}
        for parameter, kind in _EXPOSURE_KINDS.items():
            ids = query.get(parameter, [])
            if len(ids) > MOST_IDS:
                raise RequestError(400, f'{parameter} must contain no more than {MOST_IDS} elements')
            known = [name for name in dict.fromkeys(ids) if name in self.project.entities(kind)]
            figures = [(name, *self.project.exposures(kind, name)) for name in known]
            data[parameter] = [{'id': name, 'pastDay': day, 'past7Days': week} for name, day, week in figures]
        return _envelope('Exposure count fetched successfully.', data)

    def _audit_logs(self, query: Query) -> JsonObject:
        knobs = self.knobs
        entries = self.project.audit_log.select(
            _audit_query(query), knobs.order, knobs.date_filter, knobs.date_filter_offset_hours
        )
        page, pagination = self._paginate(entries, query, f'{self.host}{PREFIX}audit_logs')
        served = [entry.served(knobs.time_offset_minutes) for entry in page]
        return {**_envelope('Audit logs listed successfully.', served), 'pagination': pagination}

    def _listing(self, endpoint: str, query: Query) -> JsonObject:
        kind, title = _LISTINGS[endpoint]
        for parameter in _FILTERS_NOT_SERVED:
            if parameter in query:
                raise RequestError(400, f'The sandbox does not serve the filter {parameter}')
        wanted = {parameter: set(query[parameter]) for parameter in _FILTERS if parameter in query}
        found = [
            entity
            for entity in self.project.entities(kind).values()
            if all(_has(entity, parameter, values) for parameter, values in wanted.items())
        ]
        page, pagination = self._paginate(found, query, f'{PREFIX}{endpoint}')
        served = [self._served(kind, entity) for entity in page]
        return {**_envelope(f'{title} listed successfully.', served), 'pagination': pagination}

    def _single(self, endpoint: str, name: str) -> JsonObject:
        kind, _ = _LISTINGS[endpoint]
        entity = self.project.entities(kind).get(name)
        if entity is None:
            raise RequestError(404, 'Experiment not found.' if kind == 'experiment' else NOT_FOUND)
        return _envelope(f'{kind.capitalize()} read successfully.', self._served(kind, entity))

    def _toggle(self, name: str, enabled: bool, respect_reviews: bool) -> JsonObject:
        gate = self.project.gates.get(name)
        if gate is None:
            raise RequestError(404, NOT_FOUND)
        if gate['isEnabled'] != enabled:
            if respect_reviews and gate['reviewSettings']['requiredReview']:
                raise RequestError(403, REFUSED)
            self.project.set_gate_enabled(name, enabled, CONSOLE_API)
        return _envelope('Gate updated successfully.', self._served('gate', gate))

    def _served(self, kind: str, entity: JsonObject) -> JsonObject:
        if kind != 'gate':
            return entity
        served = {**entity, 'checksPerHour': self.project.checks_per_hour(entity['id'])}
        served.pop('overrides', None)  # the API has them under a path of their own
        return served

    def _paginate(self, found: list[Any], query: Query, link: str) -> tuple[list[Any], JsonObject]:
        knobs = self.knobs
        number = _positive_integer(query, 'page', 1)
        size = _positive_integer(query, 'limit', knobs.default_page_size)
        if knobs.ignore_limit:
            size = knobs.default_page_size
        size = min(size, knobs.max_page_size or size)
        filters = ''.join(f'{key}={value}&' for key in query if key not in ('page', 'limit') for value in query[key])
        more = number * size < len(found)

        def page_link(page: int) -> str:
            return f'{link}?{filters}page={page}&limit={size}'

        pagination: JsonObject = {
            'itemsPerPage': size,
            'pageNumber': number,
            'totalItems': len(found),
            'nextPage': page_link(number + 1) if more else None,
            'previousPage': page_link(number - 1) if number > 1 else None,
            'all': link,
        }
        if knobs.omit_total_items:
            del pagination['totalItems']
        return found[(number - 1) * size : number * size], pagination


def _route(method: str, path: str) -> tuple[str, str | None, str | None]:
    """(endpoint, id, verb) of a request; a RequestError 404 for what is not served here."""
    parts = path.removeprefix(PREFIX).split('/')
    if path.startswith(PREFIX):
        if method == 'GET' and len(parts) == 1 and parts[0] in READ_ONLY:
            return parts[0], None, None
        if method == 'GET' and len(parts) == 2 and parts[0] in ('gates', 'experiments'):
            return parts[0], parts[1], None
        if method == 'PUT' and len(parts) == 3 and parts[0] == 'gates' and parts[2] in ('enable', 'disable'):
            return 'gates_write', parts[1], parts[2]
    raise RequestError(404, NOT_FOUND)


def _envelope(message: str, data: Any) -> JsonObject:
    return {'message': message, 'data': data}


def _has(entity: JsonObject, field: str, values: set[str]) -> bool:
    value = entity.get(field)
    return bool(values.intersection(value)) if isinstance(value, list) else value in values


def _one(query: Query, name: str) -> str | None:
    values = query.get(name, [])
    if len(values) > 1:
        raise RequestError(400, f'{name} must be given once')
    return values[0] if values else None


def _positive_integer(query: Query, name: str, default: int) -> int:
    text = _one(query, name)
    if text is None:
        return default
    if not re.fullmatch(r'[0-9]{1,9}', text) or int(text) < 1:
        raise RequestError(400, f'{name} must be a positive number')
    return int(text)


def _audit_query(query: Query) -> AuditQuery:
    sort_key, sort_order = _one(query, 'sortKey'), _one(query, 'sortOrder')
    if sort_key not in (None, *_SORT_KEYS) or sort_order not in (None, 'asc', 'desc'):
        raise RequestError(400, INVALID_REQUEST)
    actions = frozenset(query.get('actionType', []) + query.get('actionTypes', []))
    tags = frozenset(query.get('tags', []))
    return AuditQuery(
        action_types=actions or None,
        tags=tags or None,
        id=_one(query, 'id'),
        start=_day(query, 'startDate'),
        end=_day(query, 'endDate'),
        sort_key=sort_key,
        ascending=sort_order == 'asc',
    )


def _day(query: Query, name: str) -> date | None:
    text = _one(query, name)
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise RequestError(400, f'{name} must be a valid date in the form of YYYY-MM-DD') from None
