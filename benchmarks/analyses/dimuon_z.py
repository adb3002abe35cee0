"""A Z in two muons: the best pair of opposite charge, its mass and momentum."""

from femtobarn import Analysis, Regular, best, ev, mc, pairs

analysis = Analysis("dimuon_z")
muon = ev.muon[(ev.muon.pt > 15) & (abs(ev.muon.eta) < 2.5) & ev.muon.loose_iso]
both = pairs(muon)
z = best(both[both.charge == 0], key=lambda pair: abs(pair.mass - 91.2))

final = analysis.selection("final")
final.cut("trigger", ev.trigger.muon | ev.trigger.electron)
final.cut("window", (z.mass > 60) & (z.mass < 120))
analysis.weight(mc.generator, mc.pileup, mc.sf.muon)
analysis.histogram("mass", z.mass, Regular(60, 60, 120, unit="GeV"), selections=final)
analysis.histogram("pt", z.system.pt, Regular(50, 0, 200, unit="GeV"), selections=final)
