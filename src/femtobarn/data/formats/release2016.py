"""The format of the 2016 release of ATLAS Open Data at 8 TeV: tree ``mini``, energies in MeV.

Names, types and units as in the files. To know:

* ``jet_n`` counts the jets that pass a selection; the lists hold all, ``alljet_n`` of them.
* ``lep_tracksigd0pvunbiased`` is the uncertainty of d0 in mm, unlike in 2020, where the branch of the
  same name holds the significance.
* ``lep_trigMatched`` is a number; it is 0 if no trigger matches.
* There are no photons and no tau leptons, no cross-section and no sum of weights in the files.
* In data all weights are 0 and the channel is the run.
"""

from __future__ import annotations

from femtobarn.data.formats.spec import Format, Part
from femtobarn.data.formats.table import parse_fields

_FIELDS = parse_fields("""
run                       | runNumber                | int    |     |
number                    | eventNumber              | int    |     |
channel                   | channelNumber            | int    |     |
good_run                  | passGRL                  | bool   |     |
good_vertex               | hasGoodVertex            | bool   |     |
vertices                  | pvxp_n                   | int    |     |
vertex_z                  | vxp_z                    | float  | mm  |
met.pt                    | met_et                   | float  | MeV |
met.phi                   | met_phi                  | float  | rad |
trigger.electron          | trigE                    | bool   |     |
trigger.muon              | trigM                    | bool   |     |
mc.generator              | mcWeight                 | float  |     |
mc.pileup                 | scaleFactor_PILEUP       | float  |     |
mc.vertex                 | scaleFactor_ZVERTEX      | float  |     |
mc.sf.electron            | scaleFactor_ELE          | float  |     |
mc.sf.muon                | scaleFactor_MUON         | float  |     |
mc.sf.btag                | scaleFactor_BTAG         | float  |     |
mc.sf.jvf                 | scaleFactor_JVFSF        | float  |     |
mc.sf.lepton_trigger      | scaleFactor_TRIGGER      | float  |     |
lep.pt                    | lep_pt                   | float  | MeV |
lep.eta                   | lep_eta                  | float  |     |
lep.phi                   | lep_phi                  | float  | rad |
lep.e                     | lep_E                    | float  | MeV |
lep.charge                | lep_charge               | number |     |
lep.type                  | lep_type                 | int    |     |
lep.z0                    | lep_z0                   | float  | mm  |
lep.d0                    | lep_trackd0pvunbiased    | float  | mm  |
lep.d0_err                | lep_tracksigd0pvunbiased | float  | mm  |
lep.ptcone                | lep_ptcone30             | float  | MeV |
lep.etcone                | lep_etcone20             | float  | MeV |
lep.flag                  | lep_flag                 | int    |     |
lep.trigger_matched       | lep_trigMatched          | flag   |     |
lep.truth_matched         | lep_truthMatched         | bool   |     |
jet.pt                    | jet_pt                   | float  | MeV |
jet.eta                   | jet_eta                  | float  |     |
jet.phi                   | jet_phi                  | float  | rad |
jet.e                     | jet_E                    | float  | MeV |
jet.m                     | jet_m                    | float  | MeV |
jet.jvf                   | jet_jvf                  | float  |     |
jet.mv1                   | jet_MV1                  | float  |     |
jet.sv0                   | jet_SV0                  | float  |     |
jet.true_flavour          | jet_trueflav             | int    |     |
jet.truth_matched         | jet_truthMatched         | flag   |     |
""")

FORMAT = Format(
    release="2016e-8tev",
    tree="mini",
    fields=_FIELDS,
    counters={"lep": "lep_n", "jet": "alljet_n"},
    tell_tales=("lep_flag", "alljet_n", "scaleFactor_ZVERTEX"),
    parts={"electron": Part("lep", "lep.type", 11), "muon": Part("lep", "lep.type", 13)},
)
