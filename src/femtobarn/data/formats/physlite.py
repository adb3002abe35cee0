"""The format of ATLAS PHYSLITE research data: tree ``CollectionTree``, energies in MeV.

The same content is also stored as an RNTuple ``EventData``, whose names have ``:`` in place of ``.``.
To know:

* Electrons, muons, jets and photons are not ordered by pt in the files.
* Muons have no branch of the mass: their energies follow from the mass of the muon (Particle Data Group).
  Tau leptons have a mass of 0 in the files.
* ``mcEventWeights`` holds many weights per event; the first is the nominal one.
* Missing transverse momentum is not offered. ``MET_Core_AnalysisMET`` holds soft terms only; the whole
  is to be built from them and the calibrated objects, through the association map.
* Muon identification is not offered: its working points need more than ``quality`` says.
* DL1d's probabilities belong to b-tagging objects in a container of their own, which has one for each jet,
  in the same order; where their numbers differ, it is an error.
* ``tau_muon_removed`` holds the tau leptons that were built anew without the tracks and clusters of a close
  muon. Few files have them: where they are absent and asked for, it is an error.
* Isolation in cones is that of loose tracks from the vertex, above 1 GeV, in a cone that narrows with pt.
"""

from __future__ import annotations

from femtobarn.data.formats.spec import Format, Join
from femtobarn.data.formats.table import parse_fields


def _names(name: str) -> tuple[str, ...]:
    """Return the names of a branch in both ways of storage."""
    return name, name.replace(".", ":")


_EVENT = """
run                | EventInfoAuxDyn.runNumber, EventInfoAux.runNumber             | int   |     |
number             | EventInfoAuxDyn.eventNumber, EventInfoAux.eventNumber         | int   |     |
lumi_block         | EventInfoAuxDyn.lumiBlock, EventInfoAux.lumiBlock             | int   |     | optional
channel            | EventInfoAuxDyn.mcChannelNumber, EventInfoAux.mcChannelNumber | int   |     | optional
mc.generator       | EventInfoAuxDyn.mcEventWeights, EventInfoAux.mcEventWeights   | float |     | optional first
mc.pileup          | EventInfoAuxDyn.PileupWeight_NOSYS                            | float |     | optional
"""

