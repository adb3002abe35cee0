"""The format of the 2025 release (beta) of ATLAS Open Data at 13 TeV: tree ``analysis``, energies in GeV.

Names and types as in the files and the release's documentation. To know:

* The cross-section is the product of ``xsec`` (pb), ``kfac`` and ``filteff``; in data all are 0 and the
  sum of weights is 1.
* ``jet_jvt`` is a decision (bool) in the files and a discriminant (float) in the documentation. Each has
  a field of its own, ``jet.jvt_pass`` and ``jet.jvt``: a file has one of them, and asking it for the
  other is an error.
* ``tau_charge`` is stored as float.
* The two jet resolution variations are empty in data.
"""

from __future__ import annotations

from femtobarn.data.formats.spec import Format, Part
from femtobarn.data.formats.table import parse_fields

_EVENT = """
run                       | runNumber                | int    |     |
number                    | eventNumber              | int    |     |
channel                   | channelNumber            | int    |     |
category                  | category                 | string |     | optional
met.pt                    | met                      | float  | GeV |
met.phi                   | met_phi                  | float  | rad |
met.px                    | met_mpx                  | float  | GeV |
met.py                    | met_mpy                  | float  | GeV |
trigger.electron          | trigE                    | bool   |     |
trigger.muon              | trigM                    | bool   |     |
trigger.photon            | trigP                    | bool   |     |
trigger.tau               | trigT                    | bool   |     |
trigger.ditau             | trigDT                   | bool   |     |
trigger.dielectron        | trigDE                   | bool   |     |
trigger.dimuon            | trigDM                   | bool   |     |
trigger.multilepton       | trigML                   | bool   |     |
trigger.met               | trigMET                  | bool   |     |
trigger.dilepton_matched  | TriggerMatch_DILEPTON    | float  |     |
mc.generator              | mcWeight                 | float  |     |
mc.pileup                 | ScaleFactor_PILEUP       | float  |     |
mc.sf.electron            | ScaleFactor_ELE          | float  |     |
mc.sf.muon                | ScaleFactor_MUON         | float  |     |
mc.sf.photon              | ScaleFactor_PHOTON       | float  |     |
mc.sf.tau                 | ScaleFactor_TAU          | float  |     |
mc.sf.btag                | ScaleFactor_BTAG         | float  |     |
mc.sf.ftag                | ScaleFactor_FTAG         | float  |     |
mc.sf.jvt                 | ScaleFactor_JVT          | float  |     |
mc.sf.lepton_trigger      | ScaleFactor_LepTRIGGER   | float  |     |
mc.sf.electron_trigger    | ScaleFactor_ElTRIGGER    | float  |     |
mc.sf.muon_trigger        | ScaleFactor_MuTRIGGER    | float  |     |
mc.sf.multilepton_trigger | ScaleFactor_MLTRIGGER    | float  |     |
mc.sf.tau_trigger         | ScaleFactor_TauTRIGGER   | float  |     |
mc.sf.ditau_trigger       | ScaleFactor_DiTauTRIGGER | float  |     |
mc.cross_section          | xsec                     | float  | pb  |
mc.k_factor               | kfac                     | float  |     |
mc.filter_efficiency      | filteff                  | float  |     |
mc.sum_of_weights         | sum_of_weights           | float  |     |
mc.sum_of_weights_squared | sum_of_weights_squared   | float  |     |
mc.num_events             | num_events               | number |     |
mc.signal_leptons         | n_sig_lep                | int    |     | optional
truth.met.pt              | truth_met                | float  | GeV |
truth.met.phi             | truth_met_phi            | float  | rad |
"""

