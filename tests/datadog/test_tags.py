from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.datadog.tags import normalise, tag


@pytest.mark.parametrize(
    ('value', 'kept'),
    [
        ('checkout_v2', 'checkout_v2'),
        ('_internal-gate.v1/a:b', '_internal-gate.v1/a:b'),
        ('Checkout V2', 'checkout_v2'),
        ('  spaces  ', 'spaces'),
        ('a   b', 'a_b'),
        ('contiguous_____underscores', 'contiguous_underscores'),
        ('trailing!!!', 'trailing'),
        ('Ünïcödé', 'ünïcödé'),
        ('Data🐨dog', 'data_dog'),
        ('line\nbreak', 'line_break'),
        ('123', '123'),
    ],
)
def test_a_value_is_written_as_datadog_keeps_it(value: str, kept: str) -> None:
    assert tag('name', value) == f'name:{kept}'


@pytest.mark.parametrize('value', ['', '   ', '!!!', '___', ':'])
def test_a_value_of_which_nothing_remains_is_unknown(value: str) -> None:
    assert tag('name', value) == 'name:unknown'


def test_a_key_starts_with_a_letter() -> None:
    assert tag('1 Team Name', 'x') == 'team_name:x'


def test_200_characters_are_kept_and_one_more_is_cut() -> None:
    assert tag('name', 'a' * 195) == 'name:' + 'a' * 195
    assert tag('name', 'a' * 195 + 'b') == 'name:' + 'a' * 195


@pytest.mark.parametrize(
    ('raw', 'kept'),
    [('Service:Checkout', 'service:checkout'), ('canary', 'canary'), ('team:', 'team:unknown'), ('!', '')],
)
def test_a_whole_tag_as_somebody_wrote_it(raw: str, kept: str) -> None:
    assert normalise(raw) == kept


@given(st.text(), st.text())
def test_any_tag_is_valid_and_stays_as_it_is(key: str, value: str) -> None:
    made = tag(key, value)

    assert made[0].isalpha()
    assert made == made.lower()
    assert len(made) <= 200
    assert all(c.isalnum() or c in '_-:./' for c in made)
    assert '__' not in made
    assert made[-1] not in '_:'
    assert tag(*made.split(':', 1)) == made
    assert normalise(made) == made
