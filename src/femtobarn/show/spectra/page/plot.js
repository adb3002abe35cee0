/* Spectra on a canvas: small without axes, or large with axes, errors and windows' names. */

let palette = null;

/* The colours of the page, which follow the reader's. */
function colours() {
  if (palette === null) {
    const style = getComputedStyle(document.documentElement);
    const get = (name) => style.getPropertyValue(name).trim();
    palette = {
      ink: get("--ink"), soft: get("--soft"), line: get("--line"), paper: get("--plot"), window: get("--window"),
      edge: get("--window-edge"), groups: groups.map((_, i) => get(`--group-${colourOf(i)}`)),
    };
  }
  return palette;
}

function colourOf(group) {
  return groups[group].kind === "data" ? "data" : index.groups.slice(0, group).filter((g) => g.kind === "mc").length % 7;
}

/* What of the layers of a spectrum is drawn, in the wanted bins, simulation scaled if that is wanted. */
function shownLayers(layers, options) {
  const found = layers
    .filter((layer) => options.groups.has(layer.group) && options.variants.has(layer.variant))
    .map((layer) => ({ ...rebinned(layer, options.rebin), factor: 1 }));
  if (!options.area) return found;
  const sum = (layer) => layer.values.reduce((a, b) => a + b, 0);
  const whole = new Map();
  for (const layer of layers) {
    if (options.groups.has(layer.group) && !whole.has(layer.group)) whole.set(layer.group, sum(layer));
  }
  const [first] = whole.values();
  for (const layer of found) {
    const own = whole.get(layer.group);
    if (first > 0 && own > 0) layer.factor = first / own;
  }
  return found;
}

/* The limits of both axes. */
function limits(layers, options, range) {
  let low = Infinity;
  let high = 0;
  let top = 0;
  let bottom = 0;
  let smallest = Infinity;
  for (const layer of layers) {
    const n = layer.bins.length;
    if (n === 0) continue;
    low = Math.min(low, layer.bins[0] * layer.width);
    high = Math.max(high, (layer.bins[n - 1] + 1) * layer.width);
    for (let i = 0; i < n; i += 1) {
      if (range && ((layer.bins[i] + 1) * layer.width <= range[0] || layer.bins[i] * layer.width >= range[1])) continue;
      const value = layer.values[i] * layer.factor;
      const error = options.errors ? Math.sqrt(layer.variances[i]) * layer.factor : 0;
      top = Math.max(top, value + error);
      bottom = Math.min(bottom, value);
      if (value > 0) smallest = Math.min(smallest, value);
    }
  }
  if (!Number.isFinite(low)) return null;
  const width = layers[0].width;
  let [left, right] = range || [low, high];
  if (options.logX) left = Math.max(left, width / 2);
  if (right <= left) right = left + width;
  if (!(top > 0)) top = 1;
  if (options.logY) {
    const floor = Number.isFinite(smallest) ? smallest * 0.5 : 0.5;
    return { left, right, bottom: floor, top: Math.max(top, floor * 2) * (options.errors ? 3 : 1.6) };
  }
  return { left, right, bottom: bottom * 1.1, top: top * (options.errors ? 1.18 : 1.08) };
}

/* From GeV and entries to pixels of a box, and back. */
function frame(box, range, options) {
  const scale = (value, low, high, log) =>
    log ? Math.log(Math.max(value, low * 1e-9) / low) / Math.log(high / low) : (value - low) / (high - low);
  return {
    box,
    range,
    x: (gev) => box.left + (box.right - box.left) * scale(gev, range.left, range.right, options.logX),
    y: (n) => {
      const share = options.logY && n <= range.bottom ? 0 : scale(n, range.bottom, range.top, options.logY);
      return box.bottom - (box.bottom - box.top) * Math.min(Math.max(share, 0), 1);
    },
    gev: (x) => {
      const share = (x - box.left) / (box.right - box.left);
      return options.logX ? range.left * (range.right / range.left) ** share : range.left + (range.right - range.left) * share;
    },
  };
}

