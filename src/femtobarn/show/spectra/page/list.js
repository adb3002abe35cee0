/* The list of previews: only those in sight are there, and each is drawn when it comes into sight. */

const grid = document.getElementById("grid");
const GAP = 14;
const HEIGHT = 196; /* of a card with the gap below */
const NARROWEST = 232;
const TALLEST = 15e6; /* pixels: browsers draw nothing further down */

let cards = [];
let listed = new Uint32Array(0);
let columnsNow = 1;
let focused = -1; /* the place that keyboards are at */

function makeCard() {
  const item = document.createElement("li");
  const link = document.createElement("a");
  const canvas = document.createElement("canvas");
  const name = document.createElement("b");
  const state = document.createElement("span");
  const entries = document.createElement("span");
  link.className = "card";
  entries.className = "entries";
  canvas.setAttribute("aria-hidden", "true");
  link.append(canvas, name, state, entries);
  item.append(link);
  link.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    openAt(card.position);
  });
  link.addEventListener("focus", () => { focused = card.position; });
  const card = { item, link, canvas, name, state, entries, position: -1, drawn: "" };
  return card;
}

/* Show another list, from its beginning. */
function list(numbersListed) {
  listed = numbersListed;
  focused = -1;
  for (const card of cards) card.position = -1;
  window.scrollTo({ top: Math.min(window.scrollY, grid.offsetTop - toolbarHeight()) });
  layOut();
}

function toolbarHeight() {
  const bar = document.getElementById("toolbar");
  return getComputedStyle(bar).position === "sticky" ? bar.offsetHeight : 0;
}

/* Place cards where the reader looks. */
function layOut() {
  const width = grid.clientWidth;
  columnsNow = Math.max(1, Math.floor((width + GAP) / (NARROWEST + GAP)));
  const rows = Math.min(Math.ceil(listed.length / columnsNow), Math.floor(TALLEST / HEIGHT));
  grid.style.height = `${rows * HEIGHT}px`;
  const cut = rows * columnsNow < listed.length;
  document.getElementById("more").hidden = !cut;
  const top = -grid.getBoundingClientRect().top;
  const first = Math.max(0, Math.floor(top / HEIGHT) - 1);
  const last = Math.min(rows, Math.ceil((top + window.innerHeight) / HEIGHT) + 1);
  const from = first * columnsNow;
  const to = Math.min(last * columnsNow, listed.length);
  const need = Math.max(0, to - from);
  while (cards.length < need) {
    cards.push(makeCard());
    grid.append(cards[cards.length - 1].item);
  }
  const free = cards.filter((card) => card.position < from || card.position >= to);
  const there = new Set(cards.filter((card) => !free.includes(card)).map((card) => card.position));
  for (let position = from; position < to; position += 1) {
    if (!there.has(position)) fill(free.shift(), position);
  }
  for (const card of free) {
    card.position = -1;
    card.item.hidden = true;
  }
  putInOrder();
  const cell = (width + GAP) / columnsNow;
  for (const card of cards) {
    if (card.position < 0) continue;
    const x = (card.position % columnsNow) * cell;
    const y = Math.floor(card.position / columnsNow) * HEIGHT;
    card.item.style.transform = `translate(${x}px, ${y}px)`;
    card.item.style.width = `${cell - GAP}px`;
    card.link.tabIndex = card.position === Math.max(focused, 0) || focused < 0 ? 0 : -1;
    paint(card);
  }
}

/* Let the document have cards in the order in which they are read. The one with the keyboard stays where it is and
   the others move, since what is moved loses the keyboard. */
function putInOrder() {
  const items = cards.filter((card) => card.position >= 0).sort((a, b) => a.position - b.position).map((card) => card.item);
  const there = [...grid.children].filter((item) => !item.hidden);
  if (items.every((item, k) => item === there[k])) return;
  const fixed = items.findIndex((item) => item.contains(document.activeElement));
  items.forEach((item, k) => {
    if (k < fixed) grid.insertBefore(item, items[fixed]);
    else if (k > fixed) grid.append(item);
  });
}

function fill(card, position) {
  const i = listed[position];
  card.position = position;
  card.drawn = "";
  delete card.canvas.dataset.drawn;
  card.item.hidden = false;
  card.item.setAttribute("aria-setsize", String(listed.length));
  card.item.setAttribute("aria-posinset", String(position + 1));
  card.name.textContent = combinations[combinationOf[i]].name;
  card.state.textContent = shortState(i);
  const told = groups
    .map((group, g) => [group.name, entriesOf[g][i], g])
    .filter(([, n, g]) => n > 0 && options.groups.has(g));
  card.entries.replaceChildren(...told.map(([, n, g]) => {
    const one = document.createElement("span");
    one.className = `group-${colourOf(g)}`;
    one.textContent = n.toLocaleString("en");
    return one;
  }));
  card.link.href = `#${address(i)}`;
  card.link.dataset.name = nameOf(i);
  const words = told.map(([name, n]) => `${n.toLocaleString("en")} entries of ${name}`).join(", ");
  card.link.setAttribute("aria-label", `${card.name.textContent} in ${card.state.textContent}: ${words}`);
}

/* Draw what a card shows, unless it is drawn already. */
async function paint(card) {
  const i = listed[card.position];
  const wanted = `${i} ${look} ${card.canvas.clientWidth}`;
  if (card.drawn === wanted) return;
  card.drawn = wanted;
  const layers = await load(i);
  if (card.drawn !== wanted) return; /* it shows another one by now */
  drawSmall(card.canvas, i, layers, options);
  card.canvas.dataset.drawn = nameOf(i);
}

let asked = false;

function soon() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    layOut();
  });
}

/* Move the keyboard to a place of the list, which is brought into sight. */
function focusAt(position) {
  const wanted = Math.min(Math.max(position, 0), listed.length - 1);
  if (wanted < 0) return;
  const y = grid.getBoundingClientRect().top + Math.floor(wanted / columnsNow) * HEIGHT;
  const top = toolbarHeight() + GAP;
  if (y < top) window.scrollBy(0, y - top);
  else if (y + HEIGHT > window.innerHeight) window.scrollBy(0, y + HEIGHT - window.innerHeight);
  focused = wanted;
  layOut();
  const card = cards.find((one) => one.position === wanted);
  if (card) card.link.focus({ preventScroll: true });
}

grid.addEventListener("keydown", (event) => {
  if (focused < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
  const rows = Math.max(1, Math.floor((window.innerHeight - toolbarHeight()) / HEIGHT));
  const moves = {
    ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columnsNow, ArrowDown: columnsNow,
    PageUp: -rows * columnsNow, PageDown: rows * columnsNow, Home: -listed.length, End: listed.length,
  };
  if (!(event.key in moves)) return;
  event.preventDefault();
  focusAt(focused + moves[event.key]);
});
addEventListener("scroll", soon, { passive: true });
addEventListener("resize", soon);
