"""The format of CMS NanoAOD: tree ``Events``, energies in GeV, lengths in cm.

Names as in the files and the documentation of NanoAOD. Its versions differ: fields come and go, whole
collections are absent from reduced files, and numbers change their width. To know:

* A collection that a file lacks is empty in every event of that file, and said to be so; a field that
  is absent from a collection the file has is an error.
* Energies follow from pt, eta and the mass in the file; where ``Photon_mass`` and the like are absent,
  from the mass of the particle (Particle Data Group).
* ``met`` is the one of particle flow, with jet corrections: ``MET``, since version 13 ``PFMET``.
* Isolation is relative to pt: a cone of 0.3 for electrons, 0.4 for muons.
* ``Electron_cutBased`` is 2, 3 and 4 for loose, medium and tight; ``Photon_cutBased`` 1, 2 and 3.
* ``boosted_tau`` holds close pairs of tau leptons, each built from a part of one large jet.
* There is no dataset id, and neither cross-section nor sum of weights in the tree of events.
"""

from __future__ import annotations

from femtobarn.data.formats.spec import Format, Join
from femtobarn.data.formats.table import parse_fields

_EVENT = """
run                       | run                      | int    |     | optional
number                    | event                    | int    |     | optional
lumi_block                | luminosityBlock          | int    |     | optional
vertices                  | PV_npvs                  | int    |     | optional
vertex_z                  | PV_z                     | float  | cm  | optional
met.pt                    | MET_pt, PFMET_pt         | float  | GeV | optional
met.phi                   | MET_phi, PFMET_phi       | float  | rad | optional
met.px_unclustered        | MET_MetUnclustEnUpDeltaX | float | GeV | optional
met.py_unclustered        | MET_MetUnclustEnUpDeltaY | float | GeV | optional
mc.generator              | genWeight                | float  |     | optional
truth.met.pt              | GenMET_pt                | float  | GeV | optional
truth.met.phi             | GenMET_phi               | float  | rad | optional
"""

_OBJECTS = """
electron.pt               | Electron_pt              | float  | GeV |
electron.eta              | Electron_eta             | float  |     |
electron.phi              | Electron_phi             | float  | rad |
electron.e                | Electron_mass            | mass   | GeV | fill=0.000511
electron.charge           | Electron_charge          | number |     |
electron.z0               | Electron_dz              | float  | cm  | optional
electron.d0               | Electron_dxy             | float  | cm  | optional
electron.d0_err           | Electron_dxyErr          | float  | cm  | optional
electron.rel_iso          | Electron_pfRelIso03_all  | float  |     | optional
electron.tight_id         | Electron_cutBased        | int    |     | optional least=4
electron.medium_id        | Electron_cutBased        | int    |     | optional least=3
electron.loose_id         | Electron_cutBased        | int    |     | optional least=2
muon.pt                   | Muon_pt                  | float  | GeV |
muon.eta                  | Muon_eta                 | float  |     |
muon.phi                  | Muon_phi                 | float  | rad |
muon.e                    | Muon_mass                | mass   | GeV | fill=0.10566
muon.charge               | Muon_charge              | number |     |
muon.z0                   | Muon_dz                  | float  | cm  | optional
muon.d0                   | Muon_dxy                 | float  | cm  | optional
muon.d0_err               | Muon_dxyErr              | float  | cm  | optional
muon.rel_iso              | Muon_pfRelIso04_all      | float  |     | optional
muon.tight_id             | Muon_tightId             | flag   |     | optional
muon.medium_id            | Muon_mediumId            | flag   |     | optional
muon.loose_id             | Muon_looseId             | flag   |     | optional
jet.pt                    | Jet_pt                   | float  | GeV |
jet.eta                   | Jet_eta                  | float  |     |
jet.phi                   | Jet_phi                  | float  | rad |
jet.e                     | Jet_mass                 | mass   | GeV |
jet.m                     | Jet_mass                 | float  | GeV |
jet.btag_deepflav         | Jet_btagDeepFlavB        | float  |     | optional
jet.btag_pnet             | Jet_btagPNetB            | float  |     | optional
jet.true_flavour          | Jet_hadronFlavour        | int    |     | optional
photon.pt                 | Photon_pt                | float  | GeV |
photon.eta                | Photon_eta               | float  |     |
photon.phi                | Photon_phi               | float  | rad |
photon.e                  | Photon_mass              | mass   | GeV | fill=0
photon.rel_iso            | Photon_pfRelIso03_all    | float  |     | optional
photon.tight_id           | Photon_cutBased          | int    |     | optional least=3
photon.loose_id           | Photon_cutBased          | int    |     | optional least=1
tau.pt                    | Tau_pt                   | float  | GeV |
tau.eta                   | Tau_eta                  | float  |     |
tau.phi                   | Tau_phi                  | float  | rad |
tau.e                     | Tau_mass                 | mass   | GeV | fill=1.77686
tau.charge                | Tau_charge               | number |     |
tau.decay_mode            | Tau_decayMode            | int    |     | optional
boosted_tau.pt            | boostedTau_pt            | float  | GeV |
boosted_tau.eta           | boostedTau_eta           | float  |     |
boosted_tau.phi           | boostedTau_phi           | float  | rad |
boosted_tau.e             | boostedTau_mass          | mass   | GeV | fill=1.77686
boosted_tau.charge        | boostedTau_charge        | number |     |
boosted_tau.decay_mode    | boostedTau_decayMode     | int    |     | optional
large_jet.pt              | FatJet_pt                | float  | GeV |
large_jet.eta             | FatJet_eta               | float  |     |
large_jet.phi             | FatJet_phi               | float  | rad |
large_jet.e               | FatJet_mass              | mass   | GeV |
large_jet.m               | FatJet_mass              | float  | GeV |
"""

_ANY = "Muon_pt|Electron_pt|Jet_pt|Photon_pt|Tau_pt|FatJet_pt"

FORMAT = Format(
    release="cms-nanoaod",
    tree="Events",
    fields=parse_fields(_EVENT) | parse_fields(_OBJECTS),
    counters={
        "electron": "nElectron",
        "muon": "nMuon",
        "jet": "nJet",
        "photon": "nPhoton",
        "tau": "nTau",
        "boosted_tau": "nboostedTau",
        "large_jet": "nFatJet",
    },
    tell_tales=(_ANY,),
    may_lack=("electron", "muon", "jet", "photon", "tau", "boosted_tau", "large_jet"),
    joins={"lep": Join((("electron", 11), ("muon", 13)), "lep.type")},
    simulation=("genWeight", "Generator_weight", "nGenPart"),
)
