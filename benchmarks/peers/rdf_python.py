"""``rdf_python.py OUT strings|declared THREADS FILES...``: RDataFrame driven from Python."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import ROOT
from answer import write_answer

DECLARED = """
using ROOT::VecOps::RVec;
bool bench_hard(const RVec<float>& pt) {
  auto sorted = ROOT::VecOps::Sort(pt, std::greater<float>());
  return sorted[0] > 20 && sorted[1] > 15 && sorted[2] > 10;
}
bool bench_matched(const RVec<bool>& matched) { return ROOT::VecOps::Any(matched); }
bool bench_good(const RVec<int>& type, const RVec<bool>& medium, const RVec<bool>& loose, const RVec<bool>& isolated) {
  for (int i = 0; i < 4; ++i)
    if (!((type[i] == 13 ? medium[i] : loose[i]) && isolated[i])) return false;
  return true;
}
bool bench_flavours(const RVec<int>& type) {
  const int sum = type[0] + type[1] + type[2] + type[3];
  return sum == 44 || sum == 48 || sum == 52;
}
bool bench_neutral(const RVec<int>& q) { return q[0] + q[1] + q[2] + q[3] == 0; }
double bench_m4l(const RVec<float>& pt, const RVec<float>& eta, const RVec<float>& phi, const RVec<float>& e) {
  double x = 0, y = 0, z = 0, t = 0;
  for (int i = 0; i < 4; ++i) {
    x += pt[i] * std::cos(double(phi[i]));
    y += pt[i] * std::sin(double(phi[i]));
    z += pt[i] * std::sinh(double(eta[i]));
    t += e[i];
  }
  return std::sqrt(std::max(0., t * t - x * x - y * y - z * z));
}
"""
WEIGHT = "double(mcWeight) * ScaleFactor_PILEUP * ScaleFactor_ELE * ScaleFactor_MUON * ScaleFactor_LepTRIGGER"


def with_strings(frame: Any) -> Any:
    return (
        frame.Filter("lep_pt.size() >= 4 && (trigE || trigM)")
        .Filter("Any(lep_isTrigMatched)")
        .Define("sorted_pt", "Reverse(Sort(lep_pt))")
        .Filter("sorted_pt[0] > 20 && sorted_pt[1] > 15 && sorted_pt[2] > 10")
        .Define("type4", "Take(lep_type, 4)")
        .Filter(
            "All(Where(type4 == 13, Take(lep_isMediumID, 4), Take(lep_isLooseID, 4)) && Take(lep_isLooseIso, 4))"
        )
        .Filter("Sum(type4) == 44 || Sum(type4) == 48 || Sum(type4) == 52")
        .Filter("Sum(Take(lep_charge, 4)) == 0")
        .Define("pt4", "ROOT::RVecD(lep_pt.begin(), lep_pt.begin() + 4)")
        .Define("eta4", "ROOT::RVecD(lep_eta.begin(), lep_eta.begin() + 4)")
        .Define("phi4", "ROOT::RVecD(lep_phi.begin(), lep_phi.begin() + 4)")
        .Define("e4", "Sum(ROOT::RVecD(lep_e.begin(), lep_e.begin() + 4))")
        .Define("px", "Sum(pt4 * cos(phi4))")
        .Define("py", "Sum(pt4 * sin(phi4))")
        .Define("pz", "Sum(pt4 * sinh(eta4))")
        .Define("m4l", "sqrt(std::max(0., e4 * e4 - px * px - py * py - pz * pz))")
        .Define("weight", WEIGHT)
    )


def with_functions(frame: Any) -> Any:
    ROOT.gInterpreter.Declare(DECLARED)
    return (
        frame.Filter("lep_pt.size() >= 4 && (trigE || trigM)")
        .Filter("bench_matched(lep_isTrigMatched)")
        .Filter("bench_hard(lep_pt)")
        .Filter("bench_good(lep_type, lep_isMediumID, lep_isLooseID, lep_isLooseIso)")
        .Filter("bench_flavours(lep_type)")
        .Filter("bench_neutral(lep_charge)")
        .Define("m4l", "bench_m4l(lep_pt, lep_eta, lep_phi, lep_e)")
        .Define("weight", WEIGHT)
    )


def main() -> None:
    out, style, threads, *files = sys.argv[1:]
    if threads != "1":
        ROOT.EnableImplicitMT(int(threads))
    frame = ROOT.RDataFrame("analysis", files)
    passed = with_strings(frame) if style == "strings" else with_functions(frame)
    count = passed.Count()
    histogram = passed.Histo1D(("m4l", "", 68, 80.0, 250.0), "m4l", "weight")
    bins = np.array([histogram.GetBinContent(i) for i in range(1, 69)])
    write_answer(out, {"nominal": int(count.GetValue())}, {"m4l": {"nominal": bins}})


if __name__ == "__main__":
    main()
