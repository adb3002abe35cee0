"""The compiled scan: cuts on objects, overlap, order, bins, sums, and what it refuses."""

from __future__ import annotations

import inspect
import math
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from femtobarn.base.errors import DamagedError, DataError, NotFiniteError, SettingsError
from femtobarn.base.spectra import (
    CombinationsRecord,
    IsolationRecord,
    Letter,
    ObjectRecord,
    OverlapRecord,
    SpectraRecord,
    StatesRecord,
    TagRecord,
)
from femtobarn.data.formats.convert import RawColumn
from femtobarn.physics.kinematics.overlap import (
    BOOSTED,
    RECOMMENDED,
    Directions,
    OverlapStep,
    remove_overlaps,
)
from femtobarn.physics.spectra import states
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.physics.spectra.evaluation import SpectraEvaluation
from femtobarn.physics.spectra.fast import bins, filling, native, singles
from femtobarn.physics.spectra.fast import known as known_states
from femtobarn.physics.spectra.fast.known import KnownStates
from femtobarn.physics.spectra.fast.native import kernel
from femtobarn.physics.spectra.fast.steering import steering
from femtobarn.physics.spectra.sums import LAST_BIN

from .columns import columns_of, counted, evaluated, sums_of, thing
from .comparing import NAMES, bins_of, record_of, require_equal, values_of
from .plain import Cuts, Event, Rules, scan
from .toys import scan as toy

PAIRS = CombinationsRecord(letters=("e",), least_count=2, most_count=2, most_total=2)


def of(letter: Letter = "e", **cuts: object) -> SpectraRecord:
    """Return a scan of one kind of objects."""
    one = ObjectRecord.model_validate({"letter": letter, "collection": NAMES[letter], **cuts})
    limits = CombinationsRecord(letters=(letter,), most_count=2, most_total=2)
    return SpectraRecord(objects=(one,), combinations=limits, values=True)


def number_of(mass: float, width: float) -> int:
    """Return the bin of a pair of electrons at rest, of which one has all the energy."""
    record = toy(combinations=PAIRS, width=width)
    sums = sums_of(record, [{"e": [thing(pt=0.0, e=mass), thing(pt=0.0, e=0.0)]}])
    ((_, number),) = bins_of(sums, record)
    return number


@settings(deadline=None)
@given(st.integers(1, LAST_BIN - 2), st.floats(1e-3, 100.0))
@example(49, 1 / 49)
@example(3, 0.1)
@example(LAST_BIN - 2, 0.1)
def test_an_edge_is_the_beginning_of_its_bin(k: int, width: float) -> None:
    assert number_of(k * width, width) == k + 1
    assert number_of(float(np.nextafter(k * width, 0)), width) == k


def test_bins_at_the_ends() -> None:
    assert number_of(0.0, 10.0) == 1
    assert number_of(9.999, 10.0) == 1
    assert number_of(10.0 * (LAST_BIN - 1), 10.0) == LAST_BIN
    assert number_of(1e140, 1e-3) == LAST_BIN
    record = toy(combinations=PAIRS, values=True)
    sums = sums_of(record, [{"e": [thing(pt=5.0, e=4.0), thing(pt=5.0, e=4.0, phi=0.0)]}])
    assert values_of(sums, record) == {("2e_0m_0j_0g_0t_0b", "e0e1"): [-6.0]}
    assert [number for _, number in bins_of(sums, record)] == [0]


@pytest.mark.parametrize(
    ("cuts", "inside", "outside"),
    [
        ({"pt_min": 20.0}, {"pt": 20.0}, {"pt": 19.999}),
        ({"eta_max": 2.5}, {"eta": -2.5}, {"eta": 2.501}),
        ({"crack": (1.37, 1.52)}, {"eta": 1.37}, {"eta": -1.4}),
        ({"crack": (1.37, 1.52)}, {"eta": -1.52}, {"eta": 1.519}),
        ({"identification": "tight_id"}, {"passes": 1}, {"passes": 0}),
        ({"isolation": IsolationRecord(track=0.5)}, {"track": 10.0}, {"track": 10.1}),
        ({"isolation": IsolationRecord(track=0.5)}, {"track": 0.0}, {"track": math.nan}),
        ({"isolation": IsolationRecord(calorimeter=0.5)}, {"calorimeter": -3.0}, {"calorimeter": 10.1}),
        ({"isolation": IsolationRecord(relative=0.5)}, {"relative": 0.5}, {"relative": 0.51}),
        ({"isolation": IsolationRecord(relative=0.5)}, {"relative": 0.0}, {"relative": math.nan}),
    ],
)
def test_limits_of_objects_are_inclusive(
    cuts: dict[str, object], inside: dict[str, float], outside: dict[str, float]
) -> None:
    record = of(**cuts)
    good, bad = thing(**inside), thing(**outside)
    assert counted(record, [{"e": [good, good]}]) == {"2e_0m_0j_0g_0t_0b": 1}
    assert counted(record, [{"e": [bad, good, bad]}]) == {"1e_0m_0j_0g_0t_0b": 1}
    assert counted(record, [{"e": [bad]}]) == {}


