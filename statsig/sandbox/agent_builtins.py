"""The modules that the Agent compiles into its Python (`aggregator`, `datadog_agent`, …), as strict as they are.

They stand between a check and the Agent: C code that takes some wrong types with a TypeError, drops others without a
word, and cuts text at a NUL. `datadog_checks.base` looks for them when it is imported; finding them, it believes that
it runs in an Agent. So `install` must come before the first import of base in a process.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any, Protocol

from statsig.sandbox.agent_cache import PersistentCache
from statsig.sandbox.agent_intake import Event, Intake, Log, LogLine, Metadata, Metric, PlatformEvent, ServiceCheck

METRIC_TYPES = ('gauge', 'rate', 'count', 'monotonic_count', 'counter', 'histogram', 'historate')
TRACE = 7


class Backend(Protocol):
    """The Go side, for the host whose check is running."""

    config: Mapping[str, Any]
    hostname: str
    version: str
    cache: PersistentCache
    intake: Intake

    def default_hostname(self, check_id: str) -> str:
        """Host of what is submitted without one; '' where the instance says `empty_default_hostname: true`."""


def install(current: Callable[[], Backend]) -> None:
    """Put the modules into `sys.modules`, once a process. Raises RuntimeError when base was imported without them."""
    if isinstance(sys.modules.get('aggregator'), _Builtin):
        return
    if 'datadog_checks.base' in sys.modules:
        raise RuntimeError(
            'datadog_checks.base was imported before the Agent host, so it believes it runs outside an Agent: '
            'make the AgentHost first, or run it in a process of its own (python -m statsig.sandbox.agent)'
        )
    for module in (_aggregator(current), _datadog_agent(current), *_rest()):
        sys.modules[module.__name__] = module


class _Builtin(ModuleType):
    """A module of ours, told from the real ones by its type."""

    def __init__(self, name: str, **members: Any) -> None:
        super().__init__(name)
        self.__dict__.update(members)


def _aggregator(current: Callable[[], Backend]) -> ModuleType:
    def submit_metric(
        check: object,
        check_id: str,
        metric_type: int,
        name: str,
        value: float,
        tags: Iterable[object],
        hostname: str,
        flush_first_value: bool = False,
    ) -> None:
        backend = current()
        backend.intake.take(
            Metric(
                METRIC_TYPES[metric_type],
                _c_string(name),
                _c_double(value),
                _c_tags(tags),
                _c_string(hostname) or backend.default_hostname(_c_string(check_id)),
            )
        )

    def submit_service_check(
        check: object, check_id: str, name: str, status: int, tags: Iterable[object], hostname: str, message: str
    ) -> None:
        backend = current()
        host = _c_string(hostname) or backend.default_hostname(_c_string(check_id))
        backend.intake.take(ServiceCheck(_c_string(name), int(status), _c_tags(tags), host, _c_string(message)))

    def submit_event(check: object, check_id: str, event: Mapping[str, Any]) -> None:
        if not isinstance(event, dict):
            raise TypeError('event must be a dict')
        backend = current()

        def text(field: str) -> str:
            value = _loose_c_string(event.get(field))
            if value is None and field in event:
                line = f"Can't parse value for key '{field}' in event submitted from python check"
                backend.intake.take(LogLine(TRACE, line))
            return value or ''

        backend.intake.take(
            Event(
                title=text('msg_title'),
                text=text('msg_text'),
                timestamp=_c_timestamp(event.get('timestamp')) or int(time.time()),
                tags=_c_tags(event['tags']) if 'tags' in event else (),
                alert_type=text('alert_type'),
                aggregation_key=text('aggregation_key'),
                source_type_name=text('source_type_name'),
                priority=text('priority'),
                hostname=text('host') or backend.default_hostname(_c_string(check_id)),
            )
        )

    def submit_event_platform_event(check: object, check_id: str, raw_event: str | bytes, event_type: str) -> None:
        body = raw_event.decode('utf-8', 'replace') if isinstance(raw_event, bytes) else _c_string(raw_event)
        current().intake.take(PlatformEvent(_c_string(event_type), body))

    def submit_histogram_bucket(*arguments: object) -> None:
        raise NotImplementedError('this host does not record histogram buckets')

    return _Builtin(
        'aggregator',
        **{name.upper(): number for number, name in enumerate(METRIC_TYPES)},
        submit_metric=submit_metric,
        submit_service_check=submit_service_check,
        submit_event=submit_event,
        submit_event_platform_event=submit_event_platform_event,
        submit_histogram_bucket=submit_histogram_bucket,
    )


def _datadog_agent(current: Callable[[], Backend]) -> ModuleType:
    started = int(time.time())

    def get_config(option: str) -> Any:
        """A copy: it crosses the border as JSON. None for an option the Agent does not know."""
        return json.loads(json.dumps(current().config.get(_c_string(option))))

    def log(message: str, level: int) -> None:
        current().intake.take(LogLine(level, _c_string(message)))

    def send_log(line: str, check_id: str) -> None:
        current().intake.take(Log(json.loads(_c_string(line))))

    def set_check_metadata(check_id: str, name: str, value: str) -> None:
        current().intake.take(Metadata(_c_string(name), _c_string(value)))

    def headers(agent_config: object = None, http_host: str | None = None) -> dict[str, str]:
        found = {'User-Agent': f'Datadog Agent/{current().version}', 'Accept': 'text/html, */*'}
        return found | ({'Host': http_host} if http_host else {})

    def nothing(*arguments: object, **options: object) -> None:
        """External host tags, telemetry of the Agent about itself, health issues: not recorded."""

    def unchanged(text: str, *arguments: object, **options: object) -> str:
        return text

    return _Builtin(
        'datadog_agent',
        get_config=get_config,
        get_version=lambda: current().version,
        get_hostname=lambda: current().hostname,
        get_clustername=lambda: '',
        get_host_tags=lambda: '{"system": []}',
        get_process_start_time=lambda: started,
        tracemalloc_enabled=lambda: False,
        headers=headers,
        log=log,
        send_log=send_log,
        set_check_metadata=set_check_metadata,
        set_external_tags=nothing,
        emit_agent_telemetry=nothing,
        report_issue=nothing,
        resolve_issue=nothing,
        obfuscate_sql=unchanged,
        obfuscate_sql_exec_plan=unchanged,
        obfuscate_mongodb_string=unchanged,
        read_persistent_cache=lambda key: current().cache.read(_c_string(key)),
        write_persistent_cache=lambda key, value: current().cache.write(_c_string(key), _c_string(value)),
    )


def _rest() -> tuple[ModuleType, ...]:
    """Modules that a check of ours never calls, but that base and other checks look for."""

    class SubprocessOutputEmptyError(Exception):
        pass

    def no_subprocess(*arguments: object, **options: object) -> None:
        raise NotImplementedError('the Agent host starts no subprocesses')

    def no_tags(entity: str, cardinality: object) -> list[str]:
        return []

    return (
        _Builtin('tagger', LOW=0, ORCHESTRATOR=1, HIGH=2, tag=no_tags, get_tags=no_tags),
        _Builtin(
            '_util',
            SubprocessOutputEmptyError=SubprocessOutputEmptyError,
            get_subprocess_output=no_subprocess,
            subprocess_output=no_subprocess,
        ),
        _Builtin('util', headers=lambda *arguments, **options: sys.modules['datadog_agent'].headers(*arguments)),
        _Builtin('kubeutil', get_connection_info=dict),
        _Builtin('containers', is_excluded=lambda *arguments: False),
    )


def _c_string(value: object) -> str:
    """As `PyArg_ParseTuple("s")`: TypeError for what is not text, ValueError for a NUL or a lone surrogate."""
    if not isinstance(value, str):
        raise TypeError(f'must be str, not {type(value).__name__}')
    if '\0' in value:
        raise ValueError('embedded null character')
    value.encode()
    return value


def _loose_c_string(value: object) -> str | None:
    """As rtloader's `as_string`: None for what is not text or not encodable; cut at a NUL. No error either way."""
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value.partition('\0')[0]


def _c_double(value: object) -> float:
    if not isinstance(value, int | float):
        raise TypeError(f'must be real number, not {type(value).__name__}')
    return float(value)


def _c_timestamp(value: object) -> int:
    """0, which means now, for everything but a whole number: rtloader clears the error and goes on."""
    return value if isinstance(value, int) and -(2**63) <= value < 2**63 and value != -1 else 0


def _c_tags(tags: Iterable[object]) -> tuple[str, ...]:
    """Tags that are not text are left out without a word; what is not a sequence is a TypeError."""
    if not hasattr(tags, '__getitem__') or isinstance(tags, Mapping):
        raise TypeError('tags must be a sequence')
    return tuple(text for text in map(_loose_c_string, tags) if text is not None)
