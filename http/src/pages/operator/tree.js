// The tree: rows of what is open, of which only those in sight are in the page.

const SEARCH_PAUSE_MS = 150, ROWS_AHEAD = 8, MORE_AHEAD = 200;

const tree = { open: new Set(), runs: [], total: 0, at: 0, atRow: null, selected: "", drawn: [], found: null, searching: null, drawing: false, shaping: false, loading: new Set(), opened: false, height: 34 };

const rowKey = row => `${row.kind} ${row.name} ${row.path ?? row.parent ?? ""}`;
const openKey = (name, path) => `${name} ${path}`;
const isOpen = (name, path) => tree.open.has(openKey(name, path));

/**
 * Lists what is open as runs of rows, each made when it comes into sight: a pool with twenty thousand closed children is
 * one run, so that opening and closing costs what is open, not what is there.
 */
function shape() {
  const nodes = [...model.nodes.entries()].sort(([one], [other]) => (one < other ? -1 : 1)), opened = openByParent();
  tree.runs = []; tree.total = 0;
  nodes.forEach(([name, node], at) => {
    const open = isOpen(name, "");
    run(1, () => ({ kind: "node", name, node, level: 1, pos: at + 1, size: nodes.length, canOpen: true, open }));
    if (!open) return;
    if (tree.found) flat(name, node, tree.found.get(name)); else below(name, node, "", 2, opened);
  });
  const at = tree.atRow ? placeOf(tree.atRow) : 0;
  tree.at = at < 0 ? Math.min(tree.at, Math.max(0, tree.total - 1)) : at;
}

function run(count, rowOf, about) {
  if (count) tree.runs.push({ from: tree.total, count, rowOf, ...about });
  tree.total += count;
}

/** The open actors of each node, by their parents. */
function openByParent() {
  const opened = new Map();
  for (const key of tree.open) {
    const [name, path] = key.split(" ", 2), actor = path && model.nodes.get(name)?.actors.get(path);
    if (!actor) continue;
    const parent = openKey(name, actor.parent ?? parentOf(path));
    opened.set(parent, [...(opened.get(parent) || []), path]);
  }
  return opened;
}

function below(name, node, parent, level, opened) {
  const kids = node.kids.get(parent);
  if (!kids) return run(1, () => ({ kind: "loading", name, node, parent, level }));
  const { paths } = kids, size = kids.more === null ? paths.length : Math.max(paths.length, node.actors.get(parent)?.children || 0);
  const rowOf = at => { const actor = node.actors.get(paths[at]), canOpen = actor?.children > 0; return { kind: "actor", name, path: paths[at], node, actor, level, pos: at + 1, size, canOpen, open: canOpen && isOpen(name, paths[at]) }; };
  let next = 0;
  const upTo = end => { const begin = next; run(end - begin, at => rowOf(begin + at), { name, parent, paths, begin }); next = end; };
  for (const path of (opened.get(openKey(name, parent)) || []).sort()) {
    const at = firstAfter(paths, path) - 1;
    if (paths[at] !== path || !(node.actors.get(path)?.children > 0)) continue;
    upTo(at + 1);
    below(name, node, path, level + 1, opened);
  }
  upTo(paths.length);
  if (kids.more !== null) run(1, () => ({ kind: "more", name, node, parent, level }));
}

function flat(name, node, list) {
  if (!list) return run(1, () => ({ kind: "loading", name, node, parent: "", level: 2 }));
  run(list.length, at => ({ kind: "actor", name, path: list[at].path, node, actor: list[at], level: 2, pos: at + 1, size: list.length, canOpen: false, open: false, whole: true }));
  if (!list.length) run(1, () => ({ kind: "nothing", name, parent: "", level: 2 }));
}

/** The row at a place. */
function rowAt(at) {
  let low = 0, high = tree.runs.length;
  while (low < high) { const middle = (low + high) >> 1; if (tree.runs[middle].from <= at) low = middle + 1; else high = middle; }
  const found = tree.runs[low - 1];
  return found && at >= 0 && at < found.from + found.count ? found.rowOf(at - found.from) : undefined;
}

/** Where a row is now, or -1; asks long runs, and does not walk them. */
function placeOf(row) {
  for (const { from, count, rowOf, paths, begin, name, parent } of tree.runs) {
    if (paths) {
      if (row.kind !== "actor" || name !== row.name || parent !== (row.actor?.parent ?? parentOf(row.path))) continue;
      const at = firstAfter(paths, row.path) - 1 - begin;
      if (at >= 0 && at < count && paths[begin + at] === row.path) return from + at;
    } else for (let at = 0; at < count; at++) if (rowKey(rowOf(at)) === rowKey(row)) return from + at;
  }
  return -1;
}

