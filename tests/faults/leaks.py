"""Secrets that are easily recognised, a search for them, and another host that hears what it should not."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

KEY = 'console-Qk7vW2mZx9Tr4Jb8Ld3Hs6Np1Gc5Fy0Aq7Ue2Wi9Ro'
REFUSED_KEY = 'console-Xw5nB8hVt2Ky6Dq9Mf4Sj7Lz1Rg3Pc0Eu8Ia5Ob2Tn'
PASSWORD = 'Zt4Gh8Kp2Wd6Vm9Xq3Bn7Ys'

# A cut or masked key that still shows ten characters in a row is a leak too.
PIECES = {secret[start : start + 10] for secret in (KEY, REFUSED_KEY, PASSWORD) for start in range(8, len(secret) - 9)}


class Ear:
    """Another host: it answers, and keeps all that it hears."""

    def __init__(self, status: int = 200, body: bytes = b'{}', headers: Mapping[str, str] | None = None) -> None:
        self.heard: list[str] = []
        ear = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                ear.heard.append(f'{self.requestline}\n{self.headers}')
                self.send_response(status)
                for name, value in {**(headers or {}), 'Content-Length': str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_CONNECT(self) -> None:
                self.do_GET()

            def log_message(self, *_: Any) -> None:
                """Not on standard error."""

        self._server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.address = f'127.0.0.1:{self._server.server_port}'
        self.url = f'http://{self.address}'

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def leaks_in(text: str) -> list[str]:
    """Each with a little of what stands around it."""
    found = {text.index(piece) for piece in PIECES if piece in text}
    return [text[max(0, place - 80) : place + 40] for place in sorted(found)][:3]
