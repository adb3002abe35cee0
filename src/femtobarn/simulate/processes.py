"""The 24 simulated datasets and 16 data periods of the demo, as data.

Names, cross-sections, k-factors and filter efficiencies are those of the 2025 ATLAS open data
(release metadata). The expected numbers of events were fixed so that the final selection of the four-lepton
analysis gives about the yields of the published notebook at 36.6 fb^-1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Topology = Literal["higgs", "zz", "z4l", "assembled"]
ZDecay = Literal["none", "ee", "mm", "any"]

LUMINOSITY = 36.6
"""Integrated luminosity in fb^-1 to which the expected numbers of events refer."""


@dataclass(frozen=True, slots=True)
class Component:
    """One source of four-lepton events within a dataset.

    Parameters
    ----------
    topology
        which generator makes its leptons
    expected
        events with exactly four recorded leptons at :data:`LUMINOSITY`, before any selection
    share
        fraction of the dataset's simulated events spent on it
    z_decay
        flavour of the (first) Z; ``"none"`` without a Z
    from_w
        leptons of W bosons (``assembled`` only); what is missing to four is non-prompt
    pt_scale
        scale of the transverse momentum of the Z or of the whole system, GeV
    lepton_pt
        mean transverse momentum of leptons of W bosons, GeV
    jets, b_jets
        mean numbers of light jets and of b-jets
    isolated_fakes
        whether non-prompt leptons look almost like prompt ones (photon conversions, decays of hadrons
        that take most of a jet) instead of like jets; simulated apart, since almost only these are selected
    """

    topology: Topology
    expected: float
    share: float = 1.0
    z_decay: ZDecay = "any"
    from_w: int = 0
    pt_scale: float = 15.0
    lepton_pt: float = 45.0
    jets: float = 0.8
    b_jets: float = 0.02
    isolated_fakes: bool = False

    @property
    def non_prompt(self) -> bool:
        """Whether most of its leptons that fail identification are not from W, Z or H."""
        prompt = self.from_w + (0 if self.z_decay == "none" else 2)
        return self.topology == "assembled" and prompt == 2


@dataclass(frozen=True, slots=True)
class Dataset:
    """One simulated dataset.

    Parameters
    ----------
    dsid
        dataset number
    name
        its physics name, part of the file name
    xsec
        cross-section, pb
    kfac, filteff
        k-factor and generator filter efficiency
    unit
        mean absolute generator weight: generators differ by many orders of magnitude
    negative
        fraction of events of negative generator weight
    components
        what it consists of; the shares add up to 1
    """

    dsid: int
    name: str
    xsec: float
    kfac: float
    filteff: float
    unit: float
    negative: float
    components: tuple[Component, ...]

    @property
    def produced(self) -> float:
        """Events produced at :data:`LUMINOSITY`, in all final states."""
        return LUMINOSITY * 1000.0 * self.xsec * self.kfac * self.filteff

    @property
    def expected(self) -> float:
        """Events with exactly four recorded leptons at :data:`LUMINOSITY`."""
        return sum(component.expected for component in self.components)


@dataclass(frozen=True, slots=True)
class Period:
    """One period of data taking.

    Parameters
    ----------
    year
        2015 or 2016
    letter
        its name within the year
    luminosity
        fb^-1
    first_run, last_run
        range of run numbers
    """

    year: int
    letter: str
    luminosity: float
    first_run: int
    last_run: int

    @property
    def tag(self) -> str:
        """The part of the file name that names it."""
        return f"data{self.year % 100}_period{self.letter}"


# Luminosities are rounded; they add up to the total of 36.6.
PERIODS: tuple[Period, ...] = (
    Period(2015, "D", 0.105, 276262, 276954),
    Period(2015, "E", 0.475, 278748, 279928),
    Period(2015, "F", 0.340, 279932, 280422),
    Period(2015, "G", 0.720, 280423, 281075),
    Period(2015, "H", 0.260, 281130, 281411),
    Period(2015, "J", 1.340, 282625, 284484),
    Period(2016, "A", 0.550, 297730, 300279),
    Period(2016, "B", 1.950, 300345, 300908),
    Period(2016, "C", 2.890, 301912, 302393),
    Period(2016, "D", 4.720, 302737, 303560),
    Period(2016, "E", 1.490, 303638, 303892),
    Period(2016, "F", 3.440, 303943, 304494),
    Period(2016, "G", 3.900, 305291, 306714),
    Period(2016, "I", 5.940, 307124, 308084),
    Period(2016, "K", 2.300, 309311, 309759),
    Period(2016, "L", 6.180, 310015, 311481),
)


def _z_jets(dsid: int, filteff: float, unit: float, fakes: float, four: float, b_jets: float) -> Dataset:
    decay: ZDecay = "ee" if dsid < 700323 else "mm"
    flavour = {0: "BFilter", 1: "CFilterBVeto", 2: "CVetoBVeto"}[(dsid - 700320) % 3]
    return Dataset(
        dsid,
        f"Sh_2211_Z{'ee' if decay == 'ee' else 'mumu'}_maxHTpTV2_{flavour}",
        xsec=2221.2 if decay == "ee" else 2221.3,
        kfac=1.0,
        filteff=filteff,
        unit=unit,
        negative=0.18,
        components=(
            Component("assembled", fakes, 0.75, decay, jets=1.2, b_jets=b_jets),
            Component("assembled", 0.007 * fakes, 0.10, decay, jets=1.2, b_jets=b_jets, isolated_fakes=True),
            Component("z4l", four, 0.15, decay, jets=1.0, b_jets=b_jets),
        ),
    )


_TT_Z = Component("assembled", 36.0, 0.8, "any", 2, pt_scale=55.0, lepton_pt=50.0, jets=2.5, b_jets=1.7)
_TT_W = Component("assembled", 60.0, 0.9, "none", 3, lepton_pt=50.0, jets=2.0, b_jets=1.6)
_VVV = Component("assembled", 36.0, 1.0, "any", 2, pt_scale=35.0, jets=0.6)
_HIGGS = Component("higgs", 31.0)

DATASETS: tuple[Dataset, ...] = (
    Dataset(
        410470, "PhPy8EG_A14_ttbar_hdamp258p75_nonallhad", 729.77, 1.139756362, 0.5437965, 730.0, 0.004,
        (Component("assembled", 6200.0, 1.0, "none", 2, lepton_pt=46.0, jets=1.5, b_jets=1.5),),
    ),
    Dataset(
        410155, "aMcAtNloPythia8EvtGen_MEN30NLO_A14N23LO_ttW", 0.54822, 1.096, 1.0, 1.03, 0.235,
        (_TT_W, replace(_TT_W, expected=30.0, share=0.1, from_w=2)),
    ),
    Dataset(
        410218, "aMcAtNloPythia8EvtGen_MEN30NLO_A14N23LO_ttee", 0.036864, 1.12, 1.0, 0.066, 0.22,
        (replace(_TT_Z, z_decay="ee"), replace(_TT_Z, z_decay="ee", expected=20.0, share=0.2, from_w=1)),
    ),
    Dataset(
        410219, "aMcAtNloPythia8EvtGen_MEN30NLO_A14N23LO_ttmumu", 0.036865, 1.12, 1.0, 0.066, 0.22,
        (replace(_TT_Z, z_decay="mm"), replace(_TT_Z, z_decay="mm", expected=20.0, share=0.2, from_w=1)),
    ),
    Dataset(
        412043, "aMcAtNloPythia8EvtGen_A14NNPDF31_SM4topsNLO", 0.010673, 1.1267, 1.0, 0.03, 0.32,
        (replace(_TT_W, expected=1.0, share=1.0, from_w=4, jets=4.0, b_jets=3.0),),
    ),
    Dataset(
        364243, "Sherpa_222_NNPDF30NNLO_WWZ_4l2v_EW6", 0.0017966, 1.0, 1.0, 0.012, 0.07, (_VVV,),
    ),
    Dataset(
        364242, "Sherpa_222_NNPDF30NNLO_WWW_3l3v_EW6", 0.0071985, 1.0, 1.0, 0.038, 0.07,
        (replace(_VVV, expected=12.0, z_decay="none", from_w=3),),
    ),
    Dataset(
        364246, "Sherpa_222_NNPDF30NNLO_WZZ_3l3v_EW6", 0.001668, 1.0, 0.44626, 0.033, 0.07,
        (replace(_VVV, expected=3.0, from_w=1),),
    ),
    Dataset(
        364248, "Sherpa_222_NNPDF30NNLO_ZZZ_4l2v_EW6", 0.00038535, 1.0, 0.22426, 0.031, 0.07,
        (Component("zz", 1.2, pt_scale=35.0),),
    ),
    _z_jets(700320, 0.02493594, 3.2e6, 2850.0, 4.0, 1.0),
    _z_jets(700321, 0.1298145, 7.0e6, 5150.0, 8.5, 0.1),
    _z_jets(700322, 0.8460721, 1.4e7, 25700.0, 56.0, 0.01),
    _z_jets(700323, 0.02439439, 3.2e6, 3350.0, 4.0, 1.0),
    _z_jets(700324, 0.13003, 7.0e6, 5600.0, 8.5, 0.1),
    _z_jets(700325, 0.8463929, 1.4e7, 28900.0, 56.0, 0.01),
    Dataset(
        700600, "Sh_2212_llll", 1.2974, 1.0, 1.0, 3.6e4, 0.14,
        (Component("zz", 1320.0, 0.8), Component("z4l", 142.0, 0.2)),
    ),
    Dataset(
        345060, "PowhegPythia8EvtGen_NNLOPS_nnlo_30_ggH125_ZZ4l", 0.006024, 1.0, 1.0, 28.3, 0.002, (_HIGGS,),
    ),
    Dataset(
        346228, "PowhegPy8EG_NNPDF30_AZNLOCTEQ6L1_VBFH125_ZZ4lep_notau", 3.7474, 0.000125, 1.0, 3.75, 0.01,
        (replace(_HIGGS, expected=2.5, pt_scale=30.0, jets=2.3),),
    ),
    Dataset(
        346310, "PowhegPythia8EvtGen_NNPDF30_AZNLO_ZH125J_Zincl_H_incl_MINLO",
        0.76102, 1.161468, 1.0, 0.76, 0.06,
        (
            replace(_HIGGS, expected=0.9, share=0.5, pt_scale=40.0, jets=1.8),
            replace(_VVV, expected=1.5, share=0.5, pt_scale=40.0),
        ),
    ),
    Dataset(
        346311, "PowhegPythia8EvtGen_NNPDF30_AZNLO_WpH125J_Wincl_H_incl_MINLO",
        0.86164, 0.974885, 1.0, 0.86, 0.04,
        (
            replace(_HIGGS, expected=0.5, share=0.6, pt_scale=40.0, jets=1.8),
            replace(_VVV, expected=2.0, share=0.4, z_decay="none", from_w=3),
        ),
    ),
    Dataset(
        346312, "PowhegPythia8EvtGen_NNPDF30_AZNLO_WmH125J_Wincl_H_incl_MINLO",
        0.53979, 0.987051, 1.0, 0.54, 0.04,
        (
            replace(_HIGGS, expected=0.32, share=0.6, pt_scale=40.0, jets=1.8),
            replace(_VVV, expected=1.2, share=0.4, z_decay="none", from_w=3),
        ),
    ),
    Dataset(
        346340, "PowhegPy8EG_A14NNPDF23_NNPDF30ME_ttH125_ZZ4l_allhad",
        0.23845, 0.000117, 1.0, 0.24, 0.03,
        (replace(_HIGGS, expected=0.15, pt_scale=50.0, jets=4.0, b_jets=1.7),),
    ),
    Dataset(
        346341, "PowhegPy8EG_A14NNPDF23_NNPDF30ME_ttH125_ZZ4l_semilep",
        0.52464, 0.00012, 0.43877, 0.53, 0.03,
        (replace(_HIGGS, expected=0.15, pt_scale=50.0, jets=2.4, b_jets=1.7),),
    ),
    Dataset(
        346342, "PowhegPy8EG_A14NNPDF23_NNPDF30ME_ttH125_ZZ4l_dilep",
        0.054674, 0.000127, 1.0, 0.055, 0.03,
        (replace(_HIGGS, expected=0.03, pt_scale=50.0, jets=1.0, b_jets=1.7),),
    ),
)  # fmt: skip


def scaled_datasets(total: float) -> tuple[Dataset, ...]:
    """Return the datasets with the non-prompt components scaled so that ``total`` events are expected.

    Only events of two non-prompt leptons are scaled: they make up most of the recorded events and
    almost none of those selected. Raises ValueError if the others alone are more than ``total``.
    """
    components = [component for dataset in DATASETS for component in dataset.components]
    fixed = sum(component.expected for component in components if not component.non_prompt)
    free = sum(component.expected for component in components if component.non_prompt)
    if total <= fixed:
        message = f"more than {fixed:.0f} events are needed in all, {total:.0f} were asked for"
        raise ValueError(message)
    factor = (total - fixed) / free
    return tuple(
        replace(
            dataset,
            components=tuple(
                replace(c, expected=c.expected * factor) if c.non_prompt else c for c in dataset.components
            ),
        )
        for dataset in DATASETS
    )