/** Draws in the next frame, however often it is asked; `reshape` also lists the rows anew. */
function drawTree(reshape) {
  tree.shaping ||= Boolean(reshape);
  if (tree.drawing) return;
  tree.drawing = true;
  requestAnimationFrame(() => {
    tree.drawing = false;
    if (tree.shaping) { tree.shaping = false; shape(); }
    paint();
  });
}

function inSight() {
  const host = $("tree"), { height } = tree;
  const from = Math.max(0, Math.floor(host.scrollTop / height) - ROWS_AHEAD);
  return { from, to: Math.min(tree.total, Math.ceil((host.scrollTop + host.clientHeight) / height) + ROWS_AHEAD), height };
}

function paint() {
  if ($("view-tree").hidden) return;
  const { from, to, height } = inSight(), span = $("span");
  span.style.height = `${tree.total * height}px`;
  while (tree.drawn.length < to - from) { const row = make("div", "row"); row.id = `row-${tree.drawn.length}`; row.setAttribute("role", "treeitem"); tree.drawn.push(row); span.append(row); }
  while (tree.drawn.length > to - from) tree.drawn.pop().remove();
  for (let at = from; at < to; at++) paintRow(tree.drawn[at - from], rowAt(at), at, height);
  const active = tree.at >= from && tree.at < to ? tree.drawn[tree.at - from].id : "";
  if (active) $("tree").setAttribute("aria-activedescendant", active); else $("tree").removeAttribute("aria-activedescendant");
  paintCounts();
  loadAhead(from, to);
}

function paintRow(element, row, at, height) {
  // Actors are replaced when they are told anew, and only their status changes in between: most rows look as before.
  const selected = rowKey(row) === tree.selected, looks = [row.actor || row.node?.told, row.actor?.status, row.kind, row.open, row.size, at, height, at === tree.at, selected, row.node?.told.answered, words];
  if (element.looks?.every((one, place) => one === looks[place])) return;
  element.looks = looks;
  element.style.transform = `translateY(${at * height}px)`;
  element.dataset.at = at;
  const { className, cells, label } = row.kind === "node" ? nodeRow(row) : row.kind === "actor" ? actorRow(row) : otherRow(row);
  element.className = `row ${className}${at === tree.at ? " at" : ""}`;
  element.setAttribute("aria-level", row.level);
  element.setAttribute("aria-label", label);
  const set = (name, value) => (value === undefined ? element.removeAttribute(name) : element.setAttribute(name, value));
  set("aria-expanded", row.canOpen ? String(row.open) : undefined);
  set("aria-posinset", row.pos); set("aria-setsize", row.size);
  set("aria-selected", String(selected));
  set("data-path", row.kind === "actor" ? `${row.name}:${row.path}` : row.kind === "node" ? row.name : undefined);
  element.replaceChildren(...cells);
}

function named(text, level, more) {
  const twist = make("span", "twist"), name = make("span", "name", twist, make("b", "", text), more ? make("i", "", more) : null);
  name.style.paddingLeft = `${(level - 1) * (tree.height === 44 ? 0.7 : 1.1)}rem`;
  return name;
}

function nodeRow(row) {
  const { told } = row.node, silent = !told.answered, status = pill(silent ? "failed" : told.cordoned ? "draining" : "running", silent ? words.status.silent : told.cordoned ? words.cordoned : words.status.answering);
  const facts = [told.here ? words.here : "", (told.roles || []).join(", "), told.why || "", `${number(told.actors_total)} ${words.actors}`, told.cpu_percent === null || told.cpu_percent === undefined ? "" : `${number(told.cpu_percent)} %`, told.memory_bytes ? size(told.memory_bytes) : "", told.version ? `v${told.version}` : ""].filter(Boolean).join(" · ");
  return { className: `node${silent ? " dim" : ""}`, cells: [named(row.name, 1, ""), status, make("span", "facts", facts)], label: `${words.node} ${row.name}, ${status.textContent}, ${facts}` };
}

