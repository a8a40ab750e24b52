// The tree: rows of what is open, of which only those in sight are in the page.

const SEARCH_PAUSE_MS = 150, ROWS_AHEAD = 8, MORE_AHEAD = 200;

const tree = { open: new Set(), rows: [], at: 0, atKey: "", selected: "", drawn: [], found: null, searching: null, drawing: false, shaping: false, loading: new Set(), opened: false };

const rowKey = row => `${row.kind} ${row.name} ${row.path ?? row.parent ?? ""}`;
const openKey = (name, path) => `${name} ${path}`;
const isOpen = (name, path) => tree.open.has(openKey(name, path));

/** Every row that is open, in order. Runs once a frame at most, and only when the shape has changed. */
function shape() {
  const rows = [], { found } = tree, nodes = [...model.nodes.entries()].sort(([one], [other]) => (one < other ? -1 : 1));
  nodes.forEach(([name, node], at) => {
    const shown = isOpen(name, ""), row = { kind: "node", name, node, level: 1, pos: at + 1, size: nodes.length, canOpen: true, open: shown };
    rows.push(row);
    if (!shown) return;
    if (found) flat(rows, name, node, found.get(name)); else below(rows, name, node, "", 2);
  });
  tree.rows = rows;
  const at = tree.atKey ? rows.findIndex(row => rowKey(row) === tree.atKey) : 0;
  tree.at = at < 0 ? Math.min(tree.at, Math.max(0, rows.length - 1)) : at;
}

function below(rows, name, node, parent, level) {
  const kids = node.kids.get(parent);
  if (!kids) { rows.push({ kind: "loading", name, parent, level }); return; }
  const size = kids.more === null ? kids.paths.length : Math.max(kids.paths.length, node.actors.get(parent)?.children || 0);
  kids.paths.forEach((path, at) => {
    const actor = node.actors.get(path), canOpen = actor.children > 0, shown = canOpen && isOpen(name, path);
    rows.push({ kind: "actor", name, path, node, level, pos: at + 1, size, canOpen, open: shown });
    if (shown) below(rows, name, node, path, level + 1);
  });
  if (kids.more !== null) rows.push({ kind: "more", name, parent, level });
}