@pytest.mark.parametrize("name", ["pt", "eta", "phi", "e"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e200])
def test_objects_without_a_four_vector_are_left_out_and_told_of(name: str, value: float) -> None:
    if (name, value) == ("phi", 1e200):
        value = math.nan
    record = of()
    broken = thing(**{"e": 20.0, name: value})
    found = evaluated(record, [{"e": [broken, thing(), thing(phi=1.0)]}, {"e": [broken]}])
    assert found.spectra().events.tolist() == [[1.0]]
    assert states.name(int(found.spectra().states[0])) == "2e_0m_0j_0g_0t_0b"
    assert found.notes() == (
        "electron: objects whose four-vector is not finite, or absurdly large, were left out",
    )
    assert evaluated(record, [{"e": [thing()]}]).notes() == ()


def test_the_largest_objects_have_a_mass() -> None:
    record = of()
    huge = thing(pt=1e15, eta=300.0, e=1e150)
    sums = sums_of(record, [{"e": [huge, huge]}])
    ((value,),) = values_of(sums, record).values()
    assert math.isfinite(value)
    assert [number for _, number in bins_of(sums, record)] == [LAST_BIN]


def test_jets_that_are_tagged_are_b_and_no_other() -> None:
    jets = ObjectRecord(letter="j", collection="jet")
    record = SpectraRecord(
        objects=(jets,),
        tag=TagRecord(discriminant="jet.btag_pnet", threshold=0.5),
        combinations=CombinationsRecord(letters=("j", "b")),
        values=True,
    )
    tags = (0.5, 0.49, math.nan, 0.9)
    event: Event = {"j": [thing(pt=50.0 - i, phi=float(i), tag=tag) for i, tag in enumerate(tags)]}
    assert counted(record, [event]) == {"0e_0m_2j_0g_0t_2b": 1}
    found = values_of(sums_of(record, [event]), record)

    def mass(i: int, k: int) -> float:
        one, two = (event["j"][n] for n in (i, k))
        return math.sqrt(2 * one.pt * two.pt * (1 - math.cos(one.phi - two.phi)))

    state = "0e_0m_2j_0g_0t_2b"
    assert found[state, "b0b1"] == pytest.approx([mass(0, 3)])
    assert found[state, "j0j1"] == pytest.approx([mass(1, 2)])
    assert found[state, "j0b0"] == pytest.approx([mass(1, 0)])


def test_dl1d_is_a_likelihood_ratio() -> None:
    jets = ObjectRecord(letter="j", collection="jet")
    # (b, c, light), and whether ln(b / (0.1 c + 0.9 light)) >= 1
    cases = [(0.9, 0.05, 0.05, True), (0.5, 0.0, 0.5, False), (1.0, 0.0, 0.0, True), (0.0, 0.5, 0.5, False)]
    cases += [(0.0, 0.0, 0.0, False), (math.nan, 0.1, 0.1, False), (0.5 * math.e, 0.5, 0.5, True)]
    for b, c, light, expected in cases:
        record = SpectraRecord(
            objects=(jets,),
            tag=TagRecord(discriminant="dl1d", threshold=1.0 - 1e-12, charm_fraction=0.1),
            combinations=CombinationsRecord(letters=("j", "b")),
        )
        columns = columns_of(record, [{"j": [thing()]}])
        for name, value in zip(("pb", "pc", "pu"), (b, c, light), strict=True):
            columns[f"jet.dl1d_{name}"] = RawColumn(np.array([value]), np.array([0, 1]))
        found = SpectraEvaluation(record, "data")
        found.add(columns, 1)
        assert states.counts(int(found.spectra().states[0]))["b"] == expected, (b, c, light)


