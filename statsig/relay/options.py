"""Reading a YAML file of options: `${VARIABLE}` from the environment, and refusals in words a user can act on."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Self

_REFERENCE = re.compile(r'\$\{([A-Za-z_][A-Za-z0-9_]*)\}')


class ConfigurationError(Exception):
    """The configuration cannot be used; the message is one line that names the option.

    It never shows a secret: of what refers to the environment, only the text that stands in the file.
    """


class _FromEnvironment(str):
    """A text with variables in it, resolved: always text, where the file could have said 10 or true.

    written: as it stands in the file, which is all of it that may be shown.
    """

    written: str

    def __new__(cls, resolved: str, written: str) -> Self:
        made = super().__new__(cls, resolved)
        made.written = written
        return made


class Options:
    """One section of the file. Every getter raises ConfigurationError for a value that it does not take.

    at: where the section stands, such as `statsig_webhook`; empty for the top of the file.
    """

    def __init__(self, values: object, known: Sequence[str], environment: Mapping[str, str], at: str = '') -> None:
        if not isinstance(values, Mapping):
            where = f'Option `{at}`' if at else 'The file'
            raise ConfigurationError(f'{where} must be a mapping of options, got {_shown(values)}.')
        self._values = values
        self._environment = environment
        self._at = at
        for option in values:
            if option not in known:
                nearest = difflib.get_close_matches(str(option), known, n=1)
                hint = f'did you mean `{self.name(nearest[0])}`?' if nearest else f'known are {", ".join(known)}.'
                raise ConfigurationError(f'Option `{self.name(str(option))}` is unknown: {hint}')

    def name(self, option: str) -> str:
        return f'{self._at}.{option}' if self._at else option

    def has(self, option: str) -> bool:
        return option in self._values

    def section(self, option: str, known: Sequence[str]) -> Options:
        return Options(self._values[option], known, self._environment, self.name(option))

    def text(self, option: str, takes: str, default: str | None = None, pattern: str = r'.+') -> str:
        """Text that the whole pattern matches. Without a default the option is required."""
        value = self._value(option, takes, default)
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise self.refusal(option, takes, value)
        return str(value)

    def secret(self, option: str, what: str) -> str:
        """Text from a variable of the environment, and from nowhere else."""
        written = self._values.get(option)
        takes = f'a reference to a variable of the environment that holds {what}, such as ${{{option.upper()}}}'
        if written is None:
            raise ConfigurationError(f'Option `{self.name(option)}` is missing: it must be {takes}.')
        if not isinstance(written, str) or not _REFERENCE.fullmatch(written):
            raise ConfigurationError(
                f'Option `{self.name(option)}` must be {takes}; secrets do not belong into this file '
                '(the value is not shown here).'
            )
        value = str(self._value(option, takes, None)).strip()
        if not value:
            raise ConfigurationError(
                f'Option `{self.name(option)}`: the environment variable {written[2:-1]} is empty.'
            )
        return value

    def optional_secret(self, option: str, what: str) -> str:
        """As `secret`; '' where the option or its variable is not set, or the variable is empty."""
        written = self._values.get(option)
        is_reference = isinstance(written, str) and _REFERENCE.fullmatch(written)
        if written is None or (is_reference and not self._environment.get(str(written)[2:-1], '').strip()):
            return ''
        return self.secret(option, what)

    def number(self, option: str, default: float, minimum: float, maximum: float, unit: str = '') -> float:
        takes = f'a number{unit and f" of {unit}"} from {minimum:g} to {_plain(maximum)}'
        value = self._value(option, takes, default)
        if isinstance(value, _FromEnvironment):
            try:
                value = float(value)
            except ValueError:
                raise self.refusal(option, takes, value) from None
        # A bool is an int in Python. NaN is between no two numbers.
        if isinstance(value, bool) or not isinstance(value, int | float) or not minimum <= value <= maximum:
            raise self.refusal(option, takes, value)
        return value

    def whole_number(self, option: str, default: int, minimum: int, maximum: int, unit: str = '') -> int:
        value = self.number(option, default, minimum, maximum, unit)
        if value != int(value):
            raise self.refusal(option, f'a whole number from {minimum} to {_plain(maximum)}', value)
        return int(value)

    def one_of(self, option: str, words: Sequence[str], default: str) -> str:
        takes = ' or '.join(words)
        value = self._value(option, takes, default)
        if value not in words:
            raise self.refusal(option, takes, value)
        return str(value)

    def value(self, option: str) -> Any:
        """As it is written, variables resolved where it is a text: for what takes values of several kinds."""
        return self._value(option, 'something else', None)

    def boolean(self, option: str, default: bool) -> bool:
        value = self._value(option, 'true or false', default)
        if isinstance(value, _FromEnvironment) and value.lower() in ('true', 'false'):
            return value.lower() == 'true'
        if not isinstance(value, bool):
            raise self.refusal(option, 'true or false', value)
        return value

    def texts(self, option: str) -> tuple[str, ...]:
        value = self._value(option, 'a list of texts', [])
        if not isinstance(value, list):
            raise self.refusal(option, 'a list of texts', value)
        for item in value:
            if not isinstance(item, str) or not item.strip():
                raise self.refusal(option, 'a list of texts', item)
        return tuple(self._resolved(option, item) for item in value)

    def refusal(self, option: str, takes: str, got: object) -> ConfigurationError:
        """got: the value, or what was made of it. Where the option refers to the environment it is not shown."""
        written = self._values.get(option)
        if isinstance(written, str) and _REFERENCE.search(written):
            got = _FromEnvironment('', written)
        return ConfigurationError(f'Option `{self.name(option)}` must be {takes}, got {_shown(got)}.')

    def _value(self, option: str, takes: str, default: Any) -> Any:
        if option not in self._values:
            if default is None:
                raise ConfigurationError(f'Option `{self.name(option)}` is missing: it must be {takes}.')
            return default
        value = self._values[option]
        if value is None:
            raise ConfigurationError(f'Option `{self.name(option)}` has no value: it must be {takes}.')
        return self._resolved(option, value) if isinstance(value, str) else value

    def _resolved(self, option: str, text: str) -> str:
        def variable(reference: re.Match[str]) -> str:
            found = self._environment.get(reference[1])
            if found is None:
                raise ConfigurationError(
                    f'Option `{self.name(option)}` refers to the environment variable {reference[1]}, which is not set.'
                )
            return found

        resolved = _REFERENCE.sub(variable, text)
        return _FromEnvironment(resolved, text) if _REFERENCE.search(text) else resolved


def _plain(number: float) -> str:
    return f'{number:.0f}' if number == int(number) else f'{number:g}'


def _shown(value: object) -> str:
    if isinstance(value, _FromEnvironment):
        return f'the value of {_shown(value.written)} (not shown here)'
    if isinstance(value, str):
        shown = json.dumps(value, ensure_ascii=False)
        return shown if len(shown) <= 80 else f'{shown[:79]}…"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    kinds = ((type(None), 'nothing'), (Mapping, 'a mapping'), (list, 'a list'))
    return next((kind for types, kind in kinds if isinstance(value, types)), type(value).__name__)
