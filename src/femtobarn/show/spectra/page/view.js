/* One spectrum, large: what is under the pointer, its neighbours in the list, its bins as a file. */

const dialog = document.getElementById("view");
const large = document.getElementById("large");
const cursor = document.getElementById("cursor");
const readout = document.getElementById("readout");

let openPosition = -1; /* in the list; -1 if it is not in it */
let openNumber = -1;
let at = null; /* the frame of what is drawn */
let zoom = null;
let marked = null; /* the bin of the cursor */
let dragFrom = null;

function openAt(position) {
  open(listed[position]);
}

/* Show a spectrum; the address of the page names it. */
function open(i) {
  const wanted = `#${address(i)}`;
  if (location.hash !== wanted) {
    if (dialog.open) history.replaceState(null, "", wanted);
    else history.pushState(null, "", wanted);
  }
  show(i);
}

function show(i) {
  openNumber = i;
  openPosition = listed.indexOf(i);
  zoom = null;
  marked = null;
  const combination = combinations[combinationOf[i]];
  text("view-title", combination.name);
  text("view-state", stateWords(i));
  text("view-words", combination.words);
  text("view-name", nameOf(i));
  text("view-place", openPosition < 0 ? "not in the list" : `${(openPosition + 1).toLocaleString("en")} of ${listed.length.toLocaleString("en")}`);
  document.getElementById("previous").disabled = openPosition <= 0;
  document.getElementById("next").disabled = openPosition < 0 || openPosition >= listed.length - 1;
  if (!dialog.open) {
    document.getElementById("display-view").append(display); /* the page behind cannot be used meanwhile */
    dialog.showModal();
  }
  redraw();
}

function stateWords(i) {
  const words = states[stateOf[i]].map((n, k) => (n ? `${n} ${index.kinds[k][n === 1 ? 0 : 1]}` : "")).filter(Boolean);
  return `in events with ${words.join(", ") || "nothing"}`;
}

function text(id, words) {
  document.getElementById(id).textContent = words;
}

/* Draw the open spectrum anew. */
async function redraw() {
  if (openNumber < 0) return;
  const i = openNumber;
  const layers = await load(i);
  if (i !== openNumber) return;
  at = drawLarge(large, i, layers, options, zoom);
  large.dataset.drawn = nameOf(i);
  document.getElementById("whole").hidden = zoom === null;
  tell(layers);
  mark(marked);
  if (document.getElementById("bins").open) tabulate();
}

const whole = (n) => n.toLocaleString("en");
const edge = (bin, layer) => Number((bin * layer.width).toPrecision(12)).toLocaleString("en");

/* A content with its error, both to the error's second digit. */
function amount(value, variance, kind) {
  if (kind === "data") return whole(value);
  const error = Math.sqrt(Math.max(variance, 0));
  if (!(error > 0)) return Number(value.toPrecision(6)).toLocaleString("en", { maximumFractionDigits: 6 });
  const digits = Math.min(Math.max(1 - Math.floor(Math.log10(error)), 0), 12);
  const told = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return `${value.toLocaleString("en", told)} ± ${error.toLocaleString("en", told)}`;
}

/* The numbers of each layer, under the plot. */
function tell(layers) {
  const rows = layers
    .filter((layer) => options.groups.has(layer.group) && options.variants.has(layer.variant))
    .map((layer) => {
      const kind = groups[layer.group].kind;
      const sum = (column) => column.reduce((a, b) => a + b, 0);
      const n = layer.bins.length;
      const all = sum(layer.entries) + layer.below.entries + layer.above.entries;
      const cells = [
        layerName(layer), whole(all), amount(sum(layer.values), sum(layer.variances), kind),
        n ? `${edge(layer.bins[0], layer)} – ${edge(layer.bins[n - 1] + 1, layer)}` : "–",
        whole(layer.below.entries), whole(layer.above.entries),
      ];
      const row = document.createElement("tr");
      cells.forEach((words, k) => {
        const cell = document.createElement(k ? "td" : "th");
        if (!k) {
          cell.scope = "row";
          cell.append(swatch(layer.group, layer.variant));
        }
        cell.append(words);
        row.append(cell);
      });
      return row;
    });
  document.getElementById("numbers").replaceChildren(...rows);
}

