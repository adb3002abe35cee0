"""The pair of leptons nearest to the Z, chosen anew under each variation of the lepton scale."""

import os

from femtobarn import Analysis, Regular, best, ev, mc, pairs

analysis = Analysis("pair_variations")
lep = ev.lep[(ev.lep.pt > 10) & (abs(ev.lep.eta) < 2.5)]
both = pairs(lep)
same = both[(both.first.type == both.second.type) & (both.charge == 0)]
z = best(same, key=lambda pair: abs(pair.mass - 91.2))

final = analysis.selection("final")
final.cut("near the Z", (z.mass > 66) & (z.mass < 116))
analysis.weight(mc.generator, mc.pileup, mc.sf.electron, mc.sf.muon, mc.sf.lepton_trigger)
analysis.histogram("mll", z.mass, Regular(50, 66, 116, unit="GeV"), selections=final)

first, number = int(os.environ.get("BENCH_FIRST", "0")), int(os.environ.get("BENCH_VARIATIONS", "1"))
for k in range(first, first + number):
    factor = 1.0 + (k + 1) * 0.0001
    analysis.vary(f"scale{k:03d}", up={ev.lep.pt: ev.lep.pt * factor, ev.lep.e: ev.lep.e * factor})