_OBJECTS = """
lep.pt                    | lep_pt                   | float  | GeV |
lep.eta                   | lep_eta                  | float  |     |
lep.phi                   | lep_phi                  | float  | rad |
lep.e                     | lep_e                    | float  | GeV |
lep.charge                | lep_charge               | number |     |
lep.type                  | lep_type                 | int    |     |
lep.z0                    | lep_z0                   | float  | mm  |
lep.d0                    | lep_d0                   | float  | mm  |
lep.d0_sig                | lep_d0sig                | float  |     |
lep.ptcone                | lep_ptvarcone30          | float  | GeV |
lep.etcone                | lep_topoetcone20         | float  | GeV |
lep.tight_id              | lep_isTightID            | bool   |     |
lep.medium_id             | lep_isMediumID           | bool   |     |
lep.loose_id              | lep_isLooseID            | bool   |     |
lep.tight_iso             | lep_isTightIso           | bool   |     |
lep.loose_iso             | lep_isLooseIso           | bool   |     |
lep.trigger_matched       | lep_isTrigMatched        | bool   |     |
lep.signal                | sig_lep                  | bool   |     | optional
jet.pt                    | jet_pt                   | float  | GeV |
jet.eta                   | jet_eta                  | float  |     |
jet.phi                   | jet_phi                  | float  | rad |
jet.e                     | jet_e                    | float  | GeV |
jet.jvt                   | jet_jvt                  | float  |     | optional
jet.jvt_pass              | jet_jvt                  | bool   |     | optional
jet.btag_quantile         | jet_btag_quantile        | int    |     |
jet.pt_jer1               | jet_pt_jer1              | float  | GeV | simulation
jet.pt_jer2               | jet_pt_jer2              | float  | GeV | simulation
photon.pt                 | photon_pt                | float  | GeV |
photon.eta                | photon_eta               | float  |     |
photon.phi                | photon_phi               | float  | rad |
photon.e                  | photon_e                 | float  | GeV |
photon.ptcone             | photon_ptcone20          | float  | GeV |
photon.etcone             | photon_topoetcone40      | float  | GeV |
photon.tight_id           | photon_isTightID         | bool   |     |
photon.loose_id           | photon_isLooseID         | bool   |     |
photon.tight_iso          | photon_isTightIso        | bool   |     |
photon.loose_iso          | photon_isLooseIso        | bool   |     |
tau.pt                    | tau_pt                   | float  | GeV |
tau.eta                   | tau_eta                  | float  |     |
tau.phi                   | tau_phi                  | float  | rad |
tau.e                     | tau_e                    | float  | GeV |
tau.charge                | tau_charge               | number |     |
tau.n_tracks              | tau_nTracks              | int    |     |
tau.tight_id              | tau_isTight              | bool   |     |
tau.rnn_jet               | tau_RNNJetScore          | float  |     |
tau.rnn_electron          | tau_RNNEleScore          | float  |     |
large_jet.pt              | largeRJet_pt             | float  | GeV |
large_jet.eta             | largeRJet_eta, largeRJet_Eta | float |  |
large_jet.phi             | largeRJet_phi            | float  | rad |
large_jet.e               | largeRJet_e              | float  | GeV |
large_jet.m               | largeRJet_m              | float  | GeV |
large_jet.d2              | largeRJet_D2             | float  |     |
"""

_TRUTH = """
truth_electron.pt         | truth_elec_pt            | float  | GeV |
truth_electron.eta        | truth_elec_eta           | float  |     |
truth_electron.phi        | truth_elec_phi           | float  | rad |
truth_muon.pt             | truth_muon_pt            | float  | GeV |
truth_muon.eta            | truth_muon_eta           | float  |     |
truth_muon.phi            | truth_muon_phi           | float  | rad |
truth_tau.pt              | truth_tau_pt             | float  | GeV |
truth_tau.eta             | truth_tau_eta            | float  |     |
truth_tau.phi             | truth_tau_phi            | float  | rad |
truth_photon.pt           | truth_photon_pt          | float  | GeV |
truth_photon.eta          | truth_photon_eta         | float  |     |
truth_photon.phi          | truth_photon_phi         | float  | rad |
truth_jet.pt              | truth_jet_pt             | float  | GeV |
truth_jet.eta             | truth_jet_eta            | float  |     |
truth_jet.phi             | truth_jet_phi            | float  | rad |
truth_jet.m               | truth_jet_m              | float  | GeV |
"""

FORMAT = Format(
    release="2025e-13tev-beta",
    tree="analysis",
    fields=parse_fields(_EVENT) | parse_fields(_OBJECTS) | parse_fields(_TRUTH),
    counters={
        "lep": "lep_n",
        "jet": "jet_n",
        "photon": "photon_n",
        "tau": "tau_n",
        "large_jet": "largeRJet_n",
        "truth_electron": "truth_elec_n",
        "truth_muon": "truth_muon_n",
        "truth_tau": "truth_tau_n",
        "truth_photon": "truth_photon_n",
        "truth_jet": "truth_jet_n",
    },
    tell_tales=("lep_pt", "lep_e", "sum_of_weights"),
    parts={"electron": Part("lep", "lep.type", 11), "muon": Part("lep", "lep.type", 13)},
)
