"""The event model: the names an analysis uses, whatever the release.

Energies are in GeV, angles in radians, lengths in mm. A field belongs to the event
(``ev.met.pt``), to the generator and corrections of simulation (``mc.generator``), or to each
object of a collection (``ev.lep.pt``). Formats say which of them a release has, and where.
``electron`` and ``muon`` hold the objects of ``lep`` by flavour: a release has one list or two,
an analysis may use either. A release may have tau leptons in more ways than one: ``tau``, the same
with close muons taken out of them (``tau_muon_removed``), pairs of close ones (``boosted_tau``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["bool", "int", "float", "string"]


@dataclass(frozen=True, slots=True)
class Field:
    """One quantity of the event model.

    Parameters
    ----------
    path
        its name, for instance ``"lep.pt"``
    kind
        bool, int, float or string
    unit
        ``"GeV"``, ``"rad"``, ``"mm"``, ``"fb"`` or ``""``
    collection
        the collection whose objects have it, or None for one value per event
    doc
        what it is, in a line
    """

    path: str
    kind: Kind
    unit: str
    collection: str | None
    doc: str


def _of(collection: str, text: str) -> list[Field]:
    fields = []
    for line in text.strip().splitlines():
        name, kind, unit, doc = (part.strip() for part in line.split("|"))
        fields.append(Field(f"{collection}.{name}", kind, unit, collection, doc))  # type: ignore[arg-type]
    return fields


def _event(text: str) -> list[Field]:
    fields = []
    for line in text.strip().splitlines():
        path, kind, unit, doc = (part.strip() for part in line.split("|"))
        fields.append(Field(path, kind, unit, None, doc))  # type: ignore[arg-type]
    return fields


_FOUR_VECTOR = """
pt  | float | GeV | transverse momentum
eta | float |     | pseudorapidity
phi | float | rad | azimuth, -pi to pi
e   | float | GeV | energy
"""

_LEPTON = """
charge          | int   |     | electric charge, -1 or 1
z0              | float | mm  | longitudinal impact parameter
d0              | float | mm  | transverse impact parameter
d0_err          | float | mm  | uncertainty of the transverse impact parameter
d0_sig          | float |     | transverse impact parameter over its uncertainty
ptcone          | float | GeV | scalar sum of track pt in a cone around it
etcone          | float | GeV | calorimeter energy in a cone around it
rel_iso         | float |     | pt of what is in a cone around it, over its own
flag            | int   |     | bits of the release's object selection
tight_id        | bool  |     | tight identification
medium_id       | bool  |     | medium identification
loose_id        | bool  |     | loose identification
tight_iso       | bool  |     | tight isolation
loose_iso       | bool  |     | loose isolation
trigger_matched | bool  |     | matched to a trigger
truth_matched   | bool  |     | matched to a true lepton
signal          | bool  |     | a signal lepton of the skim
pt_syst         | float | GeV | one-sigma uncertainty of pt
"""

_FIELDS: list[Field] = [
    *_event("""
run                        | int    |     | run number
number                     | int    |     | event number
channel                    | int    |     | dataset id in simulation, run number in data
category                   | string |     | label of the data-taking year or sample
lumi_block                 | int    |     | luminosity block
good_run                   | bool   |     | the event is in the list of good runs
good_vertex                | bool   |     | the primary vertex is good
vertices                   | int    |     | primary vertices
vertex_z                   | float  | mm  | position of the primary vertex along the beam
met.pt                     | float  | GeV | missing transverse momentum
met.phi                    | float  | rad | its azimuth
met.px                     | float  | GeV | its x component
met.py                     | float  | GeV | its y component
met.pt_syst                | float  | GeV | one-sigma uncertainty of met.pt
met.px_unclustered         | float  | GeV | one-sigma shift of met.px by energy outside of objects
met.py_unclustered         | float  | GeV | the same of met.py
ditau_mass                 | float  | GeV | mass of the tau pair from the missing-mass calculator
trigger.electron           | bool   |     | a single-electron trigger fired
trigger.muon               | bool   |     | a single-muon trigger fired
trigger.photon             | bool   |     | a photon trigger fired
trigger.tau                | bool   |     | a tau trigger fired
trigger.ditau              | bool   |     | a di-tau trigger fired
trigger.dielectron         | bool   |     | a di-electron trigger fired
trigger.dimuon             | bool   |     | a di-muon trigger fired
trigger.multilepton        | bool   |     | a multi-lepton trigger fired
trigger.met                | bool   |     | a missing-momentum trigger fired
trigger.dilepton_matched   | float  |     | the di-lepton trigger is matched to the leptons
mc.generator               | float  |     | generator weight
mc.pileup                  | float  |     | pile-up weight
mc.vertex                  | float  |     | weight of the vertex position along the beam
mc.sf.electron             | float  |     | electron efficiency scale factor
mc.sf.muon                 | float  |     | muon efficiency scale factor
mc.sf.photon               | float  |     | photon efficiency scale factor
mc.sf.tau                  | float  |     | tau efficiency scale factor
mc.sf.btag                 | float  |     | b-tagging scale factor
mc.sf.ftag                 | float  |     | flavour-tagging scale factor
mc.sf.jvf                  | float  |     | jet-vertex-fraction scale factor
mc.sf.jvt                  | float  |     | jet-vertex-tagger scale factor
mc.sf.lepton_trigger       | float  |     | single-lepton trigger scale factor
mc.sf.electron_trigger     | float  |     | electron trigger scale factor
mc.sf.muon_trigger         | float  |     | muon trigger scale factor
mc.sf.photon_trigger       | float  |     | photon trigger scale factor
mc.sf.multilepton_trigger  | float  |     | multi-lepton trigger scale factor
mc.sf.tau_trigger          | float  |     | tau trigger scale factor
mc.sf.ditau_trigger        | float  |     | di-tau trigger scale factor
mc.cross_section           | float  | fb  | cross-section of the dataset
mc.k_factor                | float  |     | higher-order correction of the cross-section
mc.filter_efficiency       | float  |     | efficiency of the generator's filter
mc.sum_of_weights          | float  |     | sum of generator weights of the whole dataset
mc.sum_of_weights_squared  | float  |     | sum of squared generator weights of the whole dataset
mc.num_events              | float  |     | generated events of the whole dataset
mc.signal_leptons          | int    |     | number of signal leptons of the skim
truth.met.pt               | float  | GeV | true missing transverse momentum
truth.met.phi              | float  | rad | its azimuth
"""),
    *_of("lep", _FOUR_VECTOR),
    *_of("lep", "type | int | | 11 electron, 13 muon"),
    *_of("lep", _LEPTON),
    *[field for name in ("electron", "muon") for field in _of(name, _FOUR_VECTOR + _LEPTON.lstrip())],
    *_of("jet", _FOUR_VECTOR),
    *_of(
        "jet",
        """