function flat(rows, name, node, list) {
  if (!list) { rows.push({ kind: "loading", name, parent: "", level: 2 }); return; }
  list.forEach((actor, at) => rows.push({ kind: "actor", name, path: actor.path, node, actor, level: 2, pos: at + 1, size: list.length, canOpen: false, open: false, whole: true }));
  if (!list.length) rows.push({ kind: "nothing", name, parent: "", level: 2 });
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

const rowHeight = () => (matchMedia("(max-width: 720px)").matches ? 44 : 34);

function inSight() {
  const host = $("tree"), height = rowHeight();
  const from = Math.max(0, Math.floor(host.scrollTop / height) - ROWS_AHEAD);
  return { from, to: Math.min(tree.rows.length, Math.ceil((host.scrollTop + host.clientHeight) / height) + ROWS_AHEAD), height };
}

function paint() {
  if ($("view-tree").hidden) return;
  const { from, to, height } = inSight(), span = $("span");
  span.style.height = `${tree.rows.length * height}px`;
  while (tree.drawn.length < to - from) { const row = make("div", "row"); row.id = `row-${tree.drawn.length}`; row.setAttribute("role", "treeitem"); tree.drawn.push(row); span.append(row); }
  while (tree.drawn.length > to - from) tree.drawn.pop().remove();
  for (let at = from; at < to; at++) paintRow(tree.drawn[at - from], tree.rows[at], at, height);
  const active = tree.at >= from && tree.at < to ? tree.drawn[tree.at - from].id : "";
  if (active) $("tree").setAttribute("aria-activedescendant", active); else $("tree").removeAttribute("aria-activedescendant");
  paintCounts();
  loadAhead(from, to);
}

function paintRow(element, row, at, height) {
  element.style.transform = `translateY(${at * height}px)`;
  element.dataset.at = at;
  const { className, cells, label } = row.kind === "node" ? nodeRow(row) : row.kind === "actor" ? actorRow(row) : otherRow(row);
  element.className = `row ${className}${at === tree.at ? " at" : ""}`;
  element.setAttribute("aria-level", row.level);
  element.setAttribute("aria-label", label);
  const set = (name, value) => (value === undefined ? element.removeAttribute(name) : element.setAttribute(name, value));
  set("aria-expanded", row.canOpen ? String(row.open) : undefined);
  set("aria-posinset", row.pos); set("aria-setsize", row.size);
  set("aria-selected", String(rowKey(row) === tree.selected));
  set("data-path", row.kind === "actor" ? `${row.name}:${row.path}` : row.kind === "node" ? row.name : undefined);
  const fresh = make("div", "", ...cells);
  if (fresh.innerHTML !== element.innerHTML) element.replaceChildren(...fresh.childNodes);
}

function named(text, level, more) {
  const twist = make("span", "twist"), name = make("span", "name", twist, make("b", "", text), more ? make("i", "", more) : null);
  name.style.paddingLeft = `${(level - 1) * (rowHeight() === 44 ? 0.7 : 1.1)}rem`;
  return name;
}

function nodeRow(row) {
  const { told } = row.node, silent = !told.answered, status = pill(silent ? "failed" : told.cordoned ? "draining" : "running", silent ? words.status.silent : told.cordoned ? words.cordoned : words.status.answering);
  const facts = [told.here ? words.here : "", (told.roles || []).join(", "), told.why || "", `${number(told.actors_total)} ${words.actors}`, told.cpu_percent === null || told.cpu_percent === undefined ? "" : `${number(told.cpu_percent)} %`, told.memory_bytes ? size(told.memory_bytes) : "", told.version ? `v${told.version}` : ""].filter(Boolean).join(" · ");
  return { className: `node${silent ? " dim" : ""}`, cells: [named(row.name, 1, ""), status, make("span", "facts", facts)], label: `${words.node} ${row.name}, ${status.textContent}, ${facts}` };
}

function actorRow(row) {
  const actor = row.actor || row.node.actors.get(row.path), status = pill(actor.status, actor.status === "waiting" && actor.waiting_on ? words.waitingOn(actor.waiting_on) : "");
  const { mailbox, busy } = actor, inBox = mailbox && mailbox.capacity ? words.waits(mailbox.depth, mailbox.capacity) : mailbox ? number(mailbox.depth) : "";
  const kids = Object.entries(actor.child_status || {}).filter(([, count]) => count).map(([name, count]) => `${number(count)} ${statusWord(name)}`).join(", ");
  const hand = busy ? `${busy.message} ${lasts(busy.for_ms)}` : actor.canOpen ? "" : actor.note || "";
  const name = row.whole ? row.path : nameOf(row.path);
  const cells = [
    named(name, row.level, kids && !row.open ? kids : row.canOpen ? number(actor.children) : ""), make("span", "soft wide", actor.kind), status,
    make("span", "middle", mailbox && mailbox.capacity ? meter(mailbox.depth, mailbox.capacity) : null, inBox), make("span", "soft middle", hand || actor.note || ""),
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
  for (let at = Math.max(0, from); at < Math.min(tree.rows.length, to + MORE_AHEAD); at++) {
    const row = tree.rows[at];
    if (row.kind === "more") loadBelow(row.name, row.parent, model.nodes.get(row.name).kids.get(row.parent).more);
    else if (row.kind === "loading" && !tree.found && at < to) loadBelow(row.name, row.parent, "");
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
    const row = tree.rows[at];
    if (row?.kind !== "actor") continue;
    const parent = row.node.actors.get(row.path)?.parent ?? parentOf(row.path);
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
  tree.at = Math.max(0, Math.min(tree.rows.length - 1, at));
  tree.atKey = tree.rows.length ? rowKey(tree.rows[tree.at]) : "";
  const host = $("tree"), height = rowHeight(), top = tree.at * height;
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
  for (let at = tree.at - 1; at >= 0; at--) if (tree.rows[at].level < row.level) return moveTo(at);
}

/** The keys of a tree, as the ARIA practices have them. */
function treeKey(event) {
  const row = tree.rows[tree.at], page = Math.max(1, Math.floor($("tree").clientHeight / rowHeight()) - 1);
  if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
  const keys = {
    ArrowDown: () => moveTo(tree.at + 1), ArrowUp: () => moveTo(tree.at - 1), PageDown: () => moveTo(tree.at + page), PageUp: () => moveTo(tree.at - page),
    Home: () => moveTo(0), End: () => moveTo(tree.rows.length - 1), Enter: () => choose(row), " ": () => choose(row),
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
    const chosen = tree.rows[tree.at];
    if (event.target.closest(".twist") && chosen.canOpen) toggle(chosen); else choose(chosen);
  });
  new ResizeObserver(() => drawTree()).observe(host);
  let pause = 0;
  $("filter").addEventListener("input", () => { clearTimeout(pause); pause = setTimeout(search, SEARCH_PAUSE_MS); });
  $("filter").addEventListener("keydown", event => { if (event.key === "ArrowDown" || event.key === "Enter") { event.preventDefault(); host.focus(); } });
  $("status").addEventListener("change", search);
}
