"""A lepton, jets and missing momentum: transverse mass and the sum of jet momenta."""

from femtobarn import Analysis, Regular, ev, mc, transverse_mass

analysis = Analysis("jets_met")
jet = ev.jet[(ev.jet.pt > 25) & (abs(ev.jet.eta) < 2.4) & ev.jet.jvt_pass]
lep = ev.lep.sort(ev.lep.pt)
leading = lep[0]
ht = jet.pt.sum()

final = analysis.selection("final")
final.cut("lepton", leading.pt > 30)
final.cut("two jets", jet.count() >= 2)
final.cut("missing", ev.met.pt > 30)
final.cut("activity", ht > 80)
analysis.weight(mc.generator, mc.pileup, mc.sf.jvt)
analysis.histogram("mt", transverse_mass(leading, ev.met), Regular(50, 0, 250, unit="GeV"), selections=final)
analysis.histogram("ht", ht, Regular(50, 0, 500, unit="GeV"), selections=final)