COLLECTION: dict[str, Letter] = {name: letter for letter, name in NAMES.items()}
PLACES = st.integers(-3, 3).map(lambda n: n / 10)
ANGLES = st.integers(-4, 4).map(lambda n: n / 10 if abs(n) < 4 else math.copysign(math.pi - abs(n) / 100, n))
NEARBY = st.builds(
    lambda pt, eta, phi: thing(pt=pt, eta=eta, phi=phi), st.sampled_from([10.0, 25.0, 80.0]), PLACES, ANGLES
)
CLOSE_EVENTS = st.lists(
    st.fixed_dictionaries({letter: st.lists(NEARBY, max_size=4) for letter in "emjgt"}), max_size=5
)


@settings(deadline=None, max_examples=60)
@given(CLOSE_EVENTS, st.sampled_from([RECOMMENDED, BOOSTED, RECOMMENDED[::-1], BOOSTED[4:7]]))
def test_overlaps_are_removed_as_kinematics_does(events: list[Event], steps: tuple[OverlapStep, ...]) -> None:
    record = SpectraRecord(
        objects=tuple(ObjectRecord(letter=letter, collection=name) for letter, name in NAMES.items()),
        overlap=tuple(
            OverlapRecord(
                remove=COLLECTION[s.remove], near=COLLECTION[s.near], delta_r=s.delta_r, sliding=s.sliding
            )
            for s in steps
        ),
    )
    columns = columns_of(record, events)
    given_ = {
        name: Directions(
            *(columns[f"{name}.{q}"].content for q in ("pt", "eta", "phi")), columns[f"{name}.pt"].offsets
        )
        for name in COLLECTION
    }
    left = remove_overlaps(given_, steps)
    expected = Counter(
        states.name(
            states.code(
                {
                    letter: int(left[name][slice(*given_[name].offsets[i : i + 2])].sum())
                    for letter, name in NAMES.items()
                }
            )
        )
        for i in range(len(events))
    )
    expected.pop("0e_0m_0j_0g_0t_0b", None)
    assert counted(record, events) == expected


def test_azimuths_far_from_a_turn() -> None:
    steps = (OverlapRecord(remove="e", near="m", delta_r=0.3),)
    record = SpectraRecord(
        objects=tuple(ObjectRecord(letter=x, collection=NAMES[x]) for x in ("e", "m")), overlap=steps
    )
    for turns in (-7, -1, 0, 1, 5):
        near = {"e": [thing(phi=3.1 + turns * 2 * math.pi)], "m": [thing(phi=-3.1)]}
        assert counted(record, [near]) == {"0e_1m_0j_0g_0t_0b": 1}


def test_overlap_with_objects_that_a_scan_has_not() -> None:
    steps = tuple(OverlapRecord(remove=a, near=b, delta_r=9.0) for a, b in (("e", "m"), ("m", "e")))  # type: ignore[arg-type]
    record = toy(objects=toy().objects[:1], overlap=steps)
    assert counted(record, [{"e": [thing()]}]) == {"1e_0m_0j_0g_0t_0b": 1}


def test_objects_are_ranked_by_pt_and_equal_ones_as_in_the_file() -> None:
    record = toy(values=True, combinations=CombinationsRecord(subleading=1, most_total=2))
    energies = {30.0: [31.0, 32.0], 40.0: [41.0], 10.0: [11.0, 12.0]}
    electrons = [thing(pt=pt, e=e, phi=0.1 * e) for pt in (30.0, 10.0, 40.0) for e in energies[pt]]
    photon = thing(pt=0.0, e=100.0)
    found = values_of(sums_of(record, [{"e": electrons, "g": [photon]}]), record)
    state = "5e_0m_0j_1g_0t_0b"

    def mass(pt: float, e: float) -> float:
        return math.sqrt((e + 100) ** 2 - pt**2)

    assert found[state, "e0g0"] == pytest.approx([mass(40, 41)], rel=1e-12)
    assert found[state, "e1g0"] == pytest.approx([mass(30, 31)], rel=1e-12)


