"""Build the tables of femtobarn.data.catalogue from published lists of files and samples.

Usage: python scripts/build_catalogue.py SHARED_DIR

Reads ``SHARED_DIR/data/catalogue/{files,records}.csv`` and ``SHARED_DIR/spec/samples_{2020,2025}.csv`` and
writes one compressed table of files and one of datasets per release, and one of portal records. The output depends on the input only.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from femtobarn.data.catalogue.names import recognise

TABLES = Path(__file__).resolve().parent.parent / "src/femtobarn/data/catalogue/tables"
SAMPLES = {"2020e-13tev": "samples_2020.csv", "2025e-13tev-beta": "samples_2025.csv"}

# Training samples for jet reconstruction: another format than the release's ntuples.
LEFT_OUT = {"mc-jet-reconstruction"}

# (release, dsid, variant) -> sum of weights; the published list divides this one by ten, while each of
# its 49386600 events has weight 1 and the same list gives 49386600 for the other skims.
CORRECTED = {("2020e-13tev", "410000", "1largeRjet1lep"): "49386600.0"}


# the portal's record numbers of each release
RECORDS = {
    "2016e-8tev": {390, 391, *range(3800, 3842), 3860},
    "2020e-13tev": {*range(15000, 15011)},
    "2024r-pp": {*range(80000, 80021)},
    "2025e-13tev-beta": {*range(93910, 93935)},
}


def main(shared: Path) -> None:
    """Write all tables."""
    with (shared / "data/catalogue/files.csv").open(encoding="utf-8", newline="") as file:
        files = list(csv.DictReader(file))
    for release, samples in SAMPLES.items():
        with (shared / "spec" / samples).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        write(
            f"files_{release}.csv.gz",
            ("skim", "kind", "dsid", "period", "url", "size", "adler32", "record"),
            file_rows(release, files),
        )
        write(
            f"datasets_{release}.csv.gz",
            (
                "dsid",
                "variants",
                "name",
                "process",
                "keywords",
                "cross_section_pb",
                "sum_of_weights",
                "n_events",
                "source",
            ),
            dataset_rows(release, rows),
        )
    with (shared / "data/catalogue/records.csv").open(encoding="utf-8", newline="") as file:
        records = list(csv.DictReader(file))
    write(
        "records.csv.gz",
        ("record", "release", "title", "events", "files", "size", "doi", "licence"),
        record_rows(records),
    )


def file_rows(release: str, files: Iterable[dict[str, str]]) -> list[tuple[str, ...]]:
    """Return the files of one release, data in order of period, then simulation in order of dataset."""
    rows = []
    for row in files:
        if row["release"] != release or row["skim"] in LEFT_OUT:
            continue
        name = recognise(row["uri"].rsplit("/", 1)[-1])
        if name is None or (name.release, name.skim, name.kind) != (release, row["skim"], row["kind"]):
            msg = f"the name of {row['uri']} does not say what the list says of it"
            raise SystemExit(msg)
        dsid = "" if name.dsid is None else str(name.dsid)
        if dsid != row["dsid"]:
            msg = f"{row['uri']} is listed with dataset {row['dsid']}"
            raise SystemExit(msg)
        rows.append(
            (
                row["skim"],
                row["kind"],
                dsid,
                name.period or "",
                row["uri"],
                row["size_bytes"],
                row["adler32"],
                str(int(row["record_id"])),
            )
        )
    return sorted(rows)


def dataset_rows(release: str, samples: Iterable[dict[str, str]]) -> list[tuple[str, ...]]:
    """Return one row per dataset and set of skims for which its numbers are valid."""
    rows = []
    for row in samples:
        variants = row.get("valid_for_variant", "default").split(";")
        if variants[0].startswith("framework lists"):
            continue  # what another program used, not what the dataset has
        corrected = {CORRECTED.get((release, row["dsid"], v)) for v in variants} - {None}
        name = row["process"] if release.startswith("2020") else row["physics_short"]
        for variant in variants:
            name = name.removesuffix(f"_{variant}")
        product = float(row["xsec_pb"]) * float(row["kfactor"]) * float(row["filter_eff"])
        weights = corrected.pop() if corrected else row["sum_of_weights"]
        rows.append(
            (
                row["dsid"],
                ";".join(sorted(variants)),
                name,
                row["process"] if "physics_short" in row else row["group"],
                row["keywords"] if "keywords" in row else row["aliases"],
                repr(product),
                repr(float(weights or "nan")),
                row["n_events"],
                row["source"],
            )
        )
    return sorted(rows)


def record_rows(records: Iterable[dict[str, str]]) -> list[tuple[str, ...]]:
    """Return one row per portal record, with the release it belongs to (empty: none of ours)."""
    columns = ("title", "events", "files", "size_bytes", "doi", "licence")
    rows = [(int(r["record_id"]), release_of(int(r["record_id"])), *(r[c] for c in columns)) for r in records]
    return [tuple(str(cell) for cell in row) for row in sorted(rows)]


def release_of(record: int) -> str:
    """Return the release of a portal record."""
    return next((release for release, numbers in RECORDS.items() if record in numbers), "")


def write(name: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a compressed table without a time in it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    TABLES.mkdir(parents=True, exist_ok=True)
    (TABLES / name).write_bytes(gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
