"""The spectrum of muon pairs, from the J/psi to the Z: the same file for every release."""

from __future__ import annotations

from femtobarn.physics.language import Analysis, Variable, ev, mc, pairs

LOW, HIGH, BINS = 2.0, 120.0, 300

dimuon = Analysis("dimuon", title=r"$\mu^+\mu^-$ spectrum")

both = pairs(ev.muon)
opposite = both[both.charge == 0]

found = dimuon.selection("opposite sign")
found.cut("a pair of opposite charge", opposite.count() >= 1)

# equal steps in the logarithm; rounded, so that the edges are the same on every machine
edges = [round(LOW * (HIGH / LOW) ** (i / BINS), 6) for i in range(BINS + 1)]

dimuon.weight(mc.generator)
dimuon.histogram(
    "m_mumu", opposite.mass, Variable(edges, unit="GeV", label=r"$m_{\mu\mu}$"), selections=found
)
dimuon.histogram(
    "pt_mumu",
    opposite.system.pt,
    Variable([0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 100, 200], unit="GeV", label=r"$p_T^{\mu\mu}$"),
    selections=found,
)
dimuon.figure("m_mumu", "m_mumu", found, log=True, log_x=True, text=r"$\mu^+\mu^-$")