m               | float | GeV | mass
jvt             | float |     | jet-vertex-tagger discriminant
jvf             | float |     | jet-vertex fraction: share of its track pt from the primary vertex
jvt_pass        | bool  |     | passes the jet-vertex tagger
mv2c10          | float |     | b-tagging discriminant
mv1             | float |     | b-tagging discriminant
sv0             | float |     | b-tagging discriminant
btag_deepflav   | float |     | b-tagging discriminant DeepJet (DeepFlavour)
btag_pnet       | float |     | b-tagging discriminant ParticleNet
dl1d_pb         | float |     | probability of a b jet, by the tagger DL1d
dl1d_pc         | float |     | probability of a charm jet, by the tagger DL1d
dl1d_pu         | float |     | probability of a light jet, by the tagger DL1d
btag_quantile   | int   |     | b-tagging bin, 1 (untagged) to 5 (60 % working point)
true_flavour    | int   |     | flavour of the true parton
truth_matched   | bool  |     | matched to a true jet
pt_jer1         | float | GeV | pt with the first resolution variation
pt_jer2         | float | GeV | pt with the second resolution variation
pt_syst         | float | GeV | one-sigma uncertainty of pt
""",
    ),
    *_of("photon", _FOUR_VECTOR),
    *_of(
        "photon",
        """
ptcone          | float | GeV | scalar sum of track pt in a cone around it
etcone          | float | GeV | calorimeter energy in a cone around it
rel_iso         | float |     | pt of what is in a cone around it, over its own
tight_id        | bool  |     | tight identification
loose_id        | bool  |     | loose identification
tight_iso       | bool  |     | tight isolation
loose_iso       | bool  |     | loose isolation
conversion_type | int   |     | 0 unconverted
trigger_matched | bool  |     | matched to a trigger
truth_matched   | bool  |     | matched to a true photon
pt_syst         | float | GeV | one-sigma uncertainty of pt
""",
    ),
    *_of("tau", _FOUR_VECTOR),
    *_of(
        "tau",
        """
charge          | int   |     | electric charge
n_tracks        | int   |     | number of charged tracks
tight_id        | bool  |     | tight identification
loose_id        | bool  |     | loose identification
decay_mode      | int   |     | reconstructed decay mode, in the release's own numbers
bdt             | float |     | boosted-decision-tree identification score
rnn_jet         | float |     | neural-network score against jets
rnn_electron    | float |     | neural-network score against electrons
trigger_matched | bool  |     | matched to a trigger
truth_matched   | bool  |     | matched to a true tau
pt_syst         | float | GeV | one-sigma uncertainty of pt
""",
    ),
    *_of("tau_muon_removed", _FOUR_VECTOR),
    *_of(
        "tau_muon_removed",
        """
charge          | int   |     | electric charge
tight_id        | bool  |     | tight identification
loose_id        | bool  |     | loose identification
decay_mode      | int   |     | reconstructed decay mode, in the release's own numbers
""",
    ),
    *_of("boosted_tau", _FOUR_VECTOR),
    *_of(
        "boosted_tau",
        """
charge          | int   |     | electric charge
decay_mode      | int   |     | reconstructed decay mode, in the release's own numbers
""",
    ),
    *_of("large_jet", _FOUR_VECTOR),
    *_of(
        "large_jet",
        """
m               | float | GeV | mass
d2              | float |     | energy-correlation ratio D2
tau32           | float |     | subjettiness ratio
truth_matched   | float |     | matched to a true jet
pt_syst         | float | GeV | one-sigma uncertainty of pt
""",
    ),
    *[
        field
        for name in ("truth_electron", "truth_muon", "truth_tau", "truth_photon")
        for field in _of(
            name,
            """
pt  | float | GeV | true transverse momentum
eta | float |     | true pseudorapidity
phi | float | rad | true azimuth
""",
        )
    ],
    *_of(
        "truth_jet",
        """
pt  | float | GeV | true transverse momentum
eta | float |     | true pseudorapidity
phi | float | rad | true azimuth
m   | float | GeV | true mass
""",
    ),
]

FIELDS: dict[str, Field] = {field.path: field for field in _FIELDS}
"""Every field of the event model by its path."""

COLLECTIONS: tuple[str, ...] = tuple(dict.fromkeys(f.collection for f in _FIELDS if f.collection))
"""The names of the collections, in the order of the model."""
