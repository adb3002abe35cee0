"""Formats that users write, and drafts of them for unknown ntuples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import uproot
from hypothesis import given, settings
from hypothesis import strategies as st

from femtobarn.base.errors import FormatError, SettingsError
from femtobarn.data.columns import BranchInfo, open_tree
from femtobarn.data.formats import FIELDS, Format, Join, Part, register
from femtobarn.data.formats.detect import detect_format
from femtobarn.data.formats.draft import draft_format, quoted
from femtobarn.data.formats.drafting import draft_of
from femtobarn.data.formats.reader import EventReader
from femtobarn.data.formats.table import parse_fields
from femtobarn.data.formats.userfile import load_format

from .files import events, jagged, write
from .memory_tree import as_lists

GOOD = """
release = "my-ntuple"
tree = ["tuple", "Tuple"]
tell_tales = ["l_pt"]
may_lack = ["photon"]
simulation = ["w"]

[counters]
lep = "n"

[parts.muon]
of = "lep"
by = "lep.type"
value = 13

[fields]
run = { branch = "RunNo" }
lep.pt = { branch = ["l_pt", "lpt"], unit = "MeV" }
lep.eta = { branch = "l_eta" }
lep.e = { branch = "l_m", type = "mass", unit = "GeV", fill = 0.10566 }
"lep.type" = { branch = "l_id", type = "int" }
lep.tight_id = { branch = "quality", at_least = 2, optional = true }
photon.pt = { branch = "g_pt", unit = "GeV" }
"""


def saved(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_format_of_a_user_is_what_a_table_would_say(tmp_path: Path) -> None:
    fmt = load_format(saved(tmp_path, GOOD))
    table = parse_fields("""
