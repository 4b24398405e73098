"""Every message that the check can print, read from its source: what goes into warnings and into its exceptions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ('datadog_checks/statsig', 'statsig/console', 'statsig/datadog')

# Whoever hands a text to one of these shows it to the user; some functions return messages, or the end of one.
SHOWN_BY = frozenset({'warn', 'warning', 'ConfigurationError'})
ERRORS_OF_THE_API = frozenset(
    {'UnreachableError', 'RefusedError', 'RateLimitedError', 'BadAnswerError', 'TooLargeError'}
)
RETURNED_BY = ('_check_', '_unknown_', '_claim', '_remedy')
ANYTHING = '\0'  # stands for what is only known when the message is made


def messages() -> dict[str, str]:
    """Each message, with ANYTHING in place of its variable parts, and `file:line` of where it is made."""
    found: dict[str, str] = {}
    for source in SOURCES:
        for path in sorted((ROOT / source).glob('*.py')):
            for function in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
                if isinstance(function, ast.FunctionDef):
                    for text, line in _messages_of(function):
                        found.setdefault(text, f'{path.relative_to(ROOT)}:{line}')
    return found


def _messages_of(function: ast.FunctionDef) -> Iterator[tuple[str, int]]:
    known = {
        statement.targets[0].id: statement.value
        for statement in ast.walk(function)
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    }
    for node in ast.walk(function):
        for shown in _shown(node, function):
            if any(isinstance(part, ast.Call) and _name(part).startswith(RETURNED_BY) for part in ast.walk(shown)):
                continue  # its ends are messages of their own
            text = _text(shown, known)
            # What is put together of other messages, such as `Option {error}.`, says nothing of its own.
            if len(text.replace(ANYTHING, ' ').split()) > 2:
                yield text, shown.lineno


def _shown(node: ast.AST, function: ast.FunctionDef) -> list[ast.expr]:
    """The expressions in this node that become messages."""
    if isinstance(node, ast.Call):
        name = _name(node)
        if name in ERRORS_OF_THE_API:
            return node.args[-1:]
        is_log = isinstance(node.func, ast.Attribute) and getattr(node.func.value, 'id', '') in ('log', '_log')
        if (name in SHOWN_BY and not is_log) or (name == 'append' and _is_list_of_warnings(node)):
            return [argument for argument in node.args if isinstance(argument, ast.Constant | ast.JoinedStr)]
    if isinstance(node, ast.Return) and function.name.startswith(RETURNED_BY):
        values = node.value.elts if isinstance(node.value, ast.List) else [node.value] if node.value else []
        return [value for value in values if isinstance(value, ast.Constant | ast.JoinedStr)]
    return []


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, 'id', '')


def _is_list_of_warnings(append: ast.Call) -> bool:
    return isinstance(append.func, ast.Attribute) and getattr(append.func.value, 'id', '') in ('warnings', 'missing')


def _text(expression: ast.expr, known: dict[str, ast.expr]) -> str:
    match expression:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return ''.join(_text(part, known) for part in parts)
        case ast.FormattedValue(value=ast.Name(id=name)) if name in known:
            return _text(known[name], {})
        case _:
            return ANYTHING
