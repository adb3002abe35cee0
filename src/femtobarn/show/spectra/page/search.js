/* Which spectra are wanted, and in which order. */

const COUNT = /^(>=|<=|≥|≤)?(\d+)([a-z])x?(\+)?$/;
const OBJECTS = /^(=)?((?:[a-z]\d+)+)(os|ss|met)?$/;

/* What a word asks for: numbers of objects, objects of a combination, a quantity, a layer, or part of a name. */
function condition(word) {
  const parts = word.split("_").filter(Boolean);
  const counts = parts.map((part) => COUNT.exec(part));
  if (counts.length && counts.every((m) => m && LETTERS.includes(m[3]))) {
    return onStates((state) => counts.every((m) => fits(state[LETTERS.indexOf(m[3])], m)));
  }
  const objects = OBJECTS.exec(word);
  if (objects && [...objects[2].matchAll(/[a-z]/g)].every(([letter]) => LETTERS.includes(letter))) {
    const wanted = objects[2].match(/[a-z]\d+/g);
    return onCombinations((c) => {
      if (objects[3] && c.quantity !== objects[3]) return false;
      return wanted.every((o) => c.objects.has(o)) && (!objects[1] || (wanted.length === c.objects.size && c.quantity === (objects[3] || "mass")));
    });
  }
  if (["mass", "os", "ss", "met"].includes(word)) return onCombinations((c) => c.quantity === word);
  const group = groups.findIndex((g) => g.name.toLowerCase() === word);
  if (group >= 0) return onSets((layer) => groupOf(layer) === group);
  const variant = variants.findIndex((v) => v.toLowerCase() === word);
  if (variant >= 0) return onSets((layer) => variantOf(layer) === variant);
  return (i) => lowered(i).includes(word);
}

function fits(n, [, sign, number, , plus]) {
  if (plus || sign === ">=" || sign === "≥") return n >= Number(number);
  return sign ? n <= Number(number) : n === Number(number);
}

function onStates(test) {
  const found = states.map(test);
  return (i) => found[stateOf[i]];
}

function onCombinations(test) {
  const found = combinations.map(test);
  return (i) => found[combinationOf[i]];
}

function onSets(test) {
  const found = index.sets.map((set) => set.some(test));
  return (i) => found[setOf[i]];
}

let names = null;

function lowered(i) {
  if (names === null) names = Array.from({ length: count }, (_, k) => nameOf(k).toLowerCase());
  return names[i];
}

for (const one of combinations) {
  one.objects = new Set(one.name.replace(/(OS|SS|MET)$/, "").match(/[a-z]\d+/g));
}

const orders = new Map();

/* All spectra in an order: the places of the shown groups decide how many entries one has. */
function ordered(by, shownGroups) {
  const key = `${by} ${[...shownGroups].join()}`;
  if (!orders.has(key)) {
    const keys = sortKeys(by, [...shownGroups]);
    const order = Uint32Array.from({ length: count }, (_, i) => i);
    if (keys) order.sort((a, b) => keys[a] - keys[b] || a - b);
    orders.set(key, order);
  }
  return orders.get(key);
}

function sortKeys(by, shownGroups) {
  if (by === "state") return null;
  const keys = new Float64Array(count);
  if (by === "name") {
    const first = ranks(combinations.map((c) => c.name));
    const second = ranks(states.map((s) => s.map((n, k) => `${n}${LETTERS[k]}x`).join("_")));
    for (let i = 0; i < count; i += 1) keys[i] = first[combinationOf[i]] * states.length + second[stateOf[i]];
    return keys;
  }
  for (const group of shownGroups) {
    for (let i = 0; i < count; i += 1) {
      if (by === "entries") keys[i] -= entriesOf[group][i];
      else keys[i] = Math.min(keys[i], -endOf[group][i]);
    }
  }
  return keys;
}

function ranks(words) {
  const order = words.map((_, i) => i).sort((a, b) => (words[a] < words[b] ? -1 : 1));
  const found = new Float64Array(words.length);
  order.forEach((i, rank) => { found[i] = rank; });
  return found;
}

/* The numbers of the spectra that are wanted, in their order. */
function chosen(wanted) {
  const tests = wanted.text.toLowerCase().split(/[\s,]+/).filter(Boolean).map(condition);
  tests.push(onSets((layer) => wanted.groups.has(groupOf(layer)) && wanted.variants.has(variantOf(layer))));
  if (wanted.quantity) tests.push(onCombinations((c) => c.quantity === wanted.quantity));
  if (wanted.combination) tests.push(onCombinations((c) => c.name === wanted.combination));
  if (wanted.total) tests.push(onCombinations((c) => c.objects.size === wanted.total));
  if (wanted.inState) tests.push(onStates((s) => s.reduce((a, b) => a + b, 0) === wanted.inState));
  const order = ordered(wanted.sort, wanted.groups);
  return order.filter((i) => tests.every((test) => test(i)));
}