run          | RunNo      | number | |
lep.pt       | l_pt, lpt  | float | MeV |
lep.eta      | l_eta      | float | |
lep.e        | l_m        | mass | GeV | fill=0.10566
lep.type     | l_id       | int | |
lep.tight_id | quality    | flag | | optional least=2
photon.pt    | g_pt       | float | GeV |
""")
    assert fmt == Format(
        "my-ntuple",
        "tuple",
        table,
        counters={"lep": "n"},
        tell_tales=("l_pt",),
        more_trees=("Tuple",),
        may_lack=("photon",),
        parts={"muon": Part("lep", "lep.type", 13)},
        simulation=("w",),
    )
    joined = '[joins.lep]\nmembers = {muon = 13}\nlabel = "lep.type"\n[fields]\nmuon.pt = {branch = "p", unit = "GeV"}'
    fmt = load_format(saved(tmp_path, f'release = "j"\ntree = "t"\n{joined}'))
    assert fmt.joins == {"lep": Join((("muon", 13),), "lep.type")}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('tree = ["tuple", "Tuple"]', ""), r"mine\.toml: tree: Field required"),
        (('tree = ["tuple", "Tuple"]', "tree = 7"), r"mine\.toml: tree.*got 7"),
        (('tree = ["tuple", "Tuple"]', "tree = []"), r"mine\.toml: tree: expected the name of a tree"),
        (('release = "my-ntuple"', 'release = "../x"'), r"mine\.toml: release: expected a name of letters"),
        (("may_lack", "may_lak"), r"mine\.toml: may_lak: .*Did you mean 'may_lack'"),
        (("lep.pt =", "lep.ptt ="), r"mine\.toml: fields\.lep\.ptt: .*Did you mean 'lep\.pt'"),
        (("at_least = 2", "at_lest = 2"), r"fields\.lep\.tight_id\.at_lest: .*Did you mean 'at_least'"),
        (("at_least = 2", 'at_least = "x"'), r"fields\.lep\.tight_id\.at_least: .*integer.*got 'x'"),
        (
            ('type = "int"', 'type = "integer"'),
            r"fields\.lep\.type\.type: expected one of float.*Did you mean 'int'",
        ),
        ((', unit = "MeV"', ""), r"fields\.lep\.pt\.unit: expected the unit"),
        (
            ('unit = "MeV"', 'unit = "mev"'),
            r"mine\.toml: fields\.lep\.pt\.unit: There is no unit 'mev'. Did you mean 'MeV'",
        ),
        (('unit = "MeV"', 'unit = "mm"'), r"mine\.toml: .*'lep\.pt'.*kind of 'GeV', got 'mm'"),
        (('branch = "l_eta"', 'branch = ""'), r"fields\.lep\.eta\.branch: expected the name of a branch"),
        (('{ branch = "l_eta" }', '"l_eta"'), r"fields\.lep\.eta: expected a table.*got 'l_eta'"),
        (('by = "lep.type"', 'by = "lep.typ"'), r"mine\.toml: parts\.muon\.by: .*Did you mean 'lep\.type'"),
        (('of = "lep"\n', ""), r"parts\.muon\.of: Field required"),
        (('of = "lep"', "off = 1"), r"parts\.muon\.off: .*Did you mean 'of'"),
        (("[parts.muon]", "[parts.moun]"), r"mine\.toml: parts\.moun: .*Did you mean 'muon'"),
        (('of = "lep"', 'of = "leps"'), r"parts\.muon\.of: .*Did you mean 'lep'"),
        (('["photon"]', '["photn"]'), r"mine\.toml: may_lack: .*Did you mean 'photon'"),
        (("[counters]\nlep", "[counters]\nlepp"), r"mine\.toml: counters\.lepp: .*Did you mean 'lep'"),
        (
            ("[fields]", "[joins.jet]\nmembers = {}\nlabel = 'x'\n[fields]"),
            r"joins\.jet\.members: .*at least one",
        ),
        (
            ("[fields]", "[joins.jet]\nmembers = {tau = 1}\nlabel = 'jet.tau'\n[fields]"),
            r"mine\.toml: joins\.jet\.label: expected a field of jet",
        ),
        (
            ("[fields]", "[joins.jet]\nmembers = {tau = 1}\nlabel = 'jet.pt'\n[fields]"),
            r"mine\.toml: Format 'my-ntuple': expected the field 'tau\.pt'",
        ),
        (("fill = 0.10566", "fill = inf"), r"mine\.toml: .*'lep\.e'.*finite 'fill'"),
        (("[fields]", "[fields"), "expected a format file in TOML"),
    ],
)
def test_faults_are_told_with_their_place(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    assert change[0] in GOOD
    with pytest.raises(SettingsError, match=message):
        load_format(saved(tmp_path, GOOD.replace(*change, 1)))


def test_files_that_are_no_format(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml cannot be read: No such file"):
        load_format(tmp_path / "none.toml")
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        load_format(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="in TOML"):
        load_format(tmp_path / "binary.toml")
    (tmp_path / "huge.toml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(SettingsError, match="at most 1000000 bytes"):
        load_format(tmp_path / "huge.toml")
    with pytest.raises(SettingsError, match="in TOML"):
        load_format(saved(tmp_path, "a = " + "[" * 100_000))


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_a_format_or_a_clear_error(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.toml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        with pytest.raises(SettingsError):
            load_format(path)


def branch(name: str, shape: str = "list", dtype: str = "float32") -> BranchInfo:
    return BranchInfo(name, shape, dtype, f"{shape} of {dtype}")  # type: ignore[arg-type]


def drafted(
    tmp_path: Path, branches: list[BranchInfo], medians: dict[str, float] | None = None
) -> tuple[str, Format]:
    text = draft_format({"tuple": branches}, medians)
    return text, load_format(saved(tmp_path, text))


def test_a_draft_of_one_list_of_leptons(tmp_path: Path) -> None:
    branches = [branch(f"lep_{q}") for q in ("pt", "eta", "phi", "E")]
    branches += [
        branch("lep_type", dtype="int32"),
        branch("lep_n", "scalar", "int32"),
        branch("mystery\n[fields]"),
    ]
    text, fmt = drafted(tmp_path, branches, {"lep_pt": 41_000.0})
    assert fmt.fields["lep.e"].unit == fmt.fields["lep.pt"].unit == "MeV"
    assert "median of lep.pt is 41000" in text
    assert {"electron.pt", "muon.e", "lep.type"} <= set(fmt.paths)
    assert fmt.counters == {"lep": "lep_n"}
    assert '#   "mystery\\u000a[fields]"' in text
    assert '# met.pt = { branch = "?", unit = "GeV" }' in text


def test_a_draft_of_two_lists(tmp_path: Path) -> None:
    branches = [branch(f"{c}_{q}") for c in ("el", "mu", "jets") for q in ("pt", "eta", "phi")]
    branches += [branch("jets_mass"), branch("mu_charge", dtype="int8"), branch("MET_phi", "scalar")]
    branches += [branch("eventWeight", "scalar", "int32"), branch("mu_isTight", dtype="bool")]
    text, fmt = drafted(tmp_path, branches)
    assert "no values were looked at" in text
    assert fmt.fields["muon.e"].fill == 0.10566
    assert fmt.fields["jet.e"].branches == ("jets_mass",)
    assert fmt.fields["jet.e"].from_mass
    assert {"lep.pt", "lep.type", "lep.e", "muon.charge", "met.phi"} <= set(fmt.paths)
    assert "lep.charge" not in fmt.paths
    assert "int32" in fmt.fields["mc.generator"].kinds
    assert '#   "mu_isTight"' in text


def test_the_best_tree_is_drafted() -> None:
    text = draft_format({"meta": [branch("a"), branch("b"), branch("c")], "nominal": [branch("jet_pt")]})
    assert 'tree = "nominal"  # others: "meta"' in text
    assert "jet.e needs" not in text
    text = draft_format({"nominal": [branch("jet_pt"), branch("jet_eta")]})
    assert "# jet.e needs a branch of the energy or of the mass" in text
    with pytest.raises(FormatError, match="at least one tree"):
        draft_format({})


WORDS = st.sampled_from([b for f in FIELDS for b in (f.replace(".", "_"), f)]) | st.text(max_size=12)


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            branch,
            WORDS,
            st.sampled_from(["scalar", "list", "string", "other"]),
            st.sampled_from(["float32", "float64", "int32", "uint8", "bool", ""]),
        ),
        max_size=20,
        unique_by=lambda b: b.name,
    ),
    st.floats(),
)
def test_every_draft_loads_again(branches: list[BranchInfo], median: float) -> None:
    import tempfile

    text = draft_format({"t": branches}, {b.name: median for b in branches})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "draft.toml"
        path.write_text(text, encoding="utf-8")
        fmt = load_format(path)
    stored = {b.name for b in branches}
    for source in fmt.fields.values():
        assert set(source.branches) <= stored


def test_names_of_any_letters_are_written_safely() -> None:
    import tomllib

    for text in ('a"b\\c', "line\nbreak", "\x00\x7f\x85", "é𝒳", "\u2028"):
        assert tomllib.loads(f"x = {quoted(text)}")["x"] == text


def test_an_unknown_file_from_draft_to_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("femtobarn.data.formats.registry._handed_in", {})
    count = np.array([2, 0, 1])
    values = {
        "jets_pt": jagged(np.array([51_000, 22_000, 30_000], np.float32), count),
        "jets_eta": jagged(np.array([0, 1, -1], np.float32), count),
        "jets_E": jagged(np.array([52_000, 40_000, 50_000], np.float64), count),
        "met": np.array([20_000.0, 5_000.0, 1_000.0]),
    }
    with uproot.recreate(tmp_path / "unknown.root") as file:
        types = {n: v.layout.form.type if hasattr(v, "layout") else v.dtype for n, v in values.items()}
        file.mktree("mine", types).extend(values)
    with pytest.raises(FormatError):
        detect_format(tmp_path / "unknown.root")
    fmt = load_format(saved(tmp_path, draft_of(tmp_path / "unknown.root")))
    register(fmt)
    assert detect_format(tmp_path / "unknown.root") is fmt
    with open_tree(tmp_path / "unknown.root", "mine") as tree:
        columns = EventReader(tree, fmt).read(["jet.pt", "jet.e", "met.pt"], 0, 3)
    assert as_lists(columns["jet.pt"]) == [[51.0, 22.0], [], [30.0]]
    assert as_lists(columns["met.pt"]) == [20.0, 5.0, 1.0]


def test_a_draft_of_a_known_release_reads_the_same(tmp_path: Path) -> None:
    path = write(tmp_path / "new.root", events())
    fmt = load_format(saved(tmp_path, draft_of(path)))
    known = detect_format(path)
    with open_tree(path) as tree:
        for field in ("lep.pt", "lep.e", "muon.e", "met.pt", "trigger.electron", "jet.jvt_pass"):
            if field in fmt.paths:
                mine = EventReader(tree, fmt).read([field], 0, tree.entries)[field]
                theirs = EventReader(tree, known).read([field], 0, tree.entries)[field]
                np.testing.assert_array_equal(mine.content, theirs.content)
    assert {"lep.pt", "muon.e", "met.pt", "trigger.electron"} <= set(fmt.paths)


@pytest.mark.realdata
def test_drafts_of_real_files_find_the_objects(realdata: Path, tmp_path: Path) -> None:
    for name, unit in {
        "2016e-8tev/4lep/skim.DataMuons.root": "MeV",
        "2024r-pp/PHYSLITE_example.root": "MeV",
        "cms-nanoaod/nano_dy.root": "GeV",
    }.items():
        fmt = load_format(saved(tmp_path, draft_of(realdata / name)))
        assert {f"{c}.{q}" for c in ("electron", "muon", "lep", "jet") for q in ("pt", "e")} <= set(
            fmt.paths
        ), name
        assert fmt.fields["jet.pt"].unit == unit
        with open_tree(realdata / name, fmt.tree) as tree:
            reader = EventReader(tree, fmt)
            for path in fmt.paths:
                reader.read([path], 0, min(5, tree.entries))
