"""Refreshing tables from stand-ins that speak the real interfaces."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from femtobarn.base.errors import CatalogueError, UnknownNameError, UnwritableError, UsageError
from femtobarn.data import catalogue
from femtobarn.data.catalogue import bundled, inuse, stored
from femtobarn.data.catalogue.changes import described
from femtobarn.data.catalogue.refresh import refresh
from femtobarn.data.catalogue.resolvers import resolve, wanted
from femtobarn.data.storage.network import Network

from .services import ALWAYS, Fault, Services, entry

OLD = "2020e-13tev"
EOS = "root://eospublic.cern.ch//eos/opendata/atlas"
Change = Callable[[Services], None]


def bundled_digest() -> str:
    tables = Path(bundled.__file__).parent / "tables"
    return hashlib.sha256(b"".join(p.read_bytes() for p in sorted(tables.iterdir()))).hexdigest()


def row(services: Services, dsid: int) -> dict[str, Any]:
    return next(d for d in services.datasets[OLD] if d["dataset_number"] == str(dsid))


def test_what_did_not_change_is_the_same_table(services: Services, network: Network, cache: Path) -> None:
    before = bundled_digest()
    services.publish(OLD)
    done = refresh(OLD, network=network)
    assert not done.changes
    assert described(done.changes) == ("nothing changed",)
    assert done.table.files == bundled.files(OLD)
    strip = [replace(d, source="") for d in done.table.datasets]
    assert strip == [replace(d, source="") for d in bundled.datasets(OLD)]
    assert sum("/datasets?" in path for path in services.requests) == 3  # 218 entries, 100 a page
    assert done.table.sources == (services.base, f"{services.base}/api")
    assert bundled_digest() == before
    assert (cache.stat().st_mode & 0o777, (cache / "catalogue").stat().st_mode & 0o777) == (0o700, 0o700)
    assert sorted(p.name for p in (cache / "catalogue").iterdir()) == ["2020e-13tev.json.gz", "lock"]


def test_what_changed_is_shown_and_used(services: Services, network: Network) -> None:
    services.publish(OLD)
    row(services, 361106)["cross_section_pb"] *= 2
    row(services, 361106)["kFactor"] = 1.5
    row(services, 410000)["sumOfWeights"] = None
    new = row(services, 361107) | {"dataset_number": 999999, "keywords": "a, b", "genFiltEff": 0.5}
    services.datasets[OLD].append(new)
    files = services.records[15005]["metadata"]["files"]
    changed = next(f for f in files if "data_A" in f["uri"])
    changed |= {"size": 5, "checksum": "adler32:ABC"}
    removed = next(f for f in files if "data_B" in f["uri"])
    files.remove(removed)
    moved = next(f for f in files if "data_C" in f["uri"])
    moved["uri"] = moved["uri"].replace("2020-08-19", "2021-01-01").replace(".ch/", ".ch:1094/")
    files.append(entry(f"{EOS}/x/mc_999999.Zxx.4lep.root"))
    done = refresh(OLD, network=network)
    changes = done.changes
    assert [f.name for f in changes.added] == ["mc_999999.Zxx.4lep.root"]
    assert [f.name for f in changes.removed] == ["data_B.4lep.root"]
    assert [(c.old.size, c.new.size, c.new.adler32) for c in changes.changed] == [(33765, 5, "00000abc")]
    assert [c.new.url for c in changes.moved] == [moved["uri"].replace(":1094", "")]
    assert (changes.datasets_added, changes.datasets_removed) == ((999999,), ())
    assert [(n.dsid, n.what) for n in changes.numbers] == [
        (361106, "cross_section_pb"),
        (410000, "sum_of_weights"),
    ]
    words = "\n".join(described(changes))
    assert "data_A.4lep.root: 33765 bytes, b6a8df64 -> 5 bytes, 00000abc" in words
    assert "361106 (default) cross_section_pb: 1950.5295 -> 5851.5885" in words
    assert "410000 (1lep" not in words  # what only holds for a skim is not told by the service, and stays
    release = catalogue.release(OLD)
    assert release.dataset(361106, "4lep").cross_section_pb == pytest.approx(3 * 1950.5295)
    assert release.dataset(361106, "1lep1tau").sum_of_weights == 116172063285.0
    assert release.datasets[999999].keywords == ("a", "b")
    assert release.datasets[999999].cross_section_pb == pytest.approx(new["cross_section_pb"] / 2)
    assert release.datasets[999999].source.startswith(services.base)
    assert [f.size for f in release.files("4lep") if f.period == "data_A"] == [5]
    assert [f.size for f in wanted(OLD, "4lep", [], ["data_A"])] == [5]
    assert [f.size for f in catalogue.published("data_A.4lep.root")] == [5, 33765]
    assert not refresh(OLD, network=network).changes
    assert inuse.forget(OLD)
    assert not inuse.forget(OLD)
    assert catalogue.release(OLD).files("4lep") == tuple(f for f in bundled.files(OLD) if f.skim == "4lep")


def test_long_lists_are_cut_and_counted(services: Services, network: Network) -> None:
    services.publish(OLD)
    for dataset in services.datasets[OLD][:30]:
        dataset["sumOfWeights"] = 7
    done = refresh(OLD, network=network)
    lines = described(done.changes)
    assert lines[0] == "numbers of datasets changed: yields will differ (30):"
    assert lines[-1] == "  ... and 10 more"
    assert len(lines) == 22


def test_a_release_without_tables_gets_one(services: Services, network: Network) -> None:
    name, where = "2024r-pp", f"{EOS}/rucio/mc20_13TeV/DAOD_PHYSLITE.1._000001.pool.root.1"
    for record in bundled.records():
        if record.release == name:
            services.offer(record.record, [], title=record.title)
    data = entry(
        f"{EOS}/rucio/data15_13TeV/DAOD_PHYSLITE.2._000001.pool.root.1", 30, availability="on demand"
    )
    index = {"key": "a_file_index.json", "number_files": 1, "size": 20, "files": [entry(where, 20)]}
    itself = entry(f"{EOS}/a_file_index.json", 3, type="index.json")
    services.offer(80010, [itself], title="MC simulation", _file_indices=[index])
    del index["files"]
    services.records[80010]["indices"] = {"a_file_index.json": index | {"files": [entry(where, 20)]}}
    services.offer(80000, [data, entry(f"{EOS}/readme.pdf")], title="proton-proton collision data")
    services.offer(80020, [entry(where, 20)], title="all of it")
    lost = f"{EOS}/rucio/absent.root"
    services.datasets[name] = [
        {
            "dataset_number": 700600,
            "physics_short": "Sh_llll",
            "cross_section_pb": 1.3,
            "file_list": [where.replace(".ch//", ".ch:1094//"), lost],
        },
        {"dataset_number": "1", "physics_short": "nothing", "cross_section_pb": None},
    ]
    with pytest.raises(UsageError, match="catalogue refresh 2024r-pp"):
        catalogue.release(name).files("noskim")
    done = refresh(name, network=network)
    first, second = catalogue.release(name).files("noskim")
    assert (first.kind, first.dsid, first.record, first.size) == ("data", None, 80000, 30)
    assert (second.kind, second.dsid, second.record, second.size) == ("mc", 700600, 80010, 20)
    assert catalogue.release(name).datasets[700600].n_events is None
    assert done.notes == (
        "1 files are no ROOT files: left out",
        "1 files are not online: ask for them on the portal before they can be read",
        "1 files of the metadata are in no record: left out, since no checksum is known",
        "1 datasets have no cross-section: left out",
    )
    found = resolve("record:80010")
    assert found is not None
    assert [(f.dsid, f.release, f.skim) for f in found] == [(700600, name, "noskim")]


def test_a_record_alone(services: Services, network: Network) -> None:
    url = f"{EOS}/somewhere/x.root"
    services.offer(555, [entry(url, 0), entry(f"{EOS}/x.txt")], title="a record")
    with pytest.raises(UsageError, match="femtobarn catalogue refresh record:555"):
        resolve("record:555")
    done = refresh("record:555", network=network)
    assert [f.name for f in done.changes.added] == ["x.root"]
    (file,) = resolve("record:555") or ()
    assert (file.url, file.size, file.adler32) == (url, 0, "0a0b0c0d")
    assert (file.release, file.skim, file.kind) == (None, None, None)
    statuses = {s.name: s for s in inuse.status()}
    assert (statuses["record:555"].origin, statuses["record:555"].files) == ("refreshed", 1)
    assert (statuses[OLD].origin, statuses["2024r-pp"].origin) == ("bundled", "none")


def test_of_two_tables_of_a_record_the_newer_counts(services: Services, network: Network) -> None:
    services.publish(OLD)
    files = services.records[15005]["metadata"]["files"]
    files[0]["size"] = 1
    refresh("record:15005", network=network)
    assert catalogue.by_record(15005)[0].size == 1
    files[0]["size"] = 2
    refresh(OLD, network=network)
    assert catalogue.by_record(15005)[0].size == 2
    assert len(catalogue.by_record(15005)) == 110


def test_names_that_are_none(network: Network, cache: Path) -> None:
    for name in ("2020e", "record:0", "record:x", "../../x", "", "record:12345678901234"):
        with pytest.raises(UnknownNameError):
            refresh(name, network=network)
    assert not cache.exists()


def bad(change: Change, said: str) -> Any:
    return pytest.param(change, said, id=said)


def in_row(**values: Any) -> Change:
    return lambda s: s.datasets[OLD][3].update(values)


def in_file(**values: Any) -> Change:
    return lambda s: s.records[15005]["metadata"]["files"][3].update(values)


def without(what: str) -> Change:
    return lambda s: s.records[15005]["metadata"]["files"][3].pop(what)


def body(part: str, content: bytes) -> Change:
    return lambda s: s.fail(part, Fault(body=content), ALWAYS)


def status(part: str, number: int, times: int = ALWAYS, **headers: str) -> Change:
    return lambda s: s.fail(part, Fault(number, b"<html>", tuple(headers.items())), times)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        bad(body("count", b""), "0 bytes that begin with ''"),
        bad(body("count", b"{"), "1 bytes that begin with '{'"),
        bad(body("count", b"<html>login</html>"), "that begin with '<html>login"),
        bad(body("count", b'{"count": NaN}'), "NaN is not a number"),
        bad(body("count", b'{"count": 1e999}'), "1e999 is too large"),
        bad(body("count", b"[" * 100_000), "100000 bytes that begin with"),
        bad(body("count", b"[]"), "expected an object, got \\[\\]"),
        bad(body("count", b"{}"), "expected a field 'count', got only none"),
        bad(body("count", b'{"count": "3"}'), "expected a whole number, got '3'"),
        bad(body("count", b'{"count": true}'), "expected a whole number, got True"),
        bad(body("count", b'{"count": 0}'), "got a count of 0"),
        bad(body("count", b'{"count": -1}'), "got a count of -1"),
        bad(body("count", b'{"count": 99999999999}'), "got a count of 99999999999"),
        bad(lambda s: setattr(s, "stuck", True), "a page that repeats"),
        bad(lambda s: setattr(s, "count", 300), "expected 300 datasets, as it counts them, got 218"),
        bad(lambda s: setattr(s, "count", 150), "expected 150 datasets, as it counts them, got 200"),
        bad(body("/datasets?", b"{}"), "expected a list, got {}"),
        bad(body("/datasets?", b"[1]"), "expected an object, got 1"),
        bad(in_row(dataset_number=None), "expected a text, got None"),
        bad(in_row(physics_short=None), "'physics_short': expected a text, got None"),
        bad(in_row(cross_section_pb="1.0"), "'cross_section_pb': expected a number, got '1.0'"),
        bad(in_row(cross_section_pb=-1), "expected cross_section_pb of at least 0, got -1"),
        bad(in_row(genFiltEff=-0.5), "expected genFiltEff of at least 0"),
        bad(in_row(nEvents=1.5), "expected a whole number of events, got 1.5"),
        bad(in_row(keywords=[1]), "'keywords': expected a text, got 1"),
        bad(in_row(skims=[{"file_list": []}]), "expected a field 'skim_type', got only file_list"),
        bad(lambda s: s.datasets[OLD][3].pop("cross_section_pb"), "expected a field 'cross_section_pb'"),
        bad(body("/records/15005", b"null"), "expected an object, got None"),
        bad(body("/records/15005", b"{}"), "expected a field 'metadata'"),
        bad(lambda s: s.records.update({15005: s.records[15004]}), "expected record 15005, got '15004'"),
        bad(in_file(size=-5), "expected bytes from 0 to \\d+, got -5"),
        bad(in_file(size=2**70), "expected bytes from 0 to"),
        bad(in_file(size="5"), "'size': expected a whole number, got '5'"),
        bad(in_file(checksum="md5:0a"), "expected a checksum adler32:XXXXXXXX, got 'md5:0a'"),
        bad(without("checksum"), "expected a field 'checksum'"),
        bad(without("uri"), "expected a field 'uri'"),
        bad(in_file(uri="root://evil.example//eos/x.root"), "expected a root:// or https:// address at"),
        bad(in_file(uri="https://eospublic.cern.ch.evil.example/x.root"), "expected a root:// or https://"),
        bad(in_file(uri="https://eospublic.cern.ch@evil.example/x.root"), "expected a root:// or https://"),
        bad(in_file(uri="http://eospublic.cern.ch/eos/x.root"), "expected a root:// or https://"),
        bad(in_file(uri="file:///etc/passwd"), "expected an address that begins with"),
        bad(in_file(uri="/etc/passwd"), "expected an address that begins with"),
        bad(in_file(uri=f"{EOS}/../../x.root"), "expected a path without '..'"),
        bad(in_file(uri=f"{EOS}/%2e%2e/x.root"), "expected a path without '..', also encoded"),
        bad(in_file(uri=f"{EOS}/x\n.root"), "characters are not clear"),
        bad(in_file(uri="root://me:secret@eospublic.cern.ch//eos/x.root"), "the plain address of a file"),
        bad(in_file(uri=f"{EOS}/x.root?authz=1"), "the plain address of a file"),
        bad(lambda s: s.offer(15005, []), "no file of record 15005"),
        bad(status("count", 404), "the server knows none"),
        bad(status("/records/15005", 503), "after 3 attempts: .*HTTP 503"),
        bad(status("/records/15005", 429, **{"Retry-After": "3600"}), "asks to wait 3600 s"),
        bad(
            lambda s: s.fail("/records/15005", Fault(reset=True), ALWAYS), "after 3 attempts: the connection"
        ),
        bad(lambda s: s.fail("/records/15005", Fault(cut=100), ALWAYS), "after 3 attempts: the answer ended"),
        bad(status("/records/15005", 302, Location="http://127.0.0.2:1/x"), "private address"),
    ],
)
def test_wrong_answers_leave_the_table(
    change: Change, said: str, services: Services, network: Network, cache: Path
) -> None:
    services.publish(OLD)
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    path = stored.write(stored.Stored(OLD, now, ("test",), bundled.files(OLD), bundled.datasets(OLD)))
    before = path.read_bytes()
    change(services)
    with pytest.raises(CatalogueError, match=said) as error:
        refresh(OLD, network=network)
    assert "secret" not in str(error.value)
    assert path.read_bytes() == before
    assert inuse.status()[0].origin == "refreshed"
    assert {p.name for p in path.parent.iterdir()} <= {path.name, "lock"}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(503, b""),
        Fault(429, b"", (("Retry-After", "0"),)),
        Fault(502, b"<html>"),
        Fault(reset=True),
        Fault(cut=10),
    ],
)
def test_what_passes_is_asked_again(fault: Fault, services: Services, network: Network) -> None:
    services.publish(OLD)
    for part in ("count", "skip=100", "/records/15005"):
        services.fail(part, fault)
    done = refresh(OLD, network=network)
    assert not done.changes
    assert sum("/records/15005" in path for path in services.requests) == 2


def test_far_fewer_files_must_be_asked_for(services: Services, network: Network) -> None:
    services.publish(OLD)
    for number, record in services.records.items():
        record["metadata"]["files"] = record["metadata"]["files"][: 1 + number % 2]
    with pytest.raises(CatalogueError, match=r"got 1. files where there were 1149.*--accept-fewer"):
        refresh(OLD, network=network)
    assert stored.read(OLD) is None
    done = refresh(OLD, network=network, accept_fewer=True)
    assert len(done.changes.removed) == 1149 - len(done.table.files)
    assert 0 < len(done.table.files) < 20
    for record in services.records.values():
        record["metadata"]["files"] = []
    with pytest.raises(CatalogueError, match="Expected at least one file"):
        refresh(OLD, network=network, accept_fewer=True)


def test_names_that_the_release_does_not_use_are_left_out_and_counted(
    services: Services, network: Network
) -> None:
    services.publish(OLD)
    services.records[15010]["metadata"]["files"] = [
        entry(f"{EOS}/mc_jets-2020.part01.root"),
        entry(f"{EOS}/ODEO_FEB2025_v0_4lep_data15_periodD.4lep.root"),
    ]
    done = refresh(OLD, network=network)
    assert not done.changes
    assert done.notes == ("2 ROOT files have names that the release does not use: left out",)


def test_a_record_that_only_stands_for_others(services: Services, network: Network) -> None:
    services.offer(80020, [], title="2015-2016 Open Data for Research")
    with pytest.raises(CatalogueError, match="got none and 0 others"):
        refresh("record:80020", network=network)


def test_conflicting_entries(services: Services, network: Network) -> None:
    services.offer(7, [entry(f"{EOS}/x.root", 1), entry(f"{EOS}/x.root", 2)])
    with pytest.raises(CatalogueError, match="twice with other size"):
        refresh("record:7", network=network)
    index = {"key": "i", "number_files": 2, "files": [entry(f"{EOS}/x.root")]}
    services.offer(8, [], _file_indices=[index])
    with pytest.raises(CatalogueError, match="expected 2 files, as it counts them, got 1"):
        refresh("record:8", network=network)


def test_new_numbers_of_records_are_understood(services: Services, network: Network) -> None:
    services.offer(9, [entry(f"{EOS}/x.root")])
    services.records[9]["metadata"]["recid"] = "ATLAS-9"
    assert len(refresh("record:9", network=network).table.files) == 1


def test_a_cache_of_others_is_not_written(services: Services, network: Network, cache: Path) -> None:
    services.offer(9, [entry(f"{EOS}/x.root")])
    cache.mkdir()
    cache.chmod(0o777)
    with pytest.raises(UnwritableError, match="writable by others"):
        refresh("record:9", network=network)


def test_progress_is_told(services: Services, network: Network) -> None:
    services.publish(OLD)
    told: list[tuple[str, int, int]] = []
    refresh(OLD, network=network, progress=lambda *step: told.append(step))
    assert told[0] == ("metadata", 0, len(services.records) + 1)
    assert told[-1][1] == told[-1][2] == len(services.records) + 1
