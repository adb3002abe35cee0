"""The format of ATLAS heavy-ion research data (DAOD_HION14): tree ``CollectionTree``, energies in MeV.

The files hold tracks, sums of calorimeter energies and muons; of these the event model has the muons.
Names as in descriptions of the format: no file of it was at hand. To know:

* Muons have no branch of the mass: their energies follow from the mass of the muon (Particle Data Group).
* Derivations of proton-proton data that are no PHYSLITE name their muons in the same way.
"""

from __future__ import annotations

from femtobarn.data.formats.spec import Format
from femtobarn.data.formats.table import parse_fields

_FIELDS = parse_fields("""
run                | EventInfoAuxDyn.runNumber, EventInfoAux.runNumber             | int    |     | optional
number             | EventInfoAuxDyn.eventNumber, EventInfoAux.eventNumber         | int    |     | optional
lumi_block         | EventInfoAuxDyn.lumiBlock, EventInfoAux.lumiBlock             | int    |     | optional
channel            | EventInfoAuxDyn.mcChannelNumber, EventInfoAux.mcChannelNumber | int    |     | optional
mc.generator       | EventInfoAuxDyn.mcEventWeights, EventInfoAux.mcEventWeights   | float  |     | optional first
muon.pt            | MuonsAuxDyn.pt                                                | float  | MeV |
muon.eta           | MuonsAuxDyn.eta                                               | float  |     |
muon.phi           | MuonsAuxDyn.phi                                               | float  | rad |
muon.e             |                                                               | mass   | MeV | fill=0.10566
muon.charge        | MuonsAuxDyn.charge                                            | number |     | optional
""")

FORMAT = Format(
    release="2024r-hi",
    tree="CollectionTree",
    fields=_FIELDS,
    tell_tales=("MuonsAuxDyn.pt",),
    simulation_bit=("EventInfoAuxDyn.eventTypeBitmask", "EventInfoAux.eventTypeBitmask"),
)
