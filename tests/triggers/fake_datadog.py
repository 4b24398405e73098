"""Datadog's API, as far as monitors go: GET /api/v1/monitor/{id}?group_states=all."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

API_KEY, APP_KEY = 'd' * 32, 'a' * 40


class FakeDatadog:
    """`monitors`: id → what the API answers. Refuses other keys, as Datadog does.

    status: what it answers instead, with `extra` headers. body: what it answers with 200 instead. delay: seconds
    before each answer. asked_at: when it was asked. most_at_once: looks at all monitors, or at any one of them.
    """

    def __init__(self) -> None:
        self.monitors: dict[int, dict[str, Any]] = {}
        self.looks = 0
        self.down = False
        self.status: int | None = None
        self.extra: dict[str, str] = {}
        self.body: bytes | None = None
        self.delay = 0.0
        self.asked_at: list[float] = []
        self.most_at_once, self.most_at_once_of_one = 0, 0
        self._under_way: Counter[str] = Counter()
        self._lock = threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                fake.begin(self.path)
                status, answer = fake.answer(self.path, self.headers.get('DD-API-KEY'), self.headers)
                body = json.dumps(answer).encode() if fake.body is None else fake.body
                time.sleep(fake.delay)
                fake.end(self.path)
                self.send_response(status)
                self.send_header('Content-Length', str(len(body)))
                for name, value in fake.extra.items() if status == fake.status else ():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self._http.server_port}'

    def begin(self, path: str) -> None:
        with self._lock:
            self.looks += 1
            self.asked_at.append(time.monotonic())
            self._under_way[path] += 1
            self.most_at_once = max(self.most_at_once, self._under_way.total())
            self.most_at_once_of_one = max(self.most_at_once_of_one, self._under_way[path])

    def end(self, path: str) -> None:
        with self._lock:
            self._under_way[path] -= 1

    def answer(self, path: str, key: str | None, headers: Any) -> tuple[int, Any]:
        parts = urlsplit(path)
        if self.status is not None:
            return self.status, {'errors': ['Something about a secret']}
        if self.down:
            return 500, {'errors': ['Internal error']}
        if key != API_KEY or headers.get('DD-APPLICATION-KEY') != APP_KEY:
            return 403, {'errors': ['Forbidden']}
        number = int(parts.path.removeprefix('/api/v1/monitor/'))
        if number not in self.monitors:
            return 404, {'errors': ['Monitor not found']}
        answer = dict(self.monitors[number])
        if parse_qs(parts.query).get('group_states') != ['all']:
            answer.pop('state', None)
        return 200, answer

    def monitor(self, number: int, *, query: str = '', **groups: tuple[str, int | None]) -> None:
        """groups: by name (`_` for the one of a simple alert), status and when it was last triggered."""
        self.monitors[number] = {
            'id': number,
            'name': 'Error rate of checkout',
            'query': query,
            'overall_state': 'Alert' if any(status == 'Alert' for status, _ in groups.values()) else 'OK',
            'state': {
                'groups': {
                    ('*' if name == '_' else name.replace('_', ':', 1)): {
                        'name': name,
                        'status': status,
                        'last_triggered_ts': triggered,
                        'last_resolved_ts': None,
                    }
                    for name, (status, triggered) in groups.items()
                }
            },
        }

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