function layerName(layer) {
  return index.shown.length > 1 ? `${groups[layer.group].name}, ${variants[layer.variant]}` : groups[layer.group].name;
}

function swatch(group, variant) {
  const sign = document.createElement("i");
  const full = variant === 0 && index.shown.length > 1; /* beside what was made of it */
  const shape = groups[group].kind === "data" ? "point" : full ? "line" : "area";
  sign.className = `swatch ${shape} ${full ? "open" : ""} ${variants[variant] || ""} group-${colourOf(group)}`;
  sign.setAttribute("aria-hidden", "true");
  return sign;
}

/* Put the cursor on a bin and say what is in it; null takes it away. */
function mark(bin) {
  marked = bin;
  const { context, width, height } = prepared(cursor);
  if (bin === null || at === null) {
    readout.textContent = "Point at a bin, or press Shift with the arrow keys, to read it.";
    return;
  }
  const step = at.shown[0].width;
  const left = at.x(Math.max(bin * step, at.range.left));
  const right = at.x((bin + 1) * step);
  if (right < at.box.left || left > at.box.right) return;
  context.fillStyle = colours().ink;
  context.globalAlpha = 0.1;
  context.fillRect(left, at.box.top, Math.max(right - left, 1), height - 50 - at.box.top);
  context.globalAlpha = 1;
  for (const layer of at.shown) {
    const k = place(layer, bin);
    if (k < 0) continue;
    context.fillStyle = colours().groups[layer.group];
    context.beginPath();
    context.arc(Math.min((left + right) / 2, width), at.y(layer.values[k] * layer.factor), 3.5, 0, 7);
    context.fill();
  }
  const parts = at.shown.map((layer) => {
    const k = place(layer, bin);
    const kind = groups[layer.group].kind;
    return `${layerName(layer)}: ${k < 0 ? "0" : amount(layer.values[k], layer.variances[k], kind)}`;
  });
  readout.textContent = `${edge(bin, at.shown[0])} – ${edge(bin + 1, at.shown[0])} GeV   ${parts.join("   ")}`;
}

function binAt(event) {
  const x = event.clientX - large.getBoundingClientRect().left;
  if (at === null || x < at.box.left || x > at.box.right) return null;
  return Math.floor(at.gev(x) / at.shown[0].width);
}

cursor.addEventListener("pointermove", (event) => {
  readout.setAttribute("aria-live", "off");
  const bin = binAt(event);
  mark(bin);
  if (dragFrom !== null && at !== null) {
    const { context } = prepared(cursor);
    const x = event.clientX - large.getBoundingClientRect().left;
    context.fillStyle = colours().edge;
    context.globalAlpha = 0.2;
    context.fillRect(Math.min(x, dragFrom), at.box.top, Math.abs(x - dragFrom), at.box.bottom - at.box.top);
  }
});
cursor.addEventListener("pointerleave", () => mark(null));
cursor.addEventListener("pointerdown", (event) => {
  if (binAt(event) === null) return;
  dragFrom = event.clientX - large.getBoundingClientRect().left;
  cursor.setPointerCapture(event.pointerId);
});
cursor.addEventListener("pointerup", (event) => {
  const x = event.clientX - large.getBoundingClientRect().left;
  if (dragFrom !== null && at !== null && Math.abs(x - dragFrom) > 8) {
    const clamp = (value) => Math.min(Math.max(value, at.box.left), at.box.right);
    const [low, high] = [clamp(Math.min(x, dragFrom)), clamp(Math.max(x, dragFrom))].map(at.gev);
    if (high - low >= at.shown[0].width) zoom = [low, high];
  }
  dragFrom = null;
  redraw();
});
document.getElementById("whole").addEventListener("click", () => {
  zoom = null;
  redraw();
});

