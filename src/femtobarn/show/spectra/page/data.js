/* What the page holds: an index of all spectra, and blocks of bins that are inflated when they are looked at. */

const index = JSON.parse(document.getElementById("index").textContent);
const groups = index.groups;
const variants = index.variants;
const combinations = index.combinations;
const states = index.states;
const stateOf = Uint32Array.from(index.columns.state);
const combinationOf = Uint32Array.from(index.columns.combination);
const setOf = Uint32Array.from(index.columns.set);
const entriesOf = index.columns.entries.map((column) => Float64Array.from(column));
const endOf = index.columns.end.map((column) => Float64Array.from(column));
const count = stateOf.length;
const LETTERS = index.letters;

const groupOf = (layer) => Math.floor(layer / variants.length);
const variantOf = (layer) => layer % variants.length;

/* The name of a spectrum, as it is in the files. */
function nameOf(i) {
  const counts = states[stateOf[i]].map((n, k) => `${n}${LETTERS[k]}x`).join("_");
  return `ROI_mass_${combinations[combinationOf[i]].name}_cat_${counts}_width_${index.width}`;
}

/* The final state without what it has none of: "2e 1j". */
function shortState(i) {
  const words = states[stateOf[i]].map((n, k) => (n ? `${n}${LETTERS[k]}` : "")).filter(Boolean);
  return words.join(" ") || "nothing";
}

let numbers = null;

/* The number of the spectrum with a name; undefined if there is none. */
function find(name) {
  if (numbers === null) {
    numbers = new Map();
    for (let i = 0; i < count; i += 1) numbers.set(nameOf(i), i);
  }
  return numbers.get(name);
}

const MOST_BLOCKS = 96;
const blocks = new Map(); /* the most recently used is the last */

const parsed = new Promise((resolve) => {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", resolve);
  else resolve();
});

/* The layers of a spectrum, as a promise. */
async function load(i) {
  const number = Math.floor(i / index.block);
  let found = blocks.get(number);
  if (found === undefined) found = inflate(number);
  blocks.delete(number);
  blocks.set(number, found);
  if (blocks.size > MOST_BLOCKS) blocks.delete(blocks.keys().next().value);
  return (await found)[i % index.block];
}

async function inflate(number) {
  let element = document.getElementById(`block-${number}`);
  if (element === null) {
    await parsed;
    element = document.getElementById(`block-${number}`);
  }
  const bytes = Uint8Array.from(atob(element.textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return unpack(await new Response(stream).arrayBuffer());
}

function unpack(buffer) {
  const view = new DataView(buffer);
  const stop = 4 + view.getUint32(0, true);
  let at = 4;
  let real = stop;
  const whole = () => {
    let value = 0;
    let weight = 1;
    for (;;) {
      const byte = view.getUint8(at);
      at += 1;
      value += (byte & 127) * weight;
      if (byte < 128) return value;
      weight *= 128;
    }
  };
  const float = () => {
    const value = view.getFloat32(real, true);
    real += 4;
    return value;
  };
  const found = [];
  while (at < stop) {
    const layers = [];
    for (let left = whole(); left > 0; left -= 1) layers.push(unpackLayer(whole, float));
    found.push(layers);
  }
  return found;
}

function unpackLayer(whole, float) {
  const number = whole();
  const width = index.widths[whole()];
  const outside = [whole(), whole()].map((entries) => ({ entries, value: entries, variance: entries }));
  const bins = new Int32Array(whole());
  let last = 0;
  for (let i = 0; i < bins.length; i += 1) {
    last += whole();
    bins[i] = last;
  }
  const entries = Float64Array.from(bins, whole);
  let values = entries;
  let variances = entries;
  if (groups[groupOf(number)].kind === "mc") {
    for (const one of outside) {
      one.value = float();
      one.variance = float();
    }
    values = Float64Array.from(bins, float);
    variances = Float64Array.from(bins, float);
  }
  const [below, above] = outside;
  return { number, group: groupOf(number), variant: variantOf(number), width, bins, entries, values, variances, below, above };
}

/* A layer in bins that are `by` times as wide. */
function rebinned(layer, by) {
  if (by === 1) return layer;
  const bins = [];
  const sums = { entries: [], values: [], variances: [] };
  for (let i = 0; i < layer.bins.length; i += 1) {
    const bin = Math.floor(layer.bins[i] / by);
    if (bins[bins.length - 1] !== bin) {
      bins.push(bin);
      for (const column of Object.values(sums)) column.push(0);
    }
    for (const [name, column] of Object.entries(sums)) column[bins.length - 1] += layer[name][i];
  }
  return { ...layer, width: layer.width * by, bins, ...sums };
}

/* The place of a bin in a layer; -1 if it is empty. */
function place(layer, bin) {
  let low = 0;
  let high = layer.bins.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (layer.bins[middle] === bin) return middle;
    if (layer.bins[middle] < bin) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
