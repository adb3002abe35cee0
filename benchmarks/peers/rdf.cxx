// rdf MODE OUT THREADS VARIATIONS FILES...: RDataFrame compiled ahead of time.
// MODE: hzz (final selection of hzz, with a lepton scale in VARIATIONS steps) or pair (best Z pair over varied leptons).
#include <ROOT/RDataFrame.hxx>
#include <ROOT/RDFHelpers.hxx>
#include <ROOT/RVec.hxx>
#include <TH1D.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <vector>

using ROOT::RVecB;
using ROOT::RVecD;
using ROOT::RVecF;
using ROOT::RVecI;
using Varied = ROOT::RVec<ROOT::RVec<RVecD>>;

// the steps of benchmarks/analyses: 1 + (k + 1) * 0.0001
double factor(int k) { return 1.0 + (k + 1) * 0.0001; }

std::string tag(int k) {
  const std::string number = std::to_string(k);
  return "scale" + std::string(3 - std::min<std::size_t>(3, number.size()), '0') + number;
}

RVecD wide(const RVecF& values) { return RVecD(values.begin(), values.end()); }

Varied scaled(const RVecD& pt, const RVecD& e, int variations) {
  Varied found(2);
  for (int k = 0; k < variations; ++k) {
    found[0].push_back(pt * factor(k));
    found[1].push_back(e * factor(k));
  }
  return found;
}

double mass(const RVecD& pt, const RVecF& eta, const RVecF& phi, const RVecD& e, std::initializer_list<std::size_t> members) {
  double x = 0, y = 0, z = 0, t = 0;
  for (const auto i : members) {
    x += pt[i] * std::cos(double(phi[i]));
    y += pt[i] * std::sin(double(phi[i]));
    z += pt[i] * std::sinh(double(eta[i]));
    t += e[i];
  }
  return std::sqrt(std::max(0., t * t - x * x - y * y - z * z));
}

bool hard(const RVecD& pt) {
  RVecD sorted = pt;
  std::sort(sorted.begin(), sorted.end(), std::greater<double>());
  return sorted[0] > 20 && sorted[1] > 15 && sorted[2] > 10;
}

bool good(const RVecI& type, const RVecB& medium, const RVecB& loose, const RVecB& isolated) {
  for (int i = 0; i < 4; ++i)
    if (!((type[i] == 13 ? medium[i] : loose[i]) && isolated[i])) return false;
  return true;
}

double best_pair(const RVecD& pt, const RVecF& eta, const RVecF& phi, const RVecD& e, const RVecI& type, const RVecI& charge) {
  double best = -1, distance = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < pt.size(); ++i) {
    if (!(pt[i] > 10 && std::abs(eta[i]) < 2.5)) continue;
    for (std::size_t j = i + 1; j < pt.size(); ++j) {
      if (!(pt[j] > 10 && std::abs(eta[j]) < 2.5) || type[i] != type[j] || charge[i] + charge[j] != 0) continue;
      const double m = mass(pt, eta, phi, e, {i, j});
      if (std::abs(m - 91.2) < distance) {
        distance = std::abs(m - 91.2);
        best = m;
      }
    }
  }
  return best;
}

double weight(float generator, float pileup, float electron, float muon, float trigger) {
  return double(generator) * pileup * electron * muon * trigger;
}

const std::vector<std::string> WEIGHTS{"mcWeight", "ScaleFactor_PILEUP", "ScaleFactor_ELE", "ScaleFactor_MUON", "ScaleFactor_LepTRIGGER"};

void write_bins(std::ofstream& out, const TH1D& histogram) {
  out << "[";
  for (int i = 1; i <= histogram.GetNbinsX(); ++i) out << (i > 1 ? "," : "") << histogram.GetBinContent(i);
  out << "]";
}

template <typename Frame>
void answer(Frame passed, const char* path, const char* name, const ROOT::RDF::TH1DModel& model, int variations) {
  auto count = passed.Count();
  auto histogram = passed.template Histo1D<double, double>(model, name, "weight");
  std::ofstream out(path);
  out.precision(17);
  if (variations == 0) {
    out << "{\"counts\":{\"nominal\":" << *count << "},\"histograms\":{\"" << name << "\":{\"nominal\":";
    write_bins(out, *histogram);
    out << "}}}";
    return;
  }
  auto counts = ROOT::RDF::Experimental::VariationsFor(count);
  auto histograms = ROOT::RDF::Experimental::VariationsFor(histogram);
  out << "{\"counts\":{\"nominal\":" << counts["nominal"];
  for (int k = 0; k < variations; ++k) out << ",\"" << tag(k) << "\":" << counts["scale:" + tag(k)];
  out << "},\"histograms\":{\"" << name << "\":{\"nominal\":";
  write_bins(out, histograms["nominal"]);
  for (int k = 0; k < variations; ++k) {
    out << ",\"" << tag(k) << "\":";
    write_bins(out, histograms["scale:" + tag(k)]);
  }
  out << "}}}";
}

template <typename Frame>
ROOT::RDF::RNode with_scale(Frame frame, int variations) {
  ROOT::RDF::RNode node = frame.Define("pt", wide, {"lep_pt"}).Define("e", wide, {"lep_e"});
  if (variations == 0) return node;
  std::vector<std::string> tags;
  for (int k = 0; k < variations; ++k) tags.push_back(tag(k));
  return node.Vary({"pt", "e"}, [variations](const RVecD& pt, const RVecD& e) { return scaled(pt, e, variations); }, {"pt", "e"}, tags, "scale");
}

int main(int argc, char** argv) {
  if (argc < 6) return 2;
  const std::string mode = argv[1];
  const int threads = std::atoi(argv[3]), variations = std::atoi(argv[4]);
  if (threads > 1) ROOT::EnableImplicitMT(threads);
  ROOT::RDataFrame frame("analysis", std::vector<std::string>(argv + 5, argv + argc));
  if (mode == "hzz") {
    auto chosen = frame.Filter([](const RVecF& pt, bool e, bool m) { return pt.size() >= 4 && (e || m); }, {"lep_pt", "trigE", "trigM"})
                      .Filter([](const RVecB& matched) { return ROOT::VecOps::Any(matched); }, {"lep_isTrigMatched"})
                      .Filter(good, {"lep_type", "lep_isMediumID", "lep_isLooseID", "lep_isLooseIso"})
                      .Filter([](const RVecI& t) { const int s = t[0] + t[1] + t[2] + t[3]; return s == 44 || s == 48 || s == 52; }, {"lep_type"})
                      .Filter([](const RVecI& q) { return q[0] + q[1] + q[2] + q[3] == 0; }, {"lep_charge"});
    auto passed = with_scale(chosen, variations)
                      .Filter(hard, {"pt"})
                      .Define("m4l", [](const RVecD& pt, const RVecF& eta, const RVecF& phi, const RVecD& e) { return mass(pt, eta, phi, e, {0, 1, 2, 3}); }, {"pt", "lep_eta", "lep_phi", "e"})
                      .Define("weight", weight, WEIGHTS);
    answer(passed, argv[2], "m4l", {"m4l", "", 68, 80., 250.}, variations);
    return 0;
  }
  if (mode == "pair") {
    auto passed = with_scale(frame, variations)
                      .Define("mll", best_pair, {"pt", "lep_eta", "lep_phi", "e", "lep_type", "lep_charge"})
                      .Filter([](double m) { return m > 66 && m < 116; }, {"mll"})
                      .Define("weight", weight, WEIGHTS);
    answer(passed, argv[2], "mll", {"mll", "", 50, 66., 116.}, variations);
    return 0;
  }
  return 2;
}