/* The bins of what is shown, as a table. */
function tabulate() {
  const head = document.getElementById("bins-head");
  const body = document.getElementById("bins-body");
  const shown = at === null ? [] : at.shown;
  const cell = (words, kind) => {
    const element = document.createElement(kind);
    element.textContent = words;
    return element;
  };
  const title = document.createElement("tr");
  title.append(cell("GeV", "th"), ...shown.map((layer) => cell(layerName(layer), "th")));
  head.replaceChildren(title);
  const bins = [...new Set(shown.flatMap((layer) => [...layer.bins]))].sort((a, b) => a - b);
  body.replaceChildren(...bins.map((bin) => {
    const row = document.createElement("tr");
    row.append(cell(`${edge(bin, shown[0])} – ${edge(bin + 1, shown[0])}`, "th"));
    for (const layer of shown) {
      const k = place(layer, bin);
      row.append(cell(k < 0 ? "0" : amount(layer.values[k], layer.variances[k], groups[layer.group].kind), "td"));
    }
    return row;
  }));
}
document.getElementById("bins").addEventListener("toggle", (event) => {
  if (event.target.open) tabulate();
});

/* All layers of a spectrum as lines of comma-separated values. */
function csv(layers) {
  const lines = ["group,variant,low,high,entries,content,variance"];
  /* what begins like a formula would be one to a spreadsheet */
  const quoted = (words) => `"${(/^[=+\-@\t\r]/.test(words) ? `'${words}` : words).replaceAll('"', '""')}"`;
  for (const layer of layers) {
    const name = [quoted(groups[layer.group].name), variants[layer.variant]];
    const number = (bin) => Number((bin * layer.width).toPrecision(12));
    const add = (low, high, ...rest) => lines.push([...name, low, high, ...rest].join(","));
    if (layer.below.entries) add("-inf", 0, layer.below.entries, layer.below.value, layer.below.variance);
    layer.bins.forEach((bin, k) => add(number(bin), number(bin + 1), layer.entries[k], layer.values[k], layer.variances[k]));
    if (layer.above.entries) add(index.maximum, "inf", layer.above.entries, layer.above.value, layer.above.variance);
  }
  return `${lines.join("\n")}\n`;
}

document.getElementById("download").addEventListener("click", async () => {
  const layers = await load(openNumber);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv(layers)], { type: "text/csv" }));
  link.download = `${nameOf(openNumber)}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
});

function step(by) {
  const position = openPosition + by;
  if (openPosition < 0 || position < 0 || position >= listed.length) return;
  focusLater = position;
  openAt(position);
}
let focusLater = -1;

document.getElementById("previous").addEventListener("click", () => step(-1));
document.getElementById("next").addEventListener("click", () => step(1));
document.getElementById("close").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => {
  openNumber = -1;
  named = -1;
  at = null;
  mark(null);
  document.getElementById("display-place").append(display);
  if (location.hash !== resting()) history.pushState(null, "", resting() || location.pathname + location.search);
  soon();
  if (focusLater >= 0) focusAt(focusLater);
  focusLater = -1;
});
dialog.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches("select, input[type=text]")) return;
  const steps_ = { ArrowLeft: -1, ArrowRight: 1 };
  if (event.key in steps_) {
    event.preventDefault();
    if (event.shiftKey) moveMark(steps_[event.key]);
    else step(steps_[event.key]);
  } else if (event.key === "l" || event.key === "x") {
    document.getElementById(event.key === "l" ? "log-y" : "log-x").click();
  } else if (event.key === "r") {
    const rebin = document.getElementById("rebin");
    rebin.selectedIndex = (rebin.selectedIndex + 1) % rebin.options.length;
    rebin.dispatchEvent(new Event("change", { bubbles: true }));
  }
});

function moveMark(by) {
  if (at === null) return;
  readout.setAttribute("aria-live", "polite");
  const bins = at.shown.flatMap((layer) => (layer.bins.length ? [layer.bins[0], layer.bins[layer.bins.length - 1]] : []));
  const wanted = marked === null ? Math.min(...bins) : marked + by;
  mark(Math.min(Math.max(wanted, Math.min(...bins)), Math.max(...bins)));
}
