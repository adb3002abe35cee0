"""The format of the 2020 release of ATLAS Open Data at 13 TeV: tree ``mini``, energies in MeV.

Names, types and units as in the files and the release's documentation. To know:

* ``XSection`` already contains the k-factor and the filter efficiency.
* ``lep_tracksigd0pvunbiased`` is the significance of d0 already (its median is 1.3, whatever the pt),
  so it is ``lep.d0_sig``; dividing ``lep.d0`` by it gives no significance.
* ``ditau_m`` is in GeV, unlike all other energies.
* In data the weights and the cross-section are placeholders, and the lists of truth are empty.
"""

from __future__ import annotations

from femtobarn.data.formats.spec import Format, Part
from femtobarn.data.formats.table import parse_fields

_FIELDS = parse_fields("""
run                       | runNumber                | int    |     |
number                    | eventNumber              | int    |     |
channel                   | channelNumber            | int    |     |
met.pt                    | met_et                   | float  | MeV |
met.phi                   | met_phi                  | float  | rad |
met.pt_syst               | met_et_syst              | float  | MeV |
ditau_mass                | ditau_m                  | float  | GeV |
trigger.electron          | trigE                    | bool   |     |
trigger.muon              | trigM                    | bool   |     |
trigger.photon            | trigP                    | bool   |     |
mc.generator              | mcWeight                 | float  |     |
mc.pileup                 | scaleFactor_PILEUP       | float  |     |
mc.sf.electron            | scaleFactor_ELE          | float  |     |
mc.sf.muon                | scaleFactor_MUON         | float  |     |
mc.sf.photon              | scaleFactor_PHOTON       | float  |     |
mc.sf.tau                 | scaleFactor_TAU          | float  |     |
mc.sf.btag                | scaleFactor_BTAG         | float  |     |
mc.sf.lepton_trigger      | scaleFactor_LepTRIGGER   | float  |     |
mc.sf.photon_trigger      | scaleFactor_PhotonTRIGGER | float |     |
mc.cross_section          | XSection                 | float  | pb  |
mc.sum_of_weights         | SumWeights               | float  |     |
lep.pt                    | lep_pt                   | float  | MeV |
lep.eta                   | lep_eta                  | float  |     |
lep.phi                   | lep_phi                  | float  | rad |
lep.e                     | lep_E                    | float  | MeV |
lep.charge                | lep_charge               | number |     |
lep.type                  | lep_type                 | int    |     |
lep.z0                    | lep_z0                   | float  | mm  |
lep.d0                    | lep_trackd0pvunbiased    | float  | mm  |
lep.d0_sig                | lep_tracksigd0pvunbiased | float  |     |
lep.ptcone                | lep_ptcone30             | float  | MeV |
lep.etcone                | lep_etcone20             | float  | MeV |
lep.tight_id              | lep_isTightID            | bool   |     |
lep.trigger_matched       | lep_trigMatched          | bool   |     |
lep.truth_matched         | lep_truthMatched         | bool   |     | simulation
lep.pt_syst               | lep_pt_syst              | float  | MeV |
jet.pt                    | jet_pt                   | float  | MeV |
jet.eta                   | jet_eta                  | float  |     |
jet.phi                   | jet_phi                  | float  | rad |
jet.e                     | jet_E                    | float  | MeV |
jet.jvt                   | jet_jvt                  | float  |     |
jet.mv2c10                | jet_MV2c10               | float  |     |
jet.true_flavour          | jet_trueflav             | int    |     | simulation
jet.truth_matched         | jet_truthMatched         | bool   |     | simulation
jet.pt_syst               | jet_pt_syst              | float  | MeV |
photon.pt                 | photon_pt                | float  | MeV |
photon.eta                | photon_eta               | float  |     |
photon.phi                | photon_phi               | float  | rad |
photon.e                  | photon_E                 | float  | MeV |
photon.ptcone             | photon_ptcone30          | float  | MeV |
photon.etcone             | photon_etcone20          | float  | MeV |
photon.tight_id           | photon_isTightID         | bool   |     |
photon.conversion_type    | photon_convType          | int    |     |
photon.trigger_matched    | photon_trigMatched       | bool   |     |
photon.truth_matched      | photon_truthMatched      | bool   |     | simulation
photon.pt_syst            | photon_pt_syst           | float  | MeV |
tau.pt                    | tau_pt                   | float  | MeV |
tau.eta                   | tau_eta                  | float  |     |
tau.phi                   | tau_phi                  | float  | rad |
tau.e                     | tau_E                    | float  | MeV |
tau.charge                | tau_charge               | number |     |
tau.n_tracks              | tau_nTracks              | int    |     |
tau.tight_id              | tau_isTightID            | bool   |     |
tau.bdt                   | tau_BDTid                | float  |     |
tau.trigger_matched       | tau_trigMatched          | bool   |     |
tau.truth_matched         | tau_truthMatched         | bool   |     | simulation
tau.pt_syst               | tau_pt_syst              | float  | MeV |
large_jet.pt              | largeRjet_pt             | float  | MeV |
large_jet.eta             | largeRjet_eta            | float  |     |
large_jet.phi             | largeRjet_phi            | float  | rad |
large_jet.e               | largeRjet_E              | float  | MeV |
large_jet.m               | largeRjet_m              | float  | MeV |
large_jet.truth_matched   | largeRjet_truthMatched   | float  |     | simulation
large_jet.d2              | largeRjet_D2             | float  |     |
large_jet.tau32           | largeRjet_tau32          | float  |     |
large_jet.pt_syst         | largeRjet_pt_syst        | float  | MeV |
""")

FORMAT = Format(
    release="2020e-13tev",
    tree="mini",
    fields=_FIELDS,
    counters={
        "lep": "lep_n",
        "jet": "jet_n",
        "photon": "photon_n",
        "tau": "tau_n",
        "large_jet": "largeRjet_n",
    },
    tell_tales=("lep_tracksigd0pvunbiased", "scaleFactor_LepTRIGGER", "SumWeights"),
    parts={"electron": Part("lep", "lep.type", 11), "muon": Part("lep", "lep.type", 13)},
)
