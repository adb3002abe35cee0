"""H -> ZZ* -> 4l. Reads like the method section; nothing is read when this file is imported.

The selection, weights and figures of the ATLAS Open Data notebook HZZAnalysis (2025 release,
exactly four leptons), and of its 2020 edition (at least four leptons, type and charge only).
"""

from __future__ import annotations

from femtobarn.physics.language import (
    Analysis,
    Expr,
    Regular,
    Things,
    abs_,
    all_,
    any_,
    ev,
    mass,
    mc,
    quirk,
    where,
)

R2020, R2025 = "2020e-13tev", "2025e-13tev-beta"

hzz = Analysis("hzz", title=r"$H \rightarrow ZZ^{*} \rightarrow 4\ell$", inputs="hzz.toml")

lep = ev.lep
four = lep[:4]  # an event with fewer is cut, in a step of its own
good = where(four.is_muon, four.medium_id, four.loose_id) & four.loose_iso
m4l = mass(four)

leading = lep.sort(lep.pt)  # the 2025 files store electrons before muons, each by pt


def hard(leptons: Things) -> Expr:
    """Return the pt thresholds of the first three leptons."""
    return (leptons[0].pt > 20) & (leptons[1].pt > 15) & (leptons[2].pt > 10)


loose = hzz.selection("loose")
loose.cut("4e, 2e2mu, 4mu", four.type.sum().isin(44, 48, 52))
loose.cut("neutral", four.charge.sum() == 0)

final = hzz.selection("final", releases=[R2025])
final.cut("trigger", ev.trigger.electron | ev.trigger.muon)
final.cut("matched", any_(lep.trigger_matched))
final.cut("pt 20, 15, 10", quirk("leptons in stored order", physics=hard(leading), notebook=hard(lep)))
final.cut("identified", all_(good))
final.cut(loose)

# never applied to data; the cross-section enters when results are read
signed = mc.generator * mc.pileup * mc.sf.electron * mc.sf.muon * mc.sf.lepton_trigger
hzz.weight(quirk("absolute weights", physics=signed, notebook=abs_(signed), releases=[R2025]))

AXIS = r"4-lepton invariant mass $m_{4\ell}$"
hzz.histogram("m4l", m4l, Regular(68, 80, 250, unit="GeV", label=AXIS), selections=[loose, final])
hzz.histogram("m4l_wide", m4l, Regular(34, 80, 250, unit="GeV", label=AXIS), selections=[loose, final])

CHANNEL = r"$H \rightarrow ZZ^{*} \rightarrow 4\ell$"
hzz.figure(
    "data period D", "m4l", loose, releases=[R2025],
    files=["data15_periodD"], style="notebook", size=(6, 4), headroom=1.6,
)  # fmt: skip
hzz.figure(
    "one sample", "m4l", loose, releases=[R2025],
    datasets=[410470], luminosity=0.105, style="notebook", size=(6, 4), headroom=1.6,
)  # fmt: skip
hzz.figure(
    "final", "m4l", final, releases=[R2025], style="notebook", size=(12, 8), headroom=2.0, text=CHANNEL
)  # fmt: skip
hzz.figure("final with ratio", "m4l", final, releases=[R2025], text=CHANNEL)
hzz.figure("loose with ratio", "m4l", loose, releases=[R2025], text=CHANNEL)
hzz.figure("stack", "m4l_wide", loose, releases=[R2020], text=CHANNEL)

hzz.significance("Higgs", "m4l", final, window=(122.5, 130.0))
