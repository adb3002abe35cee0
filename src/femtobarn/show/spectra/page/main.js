/* What the reader chooses, and the address of the page. */

const options = {
  groups: new Set(groups.keys()), variants: new Set(variants.keys()),
  logY: true, logX: false, rebin: 1, errors: false,
  area: index.unscaled && new Set(groups.map((g) => g.kind)).size > 1, /* else one of them is out of sight */
};
let look = 0; /* changes whenever previews must be drawn anew */

const search = document.getElementById("search");
const display = document.getElementById("display");
const field = (id) => document.getElementById(id);

let named = -1; /* the group that the address names */

function address(i) {
  const own = index.sets[setOf[i]].map(groupOf);
  const shown = own.find((group) => options.groups.has(group));
  const group = own.includes(named) ? named : shown === undefined ? own[0] : shown;
  return `${encodeURIComponent(groups[group].name)}/${nameOf(i)}`;
}

/* The part of the address that tells what is looked for. */
function resting() {
  const words = search.value.trim();
  return words ? `#search=${encodeURIComponent(words)}` : "";
}

function wanted() {
  return {
    text: search.value,
    sort: field("sort").value,
    quantity: field("quantity").value,
    combination: field("combination").value,
    total: Number(field("total").value),
    inState: Number(field("in-state").value),
    groups: options.groups,
    variants: options.variants,
  };
}

function update() {
  const found = chosen(wanted());
  list(found);
  const states_ = new Set();
  const sums = new Float64Array(groups.length);
  for (const i of found) {
    states_.add(stateOf[i]);
    for (const g of options.groups) sums[g] += entriesOf[g][i];
  }
  const entries = [...options.groups].map((g) => `${groups[g].name} ${sums[g].toLocaleString("en")}`).join(", ");
  text("found", `${found.length.toLocaleString("en")} of ${count.toLocaleString("en")} spectra`);
  text("found-more", found.length ? `in ${states_.size.toLocaleString("en")} final states; entries: ${entries}` : "");
  field("none").hidden = found.length > 0;
}

function lookAgain() {
  look += 1;
  marked = null;
  soon();
  redraw();
}

/* A box for each group and each variant; what is not ticked is neither drawn nor listed. */
function makeBoxes(parent, things, chosenNow, sign) {
  for (const [number, thing] of things) {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = true;
    box.addEventListener("change", () => {
      if (box.checked) chosenNow.add(number);
      else chosenNow.delete(number);
      look += 1;
      update();
      redraw();
    });
    label.append(box, ...sign(number), thing);
    parent.append(label);
  }
  parent.hidden = things.length < 2;
}

function choice(select, values) {
  for (const [value, words] of values) {
    const option = document.createElement("option");
    option.value = value;
    option.textContent = words;
    select.append(option);
  }
  select.parentElement.hidden = values.length < 2;
}

function fillControls() {
  makeBoxes(field("groups"), groups.map((g, i) => [i, g.name]), options.groups, (g) => [swatch(g, -1)]);
  makeBoxes(field("variants"), index.shown.map((v) => [variants.indexOf(v), v]), options.variants, () => []);
  const quantities = [...new Set(combinations.map((c) => c.quantity))];
  choice(field("quantity"), quantities.map((q) => [q, index.quantities[q]]));
  choice(field("combination"), combinations.map((c) => [c.name, c.name]));
  const different = (numbers_) => [...new Set(numbers_)].sort((a, b) => a - b).map((n) => [n, n]);
  choice(field("total"), different(combinations.map((c) => c.objects.size)));
  choice(field("in-state"), different(states.map((s) => s.reduce((a, b) => a + b, 0))));
  for (const id of ["sort", "quantity", "combination", "total", "in-state"]) field(id).addEventListener("change", update);
  for (const [id, name] of [["log-y", "logY"], ["log-x", "logX"], ["area", "area"]]) {
    field(id).checked = options[name]; /* browsers keep what was ticked before */
    field(id).addEventListener("change", (event) => {
      options[name] = event.target.checked;
      lookAgain();
    });
  }
  field("area").parentElement.hidden = groups.length < 2;
  field("rebin").addEventListener("change", (event) => {
    options.rebin = Number(event.target.value);
    lookAgain();
  });
  search.addEventListener("input", () => {
    history.replaceState(null, "", resting() || location.pathname + location.search);
    update();
  });
  field("clear").addEventListener("click", () => {
    search.value = "";
    for (const id of ["quantity", "combination", "total", "in-state"]) field(id).value = "";
    for (const box of document.querySelectorAll("#groups input, #variants input")) if (!box.checked) box.click();
    history.replaceState(null, "", location.pathname + location.search);
    update();
    search.focus();
  });
}

/* Follow the address: a search, or a spectrum that is shown at once. */
function follow() {
  const raw = location.hash.slice(1);
  const parts = decoded(raw);
  text("problem", "");
  if (raw.startsWith("search=")) {
    search.value = parts.slice(7);
    update();
  }
  const cut = raw.startsWith("search=") ? -1 : parts.lastIndexOf("/");
  if (cut < 0) {
    if (dialog.open) dialog.close();
    return;
  }
  const i = find(parts.slice(cut + 1));
  const group = groups.findIndex((g) => g.name === parts.slice(0, cut));
  if (i === undefined || group < 0) {
    text("problem", `There is no spectrum ${parts}.`);
    if (dialog.open) dialog.close();
    return;
  }
  named = group;
  const box = document.querySelectorAll("#groups input")[group];
  if (!box.checked) box.click();
  if (i !== openNumber) show(i);
}

function decoded(words) {
  try {
    return decodeURIComponent(words);
  } catch {
    return words;
  }
}

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !dialog.open && !event.target.matches("input, select")) {
    event.preventDefault();
    search.focus();
  }
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  palette = null;
  lookAgain();
});
new ResizeObserver(() => redraw()).observe(large);

if (typeof DecompressionStream === "undefined") {
  text("problem", "This browser is too old for this page: it cannot inflate data. The spectra are in the ROOT files beside it.");
} else {
  fillControls();
  update();
  follow();
  addEventListener("hashchange", follow);
  addEventListener("popstate", follow);
}
