"""How significant an excess is: counting experiments in a range of a histogram."""

from __future__ import annotations

import math
from dataclasses import dataclass

from femtobarn.base.errors import ResultsError, UnknownNameError
from femtobarn.base.records import AxisRecord, SignificanceRecord
from femtobarn.show.results_like import Results

_LARGEST = 1e60  # squares and products of what lies within still are numbers


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number, or None and the reason why there is none."""

    value: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SignificanceResult:
    """One counting experiment, in standard deviations.

    Parameters
    ----------
    name, histogram, selection
        which experiment, and where it is counted
    low, high
        limits of the range on the axis, in ``unit``
    luminosity
        fb^-1 to which simulation is scaled; None: unknown, then nothing is estimated
    signal, background
        expected events, with their statistical errors ``signal_error`` and ``background_error``
    observed
        events in data; None without data
    simple
        S / sqrt(B)
    with_uncertainty
        S / sqrt(B + f B^2), f = ``background_uncertainty``
    notebook_signal
        the published notebook's N_sig: the height of the stack, S + B
    notebook
        N_sig / sqrt(N_bg + f N_bg^2), as the published notebook computes it
    asimov, asimov_with_uncertainty
        median discovery significance without, and with, a background known to a fraction f
    complete
        whether all inputs that the analysis wants have been processed
    """

    name: str
    histogram: str
    selection: str
    low: float
    high: float
    unit: str
    luminosity: float | None
    signal: float
    signal_error: float
    background: float
    background_error: float
    observed: int | None
    background_uncertainty: float
    simple: Estimate
    with_uncertainty: Estimate
    notebook_signal: float
    notebook: Estimate
    asimov: Estimate
    asimov_with_uncertainty: Estimate
    complete: bool


def s_over_sqrt_b(s: float, b: float) -> Estimate:
    """Return S / sqrt(B), the leading term of `asimov` for S much smaller than B."""
    return s_over_sqrt_b_with_uncertainty(s, b, 0.0)


def s_over_sqrt_b_with_uncertainty(s: float, b: float, fraction: float = 0.3) -> Estimate:
    """Return S / sqrt(B + fraction B^2).

    Parameters
    ----------
    s, b
        expected events of signal and of background
    fraction
        coefficient of B^2; it stands there as it is, not squared, as in the published notebook

    Notes
    -----
    The last cell of the ATLAS Open Data notebook HZZAnalysis: N_sig / sqrt(N_bg + 0.3 N_bg^2).
    """
    reason = _refuse(s, b, fraction)
    if reason:
        return Estimate(None, reason)
    return Estimate(s / math.sqrt(b + fraction * b**2))


def asimov(s: float, b: float) -> Estimate:
    """Return the median discovery significance sqrt(2 ((s + b) ln(1 + s/b) - s)), b known exactly.

    Notes
    -----
    G. Cowan, K. Cranmer, E. Gross, O. Vitells, Eur. Phys. J. C 71 (2011) 1554, arXiv:1007.1727,
    equation 97.
    """
    reason = _refuse(s, b, 0.0)
    if reason:
        return Estimate(None, reason)
    ratio = s / b
    if ratio < 1e-4:  # the difference below would cancel; the series is exact to 1e-9 here
        return Estimate(math.sqrt(s * ratio * (1 - ratio / 3)))
    return Estimate(math.sqrt(2 * max(0.0, (s + b) * math.log1p(ratio) - s)))


def asimov_with_uncertainty(s: float, b: float, sigma_b: float) -> Estimate:
    """Return the median discovery significance if the background is known to ``sigma_b`` events.

    Notes
    -----
    Profile likelihood of an on/off measurement (T. Li and Y. Ma, Astrophys. J. 272 (1983) 317) at the
    Asimov data of arXiv:1007.1727; G. Cowan, "Discovery sensitivity for a counting experiment with
    background uncertainty" (2012), equation 20. It tends to `asimov` for ``sigma_b`` -> 0.
    """
    reason = _refuse(s, b, sigma_b)
    if reason:
        return Estimate(None, reason)
    variance = sigma_b**2
    if variance < 1e-6 * b:  # indistinguishable, and b^2 / variance would lose all digits
        return asimov(s, b)
    n = s + b
    # n (b + v) / (b^2 + n v) = 1 + s b / (b^2 + n v): log1p keeps its digits for a small signal
    first = n * math.log1p(s * b / (b**2 + n * variance))
    second = b**2 / variance * math.log1p(variance * s / (b * (b + variance)))
    return Estimate(math.sqrt(2 * max(0.0, first - second)))


def _refuse(s: float, b: float, uncertainty: float) -> str:
    """Say why no significance is defined; empty if it is."""
    if not all(abs(x) < _LARGEST for x in (s, b, uncertainty)):
        return f"a number is not finite, or beyond {_LARGEST:g}"
    if b < 0:
        return "the expected background is negative (negative weights outweigh the positive)"
    if b < 1 / _LARGEST:
        return "no background is expected in this range"
    if s < 0:
        return "the expected signal is negative (negative weights outweigh the positive)"
    if uncertainty < 0:
        return "the background uncertainty is negative"
    return ""


def significances(results: Results) -> tuple[SignificanceResult, ...]:
    """Return every counting experiment that the analysis declares."""
    return tuple(significance(results, record) for record in results.spec.significances)


def significance(results: Results, record: SignificanceRecord) -> SignificanceResult:
    """Count signal, background and data in bins ``record.first`` to ``record.last`` (both included).

    Simulation is scaled to the luminosity of the results: that of the processed data, else the
    analysis' own. A process of unknown normalisation leaves all estimates undefined, with that reason.

    Raises
    ------
    UnknownNameError
        if there is no such histogram
    ResultsError
        if the histogram is not one-dimensional or has no such bins
    """
    declared = {h.name: h for h in results.spec.histograms}
    if record.histogram not in declared:
        raise UnknownNameError("histogram", record.histogram, declared)
    axes = declared[record.histogram].axes
    if len(axes) != 1:
        msg = f"A significance counts in one dimension; {record.histogram!r} has {len(axes)} axes."
        raise ResultsError(msg)
    if not 0 <= record.first <= record.last < axes[0].bins:
        msg = (
            f"The significance {record.name!r} counts in bins {record.first} to {record.last}, but the bins "
            f"of {record.histogram!r} are 0 to {axes[0].bins - 1}. Give first <= last within them."
        )
        raise ResultsError(msg)

    luminosity = results.luminosity.value
    if luminosity is None and not _has_data(results):
        luminosity = results.luminosity.nominal
    sums = {"signal": (0.0, 0.0), "background": (0.0, 0.0)}
    observed: int | None = None
    missing = "" if luminosity is not None else "the luminosity of these data is not known"
    inputs = {row.process for row in results.info.inputs}
    for process in results.spec.inputs.processes:
        if process.name not in inputs:
            continue
        if process.role != "data" and luminosity is None:
            continue
        try:
            h = results.histogram(
                record.histogram, record.selection, process=process.name, luminosity=luminosity
            )
        except ResultsError:
            missing = f"the normalisation of {process.name!r} is not known"
            continue
        window = slice(record.first, record.last + 1)
        value = float(h.values()[window].sum())
        if process.role == "data":
            observed = (observed or 0) + round(value)
            continue
        variances = h.variances()
        variance = 0.0 if variances is None else float(variances[window].sum())
        before = sums[process.role]
        sums[process.role] = (before[0] + value, before[1] + variance)

    (s, s2), (b, b2) = sums["signal"], sums["background"]
    f = record.background_uncertainty
    undefined = Estimate(None, missing)
    return SignificanceResult(
        name=record.name,
        histogram=record.histogram,
        selection=record.selection,
        low=_edge(axes[0], record.first),
        high=_edge(axes[0], record.last + 1),
        unit=axes[0].unit,
        luminosity=luminosity,
        signal=s,
        signal_error=math.sqrt(s2),
        background=b,
        background_error=math.sqrt(b2),
        observed=observed,
        background_uncertainty=f,
        simple=undefined if missing else s_over_sqrt_b(s, b),
        with_uncertainty=undefined if missing else s_over_sqrt_b_with_uncertainty(s, b, f),
        notebook_signal=s + b,
        notebook=undefined if missing else s_over_sqrt_b_with_uncertainty(s + b, b, f),
        asimov=undefined if missing else asimov(s, b),
        asimov_with_uncertainty=undefined if missing else asimov_with_uncertainty(s, b, f * max(b, 0.0)),
        complete=results.info.complete,
    )


def _has_data(results: Results) -> bool:
    data = {p.name for p in results.spec.inputs.processes if p.role == "data"}
    return any(row.process in data and row.contributes for row in results.info.inputs)


def _edge(axis: AxisRecord, index: int) -> float:
    if axis.kind == "variable":
        return axis.edges[index]
    return axis.edges[0] + (axis.edges[-1] - axis.edges[0]) * index / axis.bins
