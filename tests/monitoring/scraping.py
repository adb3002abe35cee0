"""Reading an endpoint as Prometheus does."""

from __future__ import annotations

import re
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]

# https://prometheus.io/docs/practices/naming/
NAME = re.compile(r"femtobarn_[a-z_]+")
ENDINGS = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


def scrape(address: str) -> Samples:
    """Read the numbers, and check the form of all that is told."""
    with urllib.request.urlopen(address, timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        text = answer.read().decode()
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        for sample in family.samples:
            assert NAME.fullmatch(sample.name)
            assert any(sample.name == family.name + end for end in ENDINGS[family.type]), sample
            key = sample.name, tuple(sorted(sample.labels.items()))
            assert key not in found  # Prometheus refuses the whole scrape
            found[key] = sample.value
    return found


def value(found: Samples, name: str, **labels: str) -> float:
    return found[name, tuple(sorted(labels.items()))]
