"""The smallest analysis: how many leptons there are."""

from femtobarn import Analysis, Regular, ev

few = Analysis("few", title="Few")
all_events = few.selection("all")
all_events.cut("any", ev.lep.pt.count() >= 0)
few.histogram("leptons", ev.lep.pt, Regular(4, 0, 100, unit="GeV"), selections=all_events)