def test_limits_of_events_are_steps_of_the_cutflow() -> None:
    objects = (
        ObjectRecord(letter="e", collection="electron", least=1),
        ObjectRecord(letter="m", collection="muon"),
        ObjectRecord(letter="j", collection="jet", least=1, most=3),
    )
    record = SpectraRecord(
        objects=objects, states=StatesRecord(least_kinds=2, most_kinds=2, least_count=1, most_count=2)
    )
    counts = [(0, 0, 1), (1, 0, 0), (1, 0, 4), (1, 1, 1), (1, 0, 3), (1, 0, 2), (2, 0, 1), (0, 9, 0)]
    events: list[Event] = [{"e": [thing()] * e, "m": [thing()] * m, "j": [thing()] * j} for e, m, j in counts]
    weights = [1.0, 2.0, -4.0, 0.0, 0.5, 16.0, 0.0, 64.0]
    found = evaluated(record, events, weights)
    flow = found.cutflow()["final states"][0]
    kept = [range(8), range(1, 7), range(3, 7), range(5, 7)]
    expected = [[len(k), sum(weights[i] for i in k), sum(weights[i] ** 2 for i in k)] for k in kept]
    assert flow.tolist() == expected
    assert found.spectra().events.tolist() == [[1.0, 16.0, 256.0], [1.0, 0.0, 0.0]]
    assert evaluated(record, events).cutflow()["final states"][0].tolist() == [[len(k)] * 3 for k in kept]


def crowd(n: int) -> Event:
    return {"j": [thing(pt=20.0 + i, phi=float(i)) for i in range(n)]}


def test_more_objects_than_can_be_counted() -> None:
    record = toy()
    assert counted(record, [crowd(255)]) == {"0e_0m_255j_0g_0t_0b": 1}
    found = SpectraEvaluation(record, "data")
    found.add(columns_of(record, [crowd(2)]), 1)
    with pytest.raises(
        DataError, match=r"Event 2 of those read \(the first is 0\) has more than 255 objects"
    ):
        found.add(columns_of(record, [crowd(3), crowd(256)]), 2)
    # what no final state takes may have any number
    limited = (ObjectRecord(letter="j", collection="jet", most=4),)
    assert counted(toy(objects=limited), [crowd(300), crowd(4)]) == {"0e_0m_4j_0g_0t_0b": 1}
    few = toy(states=StatesRecord(most_count=4))
    assert counted(few, [crowd(300), crowd(4)]) == {"0e_0m_4j_0g_0t_0b": 1}


@pytest.mark.parametrize("weight", [math.nan, math.inf])
def test_weights_must_be_finite(weight: float) -> None:
    with pytest.raises(NotFiniteError, match="1 of 2 events have a weight that is infinite or not a number"):
        evaluated(toy(), [crowd(2), crowd(0)], [1.0, weight])


def test_weights_are_products_and_zero_counts() -> None:
    record = toy(weight=("mc.generator", "mc.pileup"))
    columns = columns_of(record, [crowd(2)] * 3, [2.0, 0.0, -1.0])
    columns["mc.pileup"] = RawColumn(np.array([0.5, 3.0, 4.0], np.float32), None, None, None, "float")
    found = SpectraEvaluation(record, "mc")
    found.add(columns, 3)
    assert found.spectra().events.tolist() == [[3.0, -3.0, 17.0]]
    plain = SpectraEvaluation(toy(weight=()), "mc")
    plain.add(columns, 3)
    assert plain.spectra().events.tolist() == [[3.0, 3.0, 3.0]]


def test_an_event_without_missing_momentum_has_no_transverse_mass() -> None:
    record = toy(quantities=("mass", "met"), values=True)
    events = [crowd(2)] * 4
    met = [(30.0, 0.5), (math.nan, 0.0), (math.inf, 0.0), (30.0, math.nan)]
    found = values_of(evaluated(record, events, met=met).spectra(), record)
    state = "0e_0m_2j_0g_0t_0b"
    assert len(found[state, "j0j1"]) == 4
    assert found[state, "j0MET"] == pytest.approx([math.sqrt(2 * 21 * 30 * (1 - math.cos(0.5)))], rel=1e-7)


