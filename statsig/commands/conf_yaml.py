"""Reading a `conf.yaml` as the Agent would, without ever quoting what is in it: an API key is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from statsig.commands.yaml_values import yaml_values


def load_configuration(path: Path | str) -> tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]:
    """`(init_config, instances)` of a `conf.yaml`. Raises ValueError, with one line that says what is wrong with it."""
    try:
        content = yaml_values(Path(path).read_text(encoding='utf-8'))
    except OSError as error:
        raise ValueError(f'{path} cannot be read: {error.strerror}') from None
    except UnicodeDecodeError:
        raise ValueError(f'{path} is not UTF-8 text') from None
    except yaml.YAMLError as error:
        raise ValueError(f'{path} is not valid YAML{_where(error)}') from None
    init_config = content.get('init_config') if isinstance(content, dict) else None
    instances = content.get('instances') if isinstance(content, dict) else None
    if not isinstance(instances, list) or not instances or not all(isinstance(each, dict) for each in instances):
        raise ValueError(f'{path} has no `instances`: expected a list of at least one (see conf.yaml.example)')
    if not isinstance(init_config, dict | None):
        raise ValueError(f'{path}: `init_config` is {type(init_config).__name__}, expected options or nothing')
    return init_config or {}, instances


def _where(error: yaml.YAMLError) -> str:
    """Line and problem, and never the text around it, which PyYAML's own message quotes: it may be the API key."""
    mark, problem = getattr(error, 'problem_mark', None), getattr(error, 'problem', None)
    return f', line {mark.line + 1}: {problem}' if mark and problem else ''
