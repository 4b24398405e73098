"""Names are found in text however they are written, and what may be one is hidden rather than shown."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statsig.datadog.redaction import hide_people


def shown(text: str, *names: str, limit: int = 10_000) -> str:
    return hide_people(names).start_of(text, limit)


@pytest.mark.parametrize(
    ('text', 'told'),
    [
        ('by Jane Doe, JANE_DOE, jane.doe, janedoe', 'by (hidden), (hidden), (hidden), (hidden)'),
        ('Jane\u200bDoe and jane\n-- doe', '(hidden) and (hidden)'),
        ('jane.doe@example.com or janedoe%40example.com', '(hidden) or (hidden)'),
        ('Jane, Doe', 'Jane, Doe'),
        ('Janet Doe', 'Janet Doe'),
        ('Mary Jane Doe-Roe', 'Mary (hidden)-Roe'),
        ('xjane doe', 'xjane doe'),
    ],
)
def test_a_name_is_hidden_however_it_is_written(text: str, told: str) -> None:
    assert shown(text, 'Jane Doe') == told


@pytest.mark.parametrize(
    ('text', 'told'),
    [
        ('to someone@example.com.', 'to (hidden)'),
        ('mailto:a.b+c@x.org?x=1', 'mailto:(hidden)?x=1'),
        ('a＠b.c, a%40b.c', '(hidden), (hidden)'),
        ('@example.com', '@example.com'),
        ('@someone@example.com', '(hidden)'),
        ('@', '@'),
    ],
)
def test_an_address_is_hidden_and_a_domain_is_not(text: str, told: str) -> None:
    assert shown(text) == told


def test_of_a_longer_and_a_shorter_name_the_longer_is_hidden() -> None:
    assert shown('Jane Doe Roe, Jane Doe', 'Jane Doe', 'Jane Doe Roe') == '(hidden), (hidden)'


def test_a_name_of_many_words_or_letters_is_known_by_its_beginning() -> None:
    words = 'Pablo Diego Jose Francisco de Paula Juan Nepomuceno Crispin'

    assert shown(f'by {words}.', words) == 'by (hidden).'
    assert shown(f'by {"x" * 80}.', 'x' * 80) == 'by (hidden).'
    assert shown(f'by {"x" * 80}.', 'x' * 65) == 'by (hidden).'


def test_a_text_with_very_many_words_that_begin_a_name_is_hidden_whole() -> None:
    assert shown('a b ' * 60, 'a bc').startswith('a b a b')
    assert shown('a b ' * 61, 'a bc') == '(hidden)'


@pytest.mark.parametrize('before', range(980, 1340))
def test_what_a_cut_leaves_of_a_name_or_an_address_is_dropped(before: int) -> None:
    text = f'{"x " * (before // 2)}{"y" * (before % 2)} Jane Doe {"z " * 900}'
    address = f'{"x " * (before // 2)}{"y" * (before % 2)} someone.else@example.com {"z " * 900}'

    assert 'Ja' not in shown(text, 'Jane Doe', limit=1000)
    assert 'so' not in shown(address, limit=1000)


def test_a_long_text_without_spaces_is_shown_up_to_the_limit() -> None:
    assert shown('x' * 5000, 'Jane Doe', limit=1000)[:1000] == 'x' * 1000


@given(st.text('JjaAnNeE. _-xX@', max_size=60))
def test_it_hides_what_a_regular_expression_would(text: str) -> None:
    name = re.compile(r'(?<![^\W_])ann[\s._\-+]*jane(?![^\W_])', re.IGNORECASE)

    assert not name.search(shown(text, 'Ann Jane'))


def test_letter_case_is_understood_as_by_a_regular_expression() -> None:
    letters = [chr(code) for code in range(sys.maxunicode) if chr(code).isalpha()]
    cased = [letter for letter in letters if letter.lower() != letter or letter.upper() != letter]
    pairs = [(letter, form) for letter in cased for form in {letter.lower(), letter.upper(), letter.swapcase()}]
    alike = [(a, b) for a, b in [*pairs, ('i', 'ı'), ('I', 'İ'), ('s', 'ſ')] if re.fullmatch(a, b, re.IGNORECASE)]

    assert len(alike) > 2_500
    assert [(a, b) for a, b in alike if shown(f'by Xx{b}', f'Xx{a}') != 'by (hidden)'] == []