def test_signs_of_leptons_without_charge() -> None:
    record = toy(quantities=("mass", "os", "ss"), values=True)
    for one, two, names in ((1, -1, {"OS"}), (1, 1, {"SS"}), (-1, -1, {"SS"}), (0, 1, set())):
        event: Event = {"e": [thing(charge=one)], "m": [thing(charge=two, phi=1.0)], "j": [thing(charge=-1)]}
        found = {name for _, name in values_of(sums_of(record, [event]), record)}
        assert found == {"e0m0", "e0j0", "m0j0", "e0m0j0"} | {f"e0m0{n}" for n in names} | {
            f"e0m0j0{n}" for n in names
        }


FINITE = st.floats(-5, 5)
OBJECT = st.builds(
    lambda pt, eta, phi, mass, charge, tag: thing(
        pt=pt, eta=eta, phi=phi, e=math.hypot(pt * math.cosh(eta), mass), charge=charge, tag=tag
    ),
    st.floats(0.5, 500),
    st.floats(-3, 3),
    st.floats(-math.pi, math.pi),
    st.floats(0.1, 20),
    st.sampled_from([-1.0, 1.0]),
    st.floats(0, 1),
)
EVENT = st.fixed_dictionaries(
    {"e": st.lists(OBJECT, max_size=3), "m": st.lists(OBJECT, max_size=3), "j": st.lists(OBJECT, max_size=12)}
)
RULES = st.builds(
    Rules,
    letters=st.sampled_from(["emj", "emjb", "ej"]),
    cuts=st.fixed_dictionaries({"j": st.builds(Cuts, pt=st.sampled_from([0.0, 20.0]))}),
    tag=st.none() | st.just(0.7),
    limits=st.sampled_from([{}, {"e": (0, 2)}, {"j": (1, 10)}]),
    kinds=st.sampled_from([(1, 6), (2, 3), (1, 1)]),
    counts=st.sampled_from([(1, 255), (1, 8), (2, 11)]),
    least=st.sampled_from([1, 2]),
    most=st.sampled_from([2, 4]),
    total=st.sampled_from([2, 4, 6]),
    subleading=st.sampled_from([0, 1, 2]),
    exact=st.booleans(),
    quantities=st.sampled_from([("mass",), ("mass", "os", "ss"), ("mass", "met"), ("met", "ss")]),
    balance=st.booleans(),
)


@settings(deadline=None, max_examples=80)
@given(st.lists(EVENT, max_size=6), RULES, st.data())
def test_any_scan_is_what_the_plain_one_says(events: list[Event], rules: Rules, data: st.DataObject) -> None:
    weighed = data.draw(st.booleans())
    weights = [data.draw(st.sampled_from([1.0, -0.5, 0.0, 2.25])) for _ in events] if weighed else []
    met = [(data.draw(st.floats(0, 200)), data.draw(FINITE)) for _ in events]
    record = record_of(rules, tag="jet.btag_pnet", width=data.draw(st.sampled_from([10.0, 0.5, 33.3])))
    numbers = [
        {"met": m[0], "met_phi": m[1], **({"weight": weights[i]} if weighed else {})}
        for i, m in enumerate(met)
    ]
    own = [{letter: event[letter] for letter in event if letter in rules.letters} for event in events]
    plain = scan(list(zip(own, numbers, strict=True)), rules)
    found = evaluated(record, events, weights, met)
    require_equal(found.spectra(), record, plain, weighed=bool(weights))


def test_tables_grow_and_values_go_through_a_small_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bins, "_FIRST", 5)
    monkeypatch.setattr(singles, "_ROOM", 8)
    monkeypatch.setattr(filling, "BLOCK", 7)
    rng = np.random.default_rng(5)
    events: list[Event] = [
        {
            letter: [
                thing(pt=float(rng.exponential(40)), eta=float(rng.normal()), phi=float(rng.uniform(-3, 3)))
                for _ in range(rng.integers(0, 4))
            ]
            for letter in "emj"
        }
        for _ in range(150)
    ]
    weights = rng.normal(1, 0.3, len(events)).tolist()
    rules = Rules(letters="emj", subleading=1)
    record = record_of(rules, width=0.25)
    numbers = [{"weight": w} for w in weights]
    plain = scan(list(zip(events, numbers, strict=True)), rules)
    assert require_equal(sums_of(record, events, weights), record, plain, weighed=True) > 3000