function actorRow(row) {
  const { actor } = row, status = pill(actor.status, actor.status === "waiting" && actor.waiting_on ? words.waitingOn(actor.waiting_on) : "");
  const { mailbox, busy } = actor, inBox = mailbox && mailbox.capacity ? words.waits(mailbox.depth, mailbox.capacity) : mailbox ? number(mailbox.depth) : "";
  const kids = Object.entries(actor.child_status || {}).filter(([, count]) => count).map(([name, count]) => `${number(count)} ${statusWord(name)}`).join(", ");
  const hand = busy ? `${busy.message} ${lasts(busy.for_ms)}` : actor.note || "";
  const name = row.whole ? row.path : nameOf(row.path);
  const cells = [
    named(name, row.level, kids && !row.open ? kids : row.canOpen ? number(actor.children) : ""), make("span", "soft wide", actor.kind), status,
    make("span", "middle", mailbox && mailbox.capacity ? meter(mailbox.depth, mailbox.capacity) : null, inBox), make("span", "soft middle", hand),
    make("span", "n wide", number(actor.handled)), make("span", "n wide", number(actor.rate_per_s)), make("span", "n wide", actor.p50_us === null || actor.p50_us === undefined ? "" : `${lastsUs(actor.p50_us)} / ${lastsUs(actor.p99_us)}`),
    make("span", actor.restarts ? "n wide warn" : "n wide", actor.intensity ? words.restartsOf(actor.intensity.used, actor.intensity.allowed) : number(actor.restarts)),
  ];
  const label = [name, actor.kind, status.textContent, inBox && `${words.mailbox} ${inBox}`, hand, kids, actor.restarts ? `${words.restarts} ${actor.restarts}` : ""].filter(Boolean).join(", ");
  return { className: row.node.told.answered ? "" : "dim", cells, label };
}

function otherRow(row) {
  const text = { more: words.more, loading: row.node && !row.node.told.answered ? words.nothing : words.loading, nothing: words.nothing }[row.kind];
  return { className: "other", cells: [named(text, row.level, "")], label: text };
}

function paintCounts() {
  const nodes = [...model.nodes.values()];
  const text = tree.found ? words.found(number([...tree.found.values()].reduce((sum, list) => sum + list.length, 0))) : words.counts(nodes.length, number(nodes.reduce((sum, node) => sum + (node.told.actors_total || 0), 0)));
  if ($("counts").textContent !== text) $("counts").textContent = text;
}

/** Children that come into sight are asked for before one gets there. */
function loadAhead(from, to) {
  if (tree.found) return;
  for (const { from: place, count, rowOf, paths } of tree.runs) {
    if (paths || place + count <= from || place >= to + MORE_AHEAD) continue;
    const row = rowOf(0);
    if (row.kind === "more") loadBelow(row.name, row.parent, model.nodes.get(row.name).kids.get(row.parent).more);
    else if (row.kind === "loading" && place < to) loadBelow(row.name, row.parent, "");
  }
}

async function loadBelow(name, under, after, limit = PAGE) {
  const key = `${name} ${under}`;
  if (tree.loading.has(key) || net.goneSince || !model.nodes.get(name)?.told.answered) return;
  tree.loading.add(key);
  try { takeBelow(await ask("tree", { node: name, under, after, depth: 1, limit }), under, after); } catch { /* The next round tries again. */ }
  tree.loading.delete(key);
  drawTree(true);
}

/** Asks anew for what is in sight: nodes and roots, and the children that are shown, not the thousands that are not. */
async function refreshTree() {
  if (tree.found) { await search(); return; }
  takeRoots(await ask("tree", { depth: 1, limit: 200 }));
  openFirst();
  const { from, to } = inSight(), windows = new Map();
  for (let at = from; at < to; at++) {
    const row = rowAt(at);
    if (row?.kind !== "actor") continue;
    const parent = row.actor.parent ?? parentOf(row.path);
    if (!parent) continue;
    const key = openKey(row.name, parent), window = windows.get(key) || { name: row.name, parent, first: row.path, count: 0 };
    window.count++;
    windows.set(key, window);
  }
  // A parent whose children are few is asked for on all nodes at once.
  const shared = new Set();
  for (const { name, parent, first, count } of windows.values()) {
    const { paths, more } = model.nodes.get(name)?.kids.get(parent) || { paths: [], more: null };
    if (more === null && paths.length <= WINDOW_MAX) { shared.add(parent); continue; }
    const place = firstAfter(paths, first) - 1;
    await loadBelow(name, parent, place > 0 ? paths[place - 1] : "", Math.min(count + ROWS_AHEAD, WINDOW_MAX));
  }
  for (const under of shared) takeBelow(await ask("tree", { under, depth: 1, limit: PAGE }), under, "");
  drawTree(true);
}

/** At first every node is open, unless there are so many that their names are the overview. */
function openFirst() {
  if (tree.opened || !model.nodes.size) return;
  tree.opened = true;
  if (model.nodes.size <= 12) for (const name of model.nodes.keys()) tree.open.add(openKey(name, ""));
}

