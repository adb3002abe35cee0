"""What programs read of an inspection."""

from __future__ import annotations

import dataclasses
from typing import Any

from femtobarn.api.inspection import Inspection, ratio_of
from femtobarn.data.columns.describe import TreeDescription
from femtobarn.data.formats.facts import FileFacts
from femtobarn.data.formats.skimmed import SkimFacts


def as_json(found: Inspection) -> dict[str, Any]:
    """Return an inspection as mappings, sequences, text and numbers, for programs.

    The keys stay as they are; others may be added:

    ``name``, ``place``, ``size`` (bytes), ``root_version``, ``uuid``
        the file
    ``compression``
        ``algorithm`` (``zlib``, ``lzma``, ``lz4``, ``zstd``, ``none``) and ``level``, for new objects
    ``format``, ``release``
        by content; null if not known
    ``named``
        by name: ``release``, ``skim``, ``kind`` (``data``, ``mc``), ``dsid``, ``period``; or null
    ``dataset_name``
        of the catalogue, or empty
    ``facts``
        what the file says: ``entries``, ``kind``, ``dataset``, ``run``, ``cross_section_fb``,
        ``sum_of_weights``, ``num_events``, ``simulated_demo``; or null
    ``skim``
        ``release``, ``kind``, ``dataset``, ``period``, and of its origin ``name``, ``size``, ``entries``,
        ``steps``; or null
    ``published``
        ``state`` (`Edition`) and ``words``
    ``event_model``
        ``tree``, ``found`` and ``empty`` (fields), ``lacking`` (``path``, ``branches``, ``optional``, ``reason``),
        ``filled``; or null
    ``candidates``
        ``release``, ``tree``, ``found``, ``fields``, ``lacking``
    ``warnings``
        what does not fit together
    ``objects``
        what is no tree: ``name``, ``class``, ``cycle``, ``title``
    ``trees``
        ``name``, ``title``, ``kind`` (``TTree``, ``RNTuple``), ``entries``, ``clusters`` (``number``,
        ``smallest``, ``median``, ``largest``), ``compressed``, ``uncompressed`` (bytes), ``ratio``, and
        ``branches``: ``name``, ``type``, ``shape`` (``scalar``, ``list``, ``string``, ``other``), ``dtype``,
        ``compressed``, ``uncompressed``, ``ratio``, ``baskets``, ``compression``
    """
    content = found.content
    return {
        "name": found.name,
        "place": found.place,
        "size": content.size,
        "root_version": content.root_version,
        "uuid": content.uuid,
        "compression": {"algorithm": content.algorithm, "level": content.level},
        "format": found.format,
        "release": found.release,
        "named": None if found.named is None else dataclasses.asdict(found.named),
        "dataset_name": found.dataset_name,
        "facts": None if found.facts is None else _facts(found.facts),
        "skim": None if found.skim is None else _skim(found.skim),
        "published": dataclasses.asdict(found.published),
        "event_model": None if found.events is None else dataclasses.asdict(found.events),
        "candidates": [dataclasses.asdict(candidate) for candidate in found.candidates],
        "warnings": list(found.warnings),
        "objects": [
            {"name": k.name, "class": k.class_name, "cycle": k.cycle, "title": k.title} for k in found.objects
        ],
        "trees": [_tree(tree) for tree in found.trees],
    }


def _facts(facts: FileFacts) -> dict[str, Any]:
    names = ("entries", "kind", "run", "cross_section_fb", "sum_of_weights", "num_events", "simulated_demo")
    return {"dataset": facts.dataset} | {name: getattr(facts, name) for name in names}


def _skim(skim: SkimFacts) -> dict[str, Any]:
    own: dict[str, Any] = {name: getattr(skim, name) for name in ("release", "kind", "dataset", "period")}
    origin = skim.facts.origin
    if origin is not None:
        own |= {name: getattr(origin, name) for name in ("name", "size", "entries")}
        own["steps"] = list(origin.steps)
    return own


def _tree(tree: TreeDescription) -> dict[str, Any]:
    return {
        "name": tree.name,
        "title": tree.title,
        "kind": tree.kind,
        "entries": tree.entries,
        "clusters": dataclasses.asdict(tree.clusters),
        "compressed": tree.compressed,
        "uncompressed": tree.uncompressed,
        "ratio": round(tree.ratio, 4),
        "branches": [
            {
                "name": b.name,
                "type": b.typename,
                "shape": b.shape,
                "dtype": b.dtype,
                "compressed": b.compressed,
                "uncompressed": b.uncompressed,
                "ratio": round(ratio_of(b), 4),
                "baskets": b.baskets,
                "compression": b.compression,
            }
            for b in tree.branches
        ],
    }
