"""A top in three jets: the triplet nearest to its mass, with at least one b-jet in the event."""

from femtobarn import Analysis, Regular, any_, best, ev, mc, triplets

analysis = Analysis("three_jets")
jet = ev.jet[(ev.jet.pt > 20) & (abs(ev.jet.eta) < 2.5)]
top = best(triplets(jet), key=lambda three: abs(three.mass - 172.5))

final = analysis.selection("final")
final.cut("b-jet", any_(jet.btag_quantile >= 4))
final.cut("window", (top.mass > 100) & (top.mass < 250))
analysis.weight(mc.generator, mc.pileup, mc.sf.btag)
analysis.histogram("mass", top.mass, Regular(50, 100, 250, unit="GeV"), selections=final)
analysis.histogram("pt", top.system.pt, Regular(50, 0, 400, unit="GeV"), selections=final)