_OBJECTS = """
electron.pt         | AnalysisElectronsAuxDyn.pt                          | float  | MeV |
electron.eta        | AnalysisElectronsAuxDyn.eta                         | float  |     |
electron.phi        | AnalysisElectronsAuxDyn.phi                         | float  | rad |
electron.e          | AnalysisElectronsAuxDyn.m                           | mass   | MeV | fill=0.000511
electron.charge     | AnalysisElectronsAuxDyn.charge                      | number |     |
electron.ptcone     | AnalysisElectronsAuxDyn.ptvarcone30_Nonprompt_All_MaxWeightTTVALooseCone_pt1000 | float | MeV | optional
electron.etcone     | AnalysisElectronsAuxDyn.topoetcone20                | float  | MeV | optional
electron.tight_id   | AnalysisElectronsAuxDyn.DFCommonElectronsLHTight    | flag   |     | optional
electron.medium_id  | AnalysisElectronsAuxDyn.DFCommonElectronsLHMedium   | flag   |     | optional
electron.loose_id   | AnalysisElectronsAuxDyn.DFCommonElectronsLHLooseBL  | flag   |     | optional
muon.pt             | AnalysisMuonsAuxDyn.pt                              | float  | MeV |
muon.eta            | AnalysisMuonsAuxDyn.eta                             | float  |     |
muon.phi            | AnalysisMuonsAuxDyn.phi                             | float  | rad |
muon.e              |                                                     | mass   | MeV | fill=0.10566
muon.charge         | AnalysisMuonsAuxDyn.charge                          | number |     |
muon.ptcone         | AnalysisMuonsAuxDyn.ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt1000 | float | MeV | optional
muon.etcone         | AnalysisMuonsAuxDyn.topoetcone20                    | float  | MeV | optional
jet.pt              | AnalysisJetsAuxDyn.pt                               | float  | MeV |
jet.eta             | AnalysisJetsAuxDyn.eta                              | float  |     |
jet.phi             | AnalysisJetsAuxDyn.phi                              | float  | rad |
jet.e               | AnalysisJetsAuxDyn.m                                | mass   | MeV |
jet.m               | AnalysisJetsAuxDyn.m                                | float  | MeV |
jet.jvt_pass        | AnalysisJetsAuxDyn.NNJvtPass                        | flag   |     | optional
jet.dl1d_pb         | BTagging_AntiKt4EMPFlowAuxDyn.DL1dv01_pb            | float  |     | optional
jet.dl1d_pc         | BTagging_AntiKt4EMPFlowAuxDyn.DL1dv01_pc            | float  |     | optional
jet.dl1d_pu         | BTagging_AntiKt4EMPFlowAuxDyn.DL1dv01_pu            | float  |     | optional
jet.true_flavour    | AnalysisJetsAuxDyn.HadronConeExclTruthLabelID       | int    |     | optional
photon.pt           | AnalysisPhotonsAuxDyn.pt                            | float  | MeV |
photon.eta          | AnalysisPhotonsAuxDyn.eta                           | float  |     |
photon.phi          | AnalysisPhotonsAuxDyn.phi                           | float  | rad |
photon.e            | AnalysisPhotonsAuxDyn.m                             | mass   | MeV | fill=0
photon.ptcone       | AnalysisPhotonsAuxDyn.ptcone20                      | float  | MeV | optional
photon.etcone       | AnalysisPhotonsAuxDyn.topoetcone40                  | float  | MeV | optional
photon.tight_id     | AnalysisPhotonsAuxDyn.DFCommonPhotonsIsEMTight      | flag   |     | optional
photon.loose_id     | AnalysisPhotonsAuxDyn.DFCommonPhotonsIsEMLoose      | flag   |     | optional
tau.pt              | AnalysisTauJetsAuxDyn.pt                            | float  | MeV |
tau.eta             | AnalysisTauJetsAuxDyn.eta                           | float  |     |
tau.phi             | AnalysisTauJetsAuxDyn.phi                           | float  | rad |
tau.e               | AnalysisTauJetsAuxDyn.m                             | mass   | MeV | fill=1.77686
tau.charge          | AnalysisTauJetsAuxDyn.charge                        | number |     |
tau.tight_id        | AnalysisTauJetsAuxDyn.JetDeepSetTight               | flag   |     | optional
tau.loose_id        | AnalysisTauJetsAuxDyn.JetDeepSetLoose               | flag   |     | optional
tau.decay_mode      | AnalysisTauJetsAuxDyn.NNDecayMode                   | int    |     | optional
tau.rnn_jet         | AnalysisTauJetsAuxDyn.RNNJetScore                   | float  |     | optional
tau.rnn_electron    | AnalysisTauJetsAuxDyn.RNNEleScore                   | float  |     | optional
large_jet.pt        | AnalysisLargeRJetsAuxDyn.pt                         | float  | MeV |
large_jet.eta       | AnalysisLargeRJetsAuxDyn.eta                        | float  |     |
large_jet.phi       | AnalysisLargeRJetsAuxDyn.phi                        | float  | rad |
large_jet.e         | AnalysisLargeRJetsAuxDyn.m                          | mass   | MeV |
large_jet.m         | AnalysisLargeRJetsAuxDyn.m                          | float  | MeV |
large_jet.d2        | AnalysisLargeRJetsAuxDyn.D2                         | float  |     | optional
"""

_MUON_REMOVED = """
tau_muon_removed.pt         | AnalysisTauJets_MuonRMAuxDyn.pt              | float  | MeV | optional
tau_muon_removed.eta        | AnalysisTauJets_MuonRMAuxDyn.eta             | float  |     | optional
tau_muon_removed.phi        | AnalysisTauJets_MuonRMAuxDyn.phi             | float  | rad | optional
tau_muon_removed.e          | AnalysisTauJets_MuonRMAuxDyn.m               | mass   | MeV | optional fill=1.77686
tau_muon_removed.charge     | AnalysisTauJets_MuonRMAuxDyn.charge          | number |     | optional
tau_muon_removed.tight_id   | AnalysisTauJets_MuonRMAuxDyn.JetDeepSetTight | flag   |     | optional
tau_muon_removed.loose_id   | AnalysisTauJets_MuonRMAuxDyn.JetDeepSetLoose | flag   |     | optional
tau_muon_removed.decay_mode | AnalysisTauJets_MuonRMAuxDyn.NNDecayMode     | int    |     | optional
"""


def _either_name(name: str) -> tuple[str, ...]:
    """Return the names of a branch also where its container is kept under its first name."""
    return *_names(name), *_names(name.removeprefix("Analysis"))


FORMAT = Format(
    release="2024r-pp",
    tree="CollectionTree",
    more_trees=("EventData",),
    fields=parse_fields(_EVENT, _names)
    | parse_fields(_OBJECTS, _names)
    | parse_fields(_MUON_REMOVED, _either_name),
    tell_tales=(
        "AnalysisMuonsAuxDyn.pt|AnalysisMuonsAuxDyn:pt",
        "AnalysisJetsAuxDyn.pt|AnalysisJetsAuxDyn:pt",
    ),
    joins={"lep": Join((("electron", 11), ("muon", 13)), "lep.type")},
    simulation_bit=(*_names("EventInfoAuxDyn.eventTypeBitmask"), *_names("EventInfoAux.eventTypeBitmask")),
)
