"""metadata.csv, from the one table of metrics: `make generate` writes it, test_assets.py holds it equal.

Columns and units are Datadog's: https://docs.datadoghq.com/extend/integrations/check_references/#metrics-metadata-file
"""

from __future__ import annotations

import csv
import io

from statsig.datadog.metrics import METRICS

COLUMNS = (
    'metric_name',
    'metric_type',
    'interval',  # for rates only
    'unit_name',
    'per_unit_name',
    'description',
    'orientation',
    'integration',
    'short_name',
    'curated_metric',  # cpu or memory: the graphs of hosts
)


def metadata() -> str:
    """The content of metadata.csv, sorted by name as in integrations-core."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, restval='', lineterminator='\n')
    table.writeheader()
    for metric in sorted(METRICS, key=lambda metric: metric.name):
        table.writerow(
            {
                'metric_name': f'statsig.{metric.name}',
                'metric_type': metric.type,
                'unit_name': metric.unit,
                'per_unit_name': metric.per_unit,
                'description': f'{metric.description}.',
                'orientation': metric.orientation,
                'integration': 'statsig',
                'short_name': metric.name.replace('.', ' ').replace('_', ' '),
            }
        )
    return text.getvalue()


if __name__ == '__main__':
    print(metadata(), end='')