@settings(deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(0, 255)] * 6), min_size=1, max_size=20, unique=True),
    st.booleans(),
    st.integers(0, 2),
)
def test_final_states_have_the_combinations_that_apply(
    counts: list[tuple[int, ...]], exact: bool, subleading: int
) -> None:
    limits = CombinationsRecord(
        letters=("e", "m", "j", "b"), exact_leading=exact, subleading=subleading, most_count=3
    )
    record = toy(combinations=limits, tag=TagRecord(discriminant="jet.btag_pnet", threshold=0.5))
    small = [tuple(n % 5 for n in row) for row in counts]
    codes = np.array(
        [states.code(dict(zip("emjgtb", row, strict=True))) for row in {*counts, *small}], np.uint64
    )
    known = KnownStates(steering(record), 1)
    for part in (codes[::2], codes):
        places = known.places(part)
        np.testing.assert_array_equal(known.codes[places], part)
    for code, listed in zip(known.codes.tolist(), known.lists.tolist(), strict=True):
        members = known.members[known.edges[listed] : known.edges[listed + 1]]
        expected = [i for i, c in enumerate(combinations(record)) if c.applies(code, exact_leading=exact)]
        assert members.tolist() == expected


def test_more_final_states_than_can_be_numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_states, "MOST_STATES", 3)
    assert len(counted(toy(), [crowd(n) for n in (1, 2, 3, 1)])) == 3
    with pytest.raises(DataError, match="more than 3 final states, which cannot be numbered"):
        counted(toy(), [crowd(n) for n in (1, 2, 3, 4)])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"objects": ()}, "at most once, but got none"),
        ({"objects": (*toy().objects, toy().objects[0])}, "at most once, but got e m j g e"),
        ({"objects": (ObjectRecord(letter="b", collection="jet"),)}, "b jets are made of jets"),
        ({"tag": TagRecord(discriminant="electron.tight_id", threshold=1)}, "which is of electron"),
        ({"objects": toy().objects[:2], "tag": TagRecord(discriminant="dl1d", threshold=1)}, "has no jets"),
        ({"overlap": (OverlapRecord(remove="e", near="e", delta_r=0.1),)}, "got e near e"),
        ({"overlap": (OverlapRecord(remove="b", near="e", delta_r=0.1),)}, "got b near e"),
    ],
)
def test_scans_that_contradict_themselves(changes: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        SpectraEvaluation(toy(**changes), "data")


@pytest.mark.parametrize("path", ["electron.pt", "electron.eta", "electron.charge", "mc.generator"])
def test_columns_of_another_length_are_refused(path: str) -> None:
    record = toy(quantities=("mass", "os"))
    columns = columns_of(record, [{"e": [thing()]}, crowd(2)], [1.0, 1.0])
    column = columns[path]
    columns[path] = RawColumn(column.content[:-1], column.offsets)
    with pytest.raises(DamagedError, match=rf"numbers of {path}, but got"):
        SpectraEvaluation(record, "mc").add(columns, 2)


@pytest.mark.parametrize("offsets", [[0, 1], [1, 1, 1], [0, 2, 1], [0, 1, 1, 1]])
def test_lists_that_overlap_are_refused(offsets: Sequence[int]) -> None:
    columns = columns_of(toy(), [{"e": [thing()]}, crowd(2)])
    pt = columns["electron.pt"].content
    columns["electron.pt"] = RawColumn(pt, np.array(offsets))
    with pytest.raises(DamagedError, match="lists of electron one after the other in 2 events"):
        SpectraEvaluation(toy(), "data").add(columns, 2)


def test_kernels_are_called_with_as_many_arguments_as_they_take() -> None:
    from femtobarn.physics.spectra.fast.kernels import FUNCTIONS

    assert {name: len(inspect.signature(f).parameters) for name, f in FUNCTIONS.items()} == native._ARGUMENTS


def test_a_later_process_needs_no_compiler() -> None:
    for name in ("events", "fill", "move"):
        kernel(name)  # type: ignore[arg-type]
    code = (
        "import sys\n"
        "from femtobarn.physics.spectra.fast.native import kernel\n"
        "[kernel(name) for name in ('events', 'fill', 'move')]\n"
        "assert 'numba' not in sys.modules, 'a compiler was loaded'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
