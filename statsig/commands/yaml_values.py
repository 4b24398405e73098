"""Reading YAML that somebody wrote by hand."""

from __future__ import annotations

import re
from typing import Any

import yaml

_MOST_BITS = 1024  # what is longer is no option, and beyond 4,300 digits Python refuses to show it in a message
_NOT_DECIMAL = 'a number that YAML does not read as decimal: write it without zeros in front, or as text in quotes'
_DECIMAL = re.compile(r'[-+]?(0|[1-9][0-9_]*)')


def yaml_values(text: str | bytes) -> Any:
    """As `yaml.safe_load`, but raises YAMLError whatever is wrong, and never quotes the text around it.

    That includes whole numbers that YAML does not take for what they look like: it reads 0123 as 83, and 1:30 as 90.
    """
    try:
        # The loader is a SafeLoader.
        return yaml.load(text, _Loader)  # noqa: S506
    except UnicodeDecodeError:
        raise yaml.YAMLError('not UTF-8') from None
    except RecursionError:
        raise yaml.YAMLError('nested too deeply') from None


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """PyYAML would take the last of two values without a word."""
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in seen:
                raise yaml.MarkedYAMLError(problem='an option stands twice', problem_mark=key.start_mark)
            seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """PyYAML lets through what Python raises for such a value: ValueError for the 13th month, and other kinds."""
        try:
            value = super().construct_object(node, deep)
        except (yaml.YAMLError, RecursionError):
            raise
        except Exception:
            raise _unreadable(node) from None
        if isinstance(value, int) and value.bit_length() > _MOST_BITS:
            raise _unreadable(node)
        if node.tag == 'tag:yaml.org,2002:int' and not _DECIMAL.fullmatch(node.value):
            raise yaml.MarkedYAMLError(problem=_NOT_DECIMAL, problem_mark=node.start_mark)
        return value


def _unreadable(node: yaml.Node) -> yaml.MarkedYAMLError:
    kind = node.tag.rpartition(':')[2]
    return yaml.MarkedYAMLError(problem=f'a value cannot be read as {kind}', problem_mark=node.start_mark)
