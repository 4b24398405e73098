"""Each program that is measured has a process of its own; so has the sandbox, whose work is not to be measured."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

Program = TypeVar('Program')
P = ParamSpec('P')
Result = TypeVar('Result')


class Remote(Generic[Program]):
    """`make(*arguments)`, made in a fresh interpreter; `do` calls its methods there and waits for what they return."""

    def __init__(self, make: Callable[P, Program], *arguments: P.args, **options: P.kwargs) -> None:
        context = multiprocessing.get_context('spawn')
        self._calls, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make, arguments, options), daemon=True)
        self._process.start()
        theirs.close()

    def do(self, method: Callable[Concatenate[Program, P], Result], *arguments: P.args, **options: P.kwargs) -> Result:
        """Raises RuntimeError with the traceback where the method raised."""
        self._calls.send((method, arguments, options))
        result: Result
        raised, result = self._calls.recv()
        if raised:
            raise RuntimeError(f'In the process of {method.__qualname__}:\n{raised}')
        return result

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.join()


def _serve(calls: Connection, make: Callable[..., Any], arguments: Any, options: Any) -> None:
    program: Any = None
    while True:
        try:
            method, given, named = calls.recv()
        except EOFError:  # the bench has ended
            return
        try:
            program = program or make(*arguments, **options)
            calls.send(('', method(program, *given, **named)))
        except Exception:
            calls.send((traceback.format_exc(), None))
