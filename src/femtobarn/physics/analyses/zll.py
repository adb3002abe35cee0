"""Z -> ll masses in four-lepton events: the pair nearest the Z, and what remains."""

from __future__ import annotations

from femtobarn.physics.analyses.hzz import R2020, R2025
from femtobarn.physics.language import Analysis, Regular, best, ev, mc, pairs

zll = Analysis("zll", title=r"$Z \rightarrow \ell\ell$ in four-lepton events", inputs="hzz.toml")

both = pairs(ev.lep)
candidates = both[(both.first.type == both.second.type) & (both.charge == 0)]
z = best(candidates, key=lambda pair: abs(pair.mass - 91.2))

on_shell = zll.selection("on-shell", releases=[R2020, R2025])
on_shell.cut("trigger", ev.trigger.electron | ev.trigger.muon)
on_shell.cut("within 25 GeV of the Z", abs(z.mass - 91.2) < 25)

zll.weight(mc.generator, mc.pileup, mc.sf.electron, mc.sf.muon, mc.sf.lepton_trigger)
zll.histogram("m_ll", z.mass, Regular(50, 66, 116, unit="GeV", label=r"$m_{\ell\ell}$"), selections=on_shell)
zll.histogram("n_pairs", candidates.count(), Regular(5, -0.5, 4.5, label="pairs"), selections=on_shell)
zll.figure("m_ll", "m_ll", on_shell, text=r"$Z \rightarrow \ell\ell$")