/** Searches on the nodes themselves, because the page does not know every actor. */
async function search() {
  const q = $("filter").value.trim(), status = $("status").value;
  tree.searching?.abort();
  if (!q && !status) { tree.searching = null; if (tree.found) { tree.found = null; drawTree(true); } return; }
  const turn = tree.searching = new AbortController();
  try {
    const answer = await ask("tree", { q, status, limit: 200 }, turn.signal);
    if (turn.signal.aborted) return;
    takeFound(answer);
  } catch (error) { if (!turn.signal.aborted && error instanceof Refused) toast(error.message); }
}

function takeFound(answer) {
  model.cannotSee = answer.cannot_see || [];
  const isNew = !tree.found;
  tree.found = new Map(answer.nodes.map(told => [told.name, told.actors || []]));
  for (const told of answer.nodes) if (model.nodes.has(told.name)) Object.assign(model.nodes.get(told.name).told, { ...told, actors: undefined });
  if (isNew) for (const name of tree.found.keys()) tree.open.add(openKey(name, ""));
  drawTree(true);
}

function toggle(row, wish = !row.open) {
  if (!row.canOpen || row.open === wish) return;
  const key = openKey(row.name, row.path || "");
  if (wish) tree.open.add(key); else tree.open.delete(key);
  if (wish && row.path && !row.node.kids.has(row.path)) loadBelow(row.name, row.path, "");
  drawTree(true);
}

function moveTo(at) {
  tree.at = Math.max(0, Math.min(tree.total - 1, at));
  tree.atRow = rowAt(tree.at);
  const host = $("tree"), { height } = tree, top = tree.at * height;
  if (top < host.scrollTop) host.scrollTop = top;
  else if (top + height > host.scrollTop + host.clientHeight) host.scrollTop = top + height - host.clientHeight;
  drawTree();
}

function choose(row) {
  tree.selected = rowKey(row);
  if (row.kind === "actor") openActor(row.name, row.path); else if (row.kind === "node") openNode(row.name);
  drawTree();
}

function outOf(row) {
  const parent = row.kind === "node" ? null : row.whole ? "" : row.parent ?? row.actor.parent ?? parentOf(row.path);
  if (parent === null) return;
  const at = placeOf(parent ? { kind: "actor", name: row.name, path: parent, actor: row.node.actors.get(parent) } : { kind: "node", name: row.name });
  if (at >= 0) moveTo(at);
}

/** The keys of a tree, as the ARIA practices have them. */
function treeKey(event) {
  const row = rowAt(tree.at), page = Math.max(1, Math.floor($("tree").clientHeight / tree.height) - 1);
  if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
  const keys = {
    ArrowDown: () => moveTo(tree.at + 1), ArrowUp: () => moveTo(tree.at - 1), PageDown: () => moveTo(tree.at + page), PageUp: () => moveTo(tree.at - page),
    Home: () => moveTo(0), End: () => moveTo(tree.total - 1), Enter: () => choose(row), " ": () => choose(row),
    ArrowRight: () => (row.canOpen && !row.open ? toggle(row, true) : row.open ? moveTo(tree.at + 1) : null), ArrowLeft: () => (row.open ? toggle(row, false) : outOf(row)),
  };
  const does = keys[event.key];
  if (!does) return;
  event.preventDefault();
  does();
}

function startTree() {
  const host = $("tree");
  host.addEventListener("scroll", () => drawTree(), { passive: true });
  host.addEventListener("keydown", treeKey);
  host.addEventListener("focus", () => drawTree());
  host.addEventListener("click", event => {
    const row = event.target.closest(".row");
    if (!row) return;
    moveTo(Number(row.dataset.at));
    const chosen = rowAt(tree.at);
    if (event.target.closest(".twist") && chosen.canOpen) toggle(chosen); else choose(chosen);
  });
  const narrow = matchMedia("(max-width: 720px)"), measure = () => { tree.height = narrow.matches ? 44 : 34; drawTree(); };
  narrow.addEventListener("change", measure);
  new ResizeObserver(measure).observe(host);
  let pause = 0;
  $("filter").addEventListener("input", () => { clearTimeout(pause); pause = setTimeout(search, SEARCH_PAUSE_MS); });
  $("filter").addEventListener("keydown", event => { if (event.key === "ArrowDown" || event.key === "Enter") { event.preventDefault(); host.focus(); } });
  $("status").addEventListener("change", search);
}
