"""The final selection of ``hzz`` with many variations of the lepton scale: steps 1 + (k + 1) * 0.0001.

``BENCH_VARIATIONS`` says how many, ``BENCH_FIRST`` the number of the first. ``BENCH_EDIT`` makes it a text that
was never run before, with equal results.
"""

import os

from femtobarn import Analysis, Regular, all_, any_, ev, mass, mc, where

hzz = Analysis("hzz_variations")
lep = ev.lep
four = lep[:4]
leading = lep.sort(lep.pt)
good = where(four.is_muon, four.medium_id, four.loose_id) & four.loose_iso

final = hzz.selection("final")
final.cut("trigger", ev.trigger.electron | ev.trigger.muon)
final.cut("matched", any_(lep.trigger_matched))
final.cut("pt 20, 15, 10", (leading[0].pt > 20) & (leading[1].pt > 15) & (leading[2].pt > 10))
final.cut("edited", leading[0].pt > 1 + 1e-9 * int(os.environ.get("BENCH_EDIT", "0")))
final.cut("identified", all_(good))
final.cut("4e, 2e2mu, 4mu", four.type.sum().isin(44, 48, 52))
final.cut("neutral", four.charge.sum() == 0)

hzz.weight(mc.generator, mc.pileup, mc.sf.electron, mc.sf.muon, mc.sf.lepton_trigger)
hzz.histogram("m4l", mass(four), Regular(68, 80, 250, unit="GeV"), selections=final)

first, number = int(os.environ.get("BENCH_FIRST", "0")), int(os.environ.get("BENCH_VARIATIONS", "1"))
for k in range(first, first + number):
    factor = 1.0 + (k + 1) * 0.0001
    hzz.vary(f"scale{k:03d}", up={lep.pt: lep.pt * factor, lep.e: lep.e * factor})
