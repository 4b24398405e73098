"""Who works in the sandbox project."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from statsig.sandbox.dice import dice, opaque_id


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    email: str | None
    id: str


def person(name: str) -> Person:
    """The person of that name; the same name gives the same e-mail address and id everywhere."""
    plain = unicodedata.normalize('NFKD', name).encode('ascii', 'ignore').decode().lower()
    return Person(name, f'{".".join(plain.split()) or "member"}@example.com', opaque_id(dice('person', name)))


PEOPLE = tuple(
    person(name)
    for name in (
        'Jane Doe',
        'John Smith',
        'Amara Okafor',
        'Zoë Müller',
        'Diego Hernández',
        '李娜',
        'Priya Raghavan',
        "Tom O'Brien",
    )
)

# How Statsig signs what was changed with an API key instead of in the console.
CONSOLE_API = Person('CONSOLE API', None, '4R5PV7mvYdW6NLCwK8ocoz')
