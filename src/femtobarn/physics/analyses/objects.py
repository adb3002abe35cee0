"""How many objects of each kind events have: the same file for every release.

Photons and tau leptons are counted where the release has them; counting them elsewhere would show
zeros that nobody measured.
"""

from __future__ import annotations

from femtobarn.physics.language import Analysis, Regular, ev, mc

objects = Analysis("objects", title="Objects per event")

everything = objects.selection("all")
with_photons = objects.selection(
    "all, with photons and taus",
    releases=["2020e-13tev", "2025e-13tev-beta", "2024r-pp", "cms-nanoaod"],
)

objects.weight(mc.generator)
for name, title in (("electron", "electrons"), ("muon", "muons"), ("lep", "leptons")):
    things = getattr(ev, name)
    objects.histogram(
        f"n_{name}", things.count(), Regular(11, -0.5, 10.5, label=title), selections=everything
    )
objects.histogram("n_jet", ev.jet.count(), Regular(21, -0.5, 20.5, label="jets"), selections=everything)
objects.histogram(
    "pt_lep", ev.lep.pt, Regular(50, 0, 200, unit="GeV", label=r"$p_T^{\ell}$"), selections=everything
)
objects.histogram(
    "pt_jet", ev.jet.pt, Regular(50, 0, 500, unit="GeV", label=r"$p_T^{jet}$"), selections=everything
)
objects.histogram(
    "n_photon", ev.photon.count(), Regular(11, -0.5, 10.5, label="photons"), selections=with_photons
)
objects.histogram(
    "n_tau", ev.tau.count(), Regular(11, -0.5, 10.5, label="hadronic tau leptons"), selections=with_photons
)
objects.figure("n_electron", "n_electron", everything, log=True)
objects.figure("n_muon", "n_muon", everything, log=True)
objects.figure("n_jet", "n_jet", everything, log=True)
objects.figure("n_photon", "n_photon", with_photons, log=True)
objects.figure("n_tau", "n_tau", with_photons, log=True)