/* A canvas as large as it is seen, in the pixels of the screen. */
function prepared(canvas) {
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/* A spectrum without axes, for the list. */
function drawSmall(canvas, i, layers, options) {
  const { context, width, height } = prepared(canvas);
  const shown = shownLayers(layers, options);
  const range = limits(shown, options, null);
  if (range === null) return;
  const at = frame({ left: 1, right: width - 1, top: 5, bottom: height - 1 }, range, options);
  drawWindows(context, at, i, false);
  drawLayers(context, at, shown, options);
}

/* A spectrum with axes; returns the frame, or null if there is nothing to draw. */
function drawLarge(canvas, i, layers, options, zoom) {
  const { context, width, height } = prepared(canvas);
  const drawn = { ...options, errors: true };
  const shown = shownLayers(layers, drawn);
  const range = limits(shown, drawn, zoom);
  if (range === null) return null;
  const at = frame({ left: 74, right: width - 18, top: 26, bottom: height - 50 }, range, drawn);
  drawWindows(context, at, i, true);
  drawAxes(context, at, drawn, shown, i);
  context.save();
  context.beginPath();
  context.rect(at.box.left, at.box.top - 1, at.box.right - at.box.left, at.box.bottom - at.box.top + 2);
  context.clip();
  drawLayers(context, at, shown, drawn);
  context.restore();
  return { ...at, shown };
}

/* Simulation as filled steps, data as points where they can be told apart; what was made of a spectrum stands out
   against the full one. */
function drawLayers(context, at, shown, options) {
  const made = shown.some((layer) => layer.variant > 0);
  const simulated = new Set(shown.map((layer) => layer.group).filter((group) => groups[group].kind === "mc")).size;
  const inOrder = [...shown].sort((a, b) => isData(a) - isData(b)); /* data on top */
  for (const layer of inOrder) {
    const colour = colours().groups[layer.group];
    const points = options.errors && isData(layer) && barWidth(at, layer) >= 5;
    const path = steps(at, layer);
    if ((layer.variant > 0 || !made) && !(isData(layer) && simulated)) {
      context.globalAlpha = (layer.variant > 0 ? 0.32 : 0.18) / Math.max(simulated, 1);
      context.fillStyle = colour;
      context.fill(path);
      context.globalAlpha = 1;
    }
    context.strokeStyle = colour;
    context.lineWidth = made && layer.variant === 0 ? 1 : 1.4;
    context.setLineDash(variants[layer.variant] === "outliers" ? [4, 3] : layer.variant === 0 && made ? [2, 2] : []);
    if (!points) context.stroke(path);
    context.setLineDash([]);
    if (options.logY) markNegative(context, at, layer, colour);
    if (options.errors) drawErrors(context, at, layer, colour);
    if (points) drawPoints(context, at, layer, colour, made && layer.variant === 0);
  }
}

/* A logarithmic axis has no place for bins below 0 but its foot: a wedge in the colour of the group. */
function markNegative(context, at, layer, colour) {
  const half = at.box.bottom - at.box.top > 200 ? 4 : 2.5;
  context.fillStyle = colour;
  context.beginPath();
  for (let i = 0; i < layer.bins.length; i += 1) {
    const middle = (layer.bins[i] + 0.5) * layer.width;
    if (layer.values[i] >= 0 || middle < at.range.left || middle > at.range.right) continue;
    const x = at.x(middle);
    context.moveTo(x - half, at.box.bottom - 2 * half);
    context.lineTo(x + half, at.box.bottom - 2 * half);
    context.lineTo(x, at.box.bottom);
  }
  context.fill();
}

const isData = (layer) => groups[layer.group].kind === "data";

/* Pixels of a bin in the middle of what is seen. */
function barWidth(at, layer) {
  const middle = at.gev((at.box.left + at.box.right) / 2);
  return at.x(middle + layer.width) - at.x(middle);
}

function drawPoints(context, at, layer, colour, open) {
  context.lineWidth = 1.2;
  for (let i = 0; i < layer.bins.length; i += 1) {
    const low = at.x(Math.max(layer.bins[i] * layer.width, at.range.left));
    const high = at.x((layer.bins[i] + 1) * layer.width);
    context.beginPath();
    context.arc((low + high) / 2, at.y(layer.values[i] * layer.factor), open ? 3.2 : 2.8, 0, 2 * Math.PI);
    context.fillStyle = open ? colours().paper : colour;
    context.fill();
    if (open) context.stroke();
  }
}

function steps(at, layer) {
  const path = new Path2D();
  const base = at.y(Math.max(0, at.range.bottom));
  let end = NaN;
  for (let i = 0; i < layer.bins.length; i += 1) {
    const low = layer.bins[i] * layer.width;
    const x = at.x(Math.max(low, at.range.left));
    const height = at.y(layer.values[i] * layer.factor);
    if (layer.bins[i] !== end) {
      if (i > 0) path.lineTo(at.x(end * layer.width), base);
      path.moveTo(x, base);
    }
    path.lineTo(x, height);
    end = layer.bins[i] + 1;
    path.lineTo(at.x(end * layer.width), height);
  }
  if (layer.bins.length) path.lineTo(at.x(end * layer.width), base);
  return path;
}

function drawErrors(context, at, layer, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.beginPath();
  for (let i = 0; i < layer.bins.length; i += 1) {
    const low = at.x(Math.max(layer.bins[i] * layer.width, at.range.left));
    const high = at.x((layer.bins[i] + 1) * layer.width);
    if (high - low < 3) continue; /* errors of many narrow bins hide what they are of */
    const value = layer.values[i] * layer.factor;
    const error = Math.sqrt(Math.max(layer.variances[i], 0)) * layer.factor;
    const x = (low + high) / 2;
    context.moveTo(x, at.y(value - error));
    context.lineTo(x, at.y(value + error));
  }
  context.globalAlpha = 0.75;
  context.stroke();
  context.globalAlpha = 1;
}

function drawWindows(context, at, i, named) {
  const { box, range } = at;
  let free = -Infinity;
  for (const known of knownOf(combinationOf[i])) {
    if (known.high <= range.left || known.low >= range.right) continue;
    const left = at.x(Math.max(known.low, range.left));
    const right = at.x(Math.min(known.high, range.right));
    context.fillStyle = colours().window;
    context.fillRect(left, box.top, Math.max(right - left, 1), box.bottom - box.top);
    if (!named) continue;
    context.fillStyle = colours().edge;
    context.font = "12px system-ui, sans-serif";
    context.textAlign = "center";
    const half = context.measureText(known.name).width / 2;
    const x = Math.min(Math.max((left + right) / 2, box.left + half), box.right - half);
    if (x - half < free) continue;
    context.fillText(known.name, x, box.top - 7);
    free = x + half + 6;
  }
}

/* The known resonances of a combination, ascending; those that overlap are one. */
function knownOf(combination) {
  const found = combinations[combination].windows.map((number) => index.windows[number]).sort((a, b) => a.low - b.low);
  const merged = [];
  for (const { name, low, high } of found) {
    const last = merged[merged.length - 1];
    if (last && low < last.high) {
      last.high = Math.max(last.high, high);
      last.names.push(name);
    } else merged.push({ low, high, names: [name] });
  }
  for (const one of merged) {
    const [first, second] = one.names;
    one.name = one.names.length > 2 ? `${first} and ${one.names.length - 1} more` : second ? `${first}, ${second}` : first;
  }
  return merged;
}

function drawAxes(context, at, options, shown, i) {
  const { box, range } = at;
  context.font = "12px system-ui, sans-serif";
  context.lineWidth = 1;
  context.strokeStyle = colours().line;
  context.fillStyle = colours().soft;
  context.textAlign = "right";
  for (const { value, label } of ticks(range.bottom, range.top, options.logY, 6)) {
    const y = Math.round(at.y(value)) + 0.5;
    if (label) {
      line(context, box.left, y, box.right, y);
      context.fillText(label, box.left - 8, y + 4);
    } else line(context, box.left, y, box.left + 4, y);
  }
  context.textAlign = "center";
  context.strokeStyle = colours().soft;
  let free = -Infinity;
  for (const { value, label } of ticks(range.left, range.right, options.logX, Math.max(3, Math.floor((box.right - box.left) / 90)), true)) {
    const x = Math.round(at.x(value)) + 0.5;
    line(context, x, box.bottom, x, box.bottom + (label ? 6 : 3));
    const half = context.measureText(label).width / 2;
    if (label && x - half > free) {
      context.fillText(label, x, box.bottom + 19);
      free = x + half + 6;
    }
  }
  line(context, box.left, box.bottom + 0.5, box.right, box.bottom + 0.5);
  line(context, box.left - 0.5, box.top, box.left - 0.5, box.bottom);
  context.fillStyle = colours().ink;
  context.font = "13px system-ui, sans-serif";
  context.textAlign = "right";
  context.fillText(combinations[combinationOf[i]].quantity === "met" ? "transverse mass [GeV]" : "mass [GeV]", box.right, box.bottom + 40);
  context.save();
  context.translate(15, box.top);
  context.rotate(-Math.PI / 2);
  context.fillText(`${contentOf(shown)} / ${shown[0].width} GeV${options.area && shown.some((l) => l.factor !== 1) ? ", areas made equal" : ""}`, 0, 0);
  context.restore();
}

/* What bins hold: data count, simulation weighs. */
function contentOf(shown) {
  const kinds = ["data", "mc"].filter((kind) => shown.some((layer) => groups[layer.group].kind === kind));
  return kinds.map((kind) => (kind === "mc" ? "sum of weights" : "entries")).join(", ");
}

function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

/* Round numbers between two limits; those without a label are marks between. */
function ticks(low, high, log, most, dense) {
  const found = [];
  if (!log) {
    const rough = (high - low) / most;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * (1 - 1e-9));
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-12); i += 1) found.push({ value: i * step, label: short(i * step) });
    return found;
  }
  const decades = Math.log10(high / low);
  const stride = Math.max(1, Math.ceil(decades / (most + 2)));
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    for (let m = 1; m < 10; m += 1) {
      const value = m * 10 ** power;
      if (value < low || value > high) continue;
      const told = m === 1 ? power % stride === 0 : dense ? decades < 2.5 && [2, 5].includes(m) : decades < 1 && [2, 5].includes(m);
      found.push({ value, label: told ? short(value) : "" });
    }
  }
  return found;
}

/* A number at an axis. */
function short(value) {
  const size = Math.abs(value);
  if (size >= 1e4) {
    const [scale, prefix] = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]].find(([s]) => size >= s);
    return `${Number((value / scale).toPrecision(6))} ${prefix}`;
  }
  if (size !== 0 && size < 1e-3) return value.toExponential(0);
  return String(Number(value.toPrecision(6)));
}
