"use strict";
// A page that cannot draw says so, and why, instead of staying blank.
window.addEventListener("error", e => { document.getElementById("note").textContent = "The lanes could not be drawn: " + e.message; });

const $ = id => document.getElementById(id);
const run = JSON.parse($("data").textContent);
const { lanes, spans, end_ms: END } = run, ev = run.events, COUNT = ev.number.length;
const GUTTER = 92, STRIP = 22, PAD = 5, ROW = 24, ARROWS_MAX = 3000;

// ---- Indexes: made once, so that no movement of the mouse searches the whole run.
const placeOf = new Map(ev.number.map((number, i) => [number, i]));
const followers = new Map();
ev.cause.forEach((cause, i) => { if (cause) followers.has(cause) ? followers.get(cause).push(i) : followers.set(cause, [i]); });
const onLane = lanes.map(() => []);
ev.lane.forEach((lane, i) => onLane[lane].push(i));
const messageOf = new Map(ev.messages.map(message => [message.event, message]));
const longestMs = ev.messages.reduce((most, m) => Math.max(most, m.arrives_ms - ev.at_ms[m.event]), 0);
const keyOf = lane => typeof lane === "string" ? lane : Object.entries(lane)[0].join(" ");
const laneOf = new Map(lanes.map((lane, i) => [keyOf(lane.lane), i]));
for (const list of Object.values(spans)) for (const span of list) span.lane = laneOf.get(keyOf(span.lane));
const isNode = lane => typeof lanes[lane].lane === "object" && "node" in lanes[lane].lane;
const shards = [...new Set([...spans.bars.map(b => b.shard), ...ev.shard.filter(s => s !== null)])].sort((a, b) => a - b);
const kinds = [...new Set(ev.kind)].sort();

// ---- What the reader looks at.
const view = { from: 0, to: Math.max(1, END), picked: -1, cursor: 0, shard: null, lane: null, kind: null, search: "", listed: [], drawn: [] };
const at = i => ev.at_ms[i];
const text = i => ev.texts[ev.text[i]];
const seconds = ms => (ms / 1000).toFixed(3) + " s";
/** The first place in `list` whose time is not before `ms`. */
function firstAt(list, ms, time = at) {
  let low = 0, high = list.length;
  while (low < high) { const middle = (low + high) >> 1; time(list[middle]) < ms ? low = middle + 1 : high = middle; }
  return low;
}
/** An event and those that led to it, from the newest to the oldest that is shown. */
function path(i) {
  const found = [];
  for (let at = i; at !== undefined && at >= 0 && found.length < 500 && !found.includes(at); at = placeOf.get(ev.cause[at])) found.push(at);
  return found;
}

// ---- Colours: one for each epoch, far from those of its neighbours, and never the red of what is wrong.
let ink = {};
function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["ink", "soft", "line", "back", "card", "good", "warn", "bad", "pick", "light", "down"]) ink[name] = style.getPropertyValue("--" + name).trim();
}
const colour = epoch => epoch === null ? ink.soft : `hsl(${(40 + epoch * .618034 % 1 * 280).toFixed(0)} 60% ${ink.light})`;
const tones = { fault: "bad", violation: "bad", heals: "good", ends: "bad", starts: "good", freezes: "warn", thaws: "good", owns: "pick", disowns: "warn", answered: "good", applied: "pick" };
const tone = kind => ink[tones[kind] || "soft"];
const marks = { fault: "⚡", heals: "✚", starts: "▲", ends: "✖", freezes: "❄", thaws: "☀", violation: "‼" };

// ---- Where things are.
let width = 0, rowHeight = 14, tops = [], rowsOf = [], height = 0;
const x = ms => GUTTER + (ms - view.from) / (view.to - view.from) * (width - GUTTER);
const msAt = px => view.from + (px - GUTTER) / (width - GUTTER) * (view.to - view.from);
const stripY = lane => tops[lane] + STRIP / 2;
const rowY = (lane, shard) => tops[lane] + STRIP + rowsOf[lane].indexOf(shard) * rowHeight;
function layOut() {
  rowsOf = lanes.map((_, lane) => [...new Set(spans.bars.filter(b => b.lane === lane && (view.shard === null || b.shard === view.shard)).map(b => b.shard))].sort((a, b) => a - b));
  const rows = rowsOf.reduce((sum, list) => sum + list.length, 0);
  // Rows get thinner before the reader has to scroll, but keep their names unless they are very many.
  rowHeight = Math.max(rows > 60 ? 5 : 10, Math.min(16, Math.floor((innerHeight * .52 - 6 - lanes.length * (STRIP + PAD)) / Math.max(1, rows))));
  let y = 2;
  tops = lanes.map((_, lane) => { const top = y; y += STRIP + rowsOf[lane].length * rowHeight + PAD; return top; });
  height = y;
}
function canvasOf(id, css) {
  const canvas = $(id), ratio = devicePixelRatio || 1, pen = canvas.getContext("2d");
  canvas.style.height = css + "px"; canvas.width = Math.round(width * ratio); canvas.height = Math.round(css * ratio);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0); pen.clearRect(0, 0, width, css); pen.font = "11px system-ui, sans-serif"; pen.textBaseline = "middle";
  return pen;
}

// ---- Drawing.
function draw() {
  width = $("scroll").clientWidth;
  layOut(); readColours(); drawOverview();
  const pen = canvasOf("lanes", height);
  pen.save(); pen.beginPath(); pen.rect(GUTTER, 0, width, height); pen.clip();
  drawGrid(pen); drawDown(pen); drawFaults(pen); drawArrows(pen); drawBars(pen); drawMarks(pen); drawCursor(pen);
  pen.restore(); drawNames(pen);
  document.body.dataset.drawn = COUNT;
}
function step() {
  const rough = (view.to - view.from) / Math.max(2, (width - GUTTER) / 110), power = 10 ** Math.floor(Math.log10(rough));
  return Math.max(1, [1, 2, 5, 10].map(n => n * power).find(n => n >= rough));
}
function drawGrid(pen) {
  pen.fillStyle = ink.back;
  lanes.forEach((_, lane) => { if (lane % 2) pen.fillRect(GUTTER, tops[lane] - PAD / 2, width, (tops[lane + 1] ?? height) - tops[lane]); });
  pen.strokeStyle = ink.line; pen.lineWidth = 1; pen.beginPath();
  for (let ms = Math.ceil(view.from / step()) * step(); ms <= view.to; ms += step()) { pen.moveTo(x(ms), 0); pen.lineTo(x(ms), height); }
  lanes.forEach((_, lane) => { pen.moveTo(GUTTER, stripY(lane)); pen.lineTo(width, stripY(lane)); });
  pen.stroke();
}
const seen = span => span.to_ms >= view.from && span.from_ms <= view.to;
function hatch(pen, left, top, wide, tall, stroke, gap) {
  pen.save(); pen.beginPath(); pen.rect(left, top, wide, tall); pen.clip(); pen.strokeStyle = stroke; pen.lineWidth = 1.2; pen.beginPath();
  const from = Math.max(left, GUTTER), to = Math.min(left + wide, width);
  for (let at = from - tall; at < to; at += gap) { pen.moveTo(at, top + tall); pen.lineTo(at + tall, top); }
  pen.stroke(); pen.restore();
}
function drawDown(pen) {
  lanes.forEach((_, lane) => {
    if (!isNode(lane)) return;
    const tall = STRIP + rowsOf[lane].length * rowHeight;
    let free = 0;
    const gap = to => { if (to > free) hatch(pen, x(free), tops[lane], x(to) - x(free), tall, ink.down, 7); };
    for (const life of spans.lives) if (life.lane === lane) { gap(life.from_ms); free = Math.max(free, life.to_ms); }
    gap(END);
  });
}
function drawFaults(pen) {
  for (const fault of spans.faults.filter(seen)) {
    const left = x(fault.from_ms), wide = Math.max(1, x(fault.to_ms) - left), all = lanes[fault.lane].lane === "hand";
    pen.globalAlpha = wide > 1 ? .06 : .5; pen.fillStyle = ink.bad;
    all ? pen.fillRect(left, 0, wide, height) : pen.fillRect(left, tops[fault.lane], wide, STRIP + rowsOf[fault.lane].length * rowHeight);
    pen.globalAlpha = 1;
  }
}
function drawBars(pen) {
  for (const bar of spans.bars.filter(seen)) {
    if (view.shard !== null && bar.shard !== view.shard) continue;
    const owner = bar.part === "owner", left = Math.max(x(bar.from_ms), GUTTER - 3), wide = Math.max(2, Math.min(x(bar.to_ms), width + 3) - left), top = rowY(bar.lane, bar.shard) + 1, tall = rowHeight - 2;
    pen.fillStyle = owner ? colour(bar.epoch) : ink.line;
    owner ? pen.fillRect(left, top, wide, tall) : pen.fillRect(left, top + tall / 2 - 1, wide, 2);
    if (bar.clash) { hatch(pen, left, top, wide, tall, ink.bad, 5); pen.strokeStyle = ink.bad; pen.lineWidth = 2; pen.strokeRect(left, top, wide, tall); }
    if (owner && rowHeight >= 11 && wide > 34) {
      pen.fillStyle = ink.card; pen.save(); pen.beginPath(); pen.rect(left, top, wide, tall); pen.clip();
      pen.fillText((bar.clash ? "‼ " : "") + "e" + (bar.epoch ?? "?"), Math.max(left, GUTTER) + 4, top + tall / 2 + .5); pen.restore();
    }
  }
  for (const still of spans.frozen.filter(seen)) hatch(pen, x(still.from_ms), tops[still.lane], x(still.to_ms) - x(still.from_ms), STRIP + rowsOf[still.lane].length * rowHeight, ink.pick, 9);
}
function line(pen, message) {
  const i = message.event, fromX = x(at(i)), fromY = stripY(ev.lane[i]), toX = x(message.arrives_ms), toY = stripY(message.to);
  const lost = message.fate === "lost", part = lost ? .62 : 1, endX = fromX + (toX - fromX) * part, endY = fromY + (toY - fromY) * part;
  pen.setLineDash(lost ? [4, 3] : []); pen.beginPath(); pen.moveTo(fromX, fromY); pen.lineTo(endX, endY);
  if (message.fate === "twice") { pen.moveTo(fromX + 3, fromY); pen.lineTo(endX + 3, endY); }
  pen.stroke(); pen.setLineDash([]); pen.beginPath();
  if (lost) { pen.moveTo(endX - 3, endY - 3); pen.lineTo(endX + 3, endY + 3); pen.moveTo(endX + 3, endY - 3); pen.lineTo(endX - 3, endY + 3); }
  else { const turn = Math.atan2(endY - fromY, endX - fromX); for (const side of [2.7, -2.7]) { pen.moveTo(endX, endY); pen.lineTo(endX + 6 * Math.cos(turn + side), endY + 6 * Math.sin(turn + side)); } }
  pen.stroke();
  return [fromX, fromY, endX, endY];
}
function arrowsSeen() {
  const first = firstAt(ev.messages, view.from - longestMs, m => at(m.event)), found = [];
  for (let n = first; n < ev.messages.length && at(ev.messages[n].event) <= view.to; n++) {
    const m = ev.messages[n];
    if (m.arrives_ms >= view.from && (view.shard === null || ev.shard[m.event] === view.shard)) found.push(m);
  }
  return found;
}
function drawArrows(pen) {
  let arrows = arrowsSeen(), hidden = 0;
  if (arrows.length > ARROWS_MAX) { hidden = arrows.length; arrows = arrows.filter(m => m.fate !== "arrives").slice(0, ARROWS_MAX); hidden -= arrows.length; }
  pen.lineWidth = 1;
  view.drawn = arrows.map(m => {
    pen.globalAlpha = m.fate === "arrives" ? .45 : .9; pen.strokeStyle = { lost: ink.bad, late: ink.warn, twice: ink.pick }[m.fate] || ink.soft;
    return { event: m.event, ends: line(pen, m) };
  });
  pen.globalAlpha = 1;
  $("legend").lastChild.textContent = hidden ? `${hidden} messages are drawn when you zoom in` : "";
}
function drawMarks(pen) {
  pen.textAlign = "center";
  lanes.forEach((_, lane) => {
    const list = onLane[lane];
    let last = -9;
    for (let n = firstAt(list, view.from); n < list.length && at(list[n]) <= view.to; n++) {
      const i = list[n], px = x(at(i)), mark = marks[ev.kind[i]];
      if (view.shard !== null && ev.shard[i] !== null && ev.shard[i] !== view.shard) continue;
      // A dot upon a dot shows nothing; a mark is always drawn.
      if (!mark && px - last < 1.5) continue;
      pen.fillStyle = tone(ev.kind[i]);
      if (mark) { pen.font = "13px system-ui, sans-serif"; pen.fillText(mark, px, stripY(lane)); }
      else { pen.beginPath(); pen.arc(px, stripY(lane), 2.6, 0, 7); pen.fill(); last = px; }
    }
  });
  pen.textAlign = "left"; pen.font = "11px system-ui, sans-serif";
}
function drawCursor(pen) {
  if (run.violation) { pen.strokeStyle = ink.bad; pen.lineWidth = 1.5; pen.beginPath(); pen.moveTo(x(run.violation.at_ms), 0); pen.lineTo(x(run.violation.at_ms), height); pen.stroke(); }
  pen.strokeStyle = ink.pick; pen.lineWidth = 1; pen.setLineDash([2, 2]); pen.beginPath(); pen.moveTo(x(view.cursor), 0); pen.lineTo(x(view.cursor), height); pen.stroke(); pen.setLineDash([]);
  if (view.picked < 0) return;
  pen.lineWidth = 2;
  const chain = path(view.picked);
  chain.forEach((i, n) => {
    if (messageOf.has(i)) line(pen, messageOf.get(i));
    const next = chain[n + 1];
    if (next !== undefined && !messageOf.has(next)) { pen.globalAlpha = .6; pen.beginPath(); pen.moveTo(x(at(next)), stripY(ev.lane[next])); pen.lineTo(x(at(i)), stripY(ev.lane[i])); pen.stroke(); pen.globalAlpha = 1; }
  });
  pen.beginPath(); pen.arc(x(at(view.picked)), stripY(ev.lane[view.picked]), 6, 0, 7); pen.stroke();
}
function drawNames(pen) {
  pen.fillStyle = ink.card; pen.fillRect(0, 0, GUTTER, height);
  lanes.forEach((lane, n) => {
    pen.fillStyle = ink.ink; pen.font = "600 12px system-ui, sans-serif"; pen.fillText(lane.name, 8, stripY(n));
    pen.font = "10px system-ui, sans-serif"; pen.fillStyle = ink.soft;
    if (rowHeight >= 10) for (const shard of rowsOf[n]) pen.fillText("shard " + shard, 20, rowY(n, shard) + rowHeight / 2);
  });
}
function drawOverview() {
  const pen = canvasOf("overview", 46), whole = ms => GUTTER + ms / Math.max(1, END) * (width - GUTTER), slots = Math.max(1, Math.floor(width - GUTTER)), dense = new Uint32Array(slots + 1);
  for (let i = 0; i < COUNT; i++) dense[Math.min(slots, Math.floor(whole(at(i)) - GUTTER))]++;
  const most = Math.log1p(dense.reduce((a, b) => Math.max(a, b), 1));
  pen.fillStyle = ink.soft;
  dense.forEach((n, px) => { if (n) pen.fillRect(GUTTER + px, 22 - 18 * Math.log1p(n) / most, 1, 18 * Math.log1p(n) / most); });
  pen.fillStyle = ink.bad;
  for (const fault of spans.faults) pen.fillRect(whole(fault.from_ms), 22, Math.max(1.5, whole(fault.to_ms) - whole(fault.from_ms)), 3);
  if (run.violation) pen.fillRect(whole(run.violation.at_ms) - 1, 2, 2, 23);
  pen.strokeStyle = ink.pick; pen.globalAlpha = .15; pen.fillStyle = ink.pick; pen.fillRect(whole(view.from), 2, whole(view.to) - whole(view.from), 23);
  pen.globalAlpha = 1; pen.strokeRect(whole(view.from) + .5, 2.5, Math.max(1, whole(view.to) - whole(view.from) - 1), 22);
  pen.fillStyle = ink.soft; pen.fillText("whole run", 8, 13); pen.fillText("time", 8, 37); pen.textAlign = "center";
  for (let ms = Math.ceil(view.from / step()) * step(); ms <= view.to; ms += step()) if (x(ms) < width - 30) pen.fillText(step() < 1000 ? ms / 1000 + " s" : Math.round(ms / 1000) + " s", x(ms), 37);
}

// ---- Words: the list, the event, and what stands at the cursor.
const make = (tag, name, words) => { const e = document.createElement(tag); if (name) e.className = name; if (words !== undefined) e.textContent = words; return e; };
function row(i) {
  const e = make("div", "event" + (i === view.picked ? " picked" : ""));
  const kind = make("span", "", ev.kind[i]); kind.style.color = tone(ev.kind[i]);
  e.append(make("time", "", seconds(at(i))), make("b", "", lanes[ev.lane[i]].name), kind, make("span", "", text(i)));
  e.title = text(i); e.onclick = () => pick(i);
  return e;
}
function listed(i) {
  return (view.shard === null || ev.shard[i] === view.shard) && (view.lane === null || ev.lane[i] === view.lane) && (view.kind === null || ev.kind[i] === view.kind)
    && (!view.search || text(i).toLowerCase().includes(view.search));
}
function filter() {
  view.listed = [];
  for (let i = 0; i < COUNT; i++) if (listed(i)) view.listed.push(i);
  $("count").textContent = view.listed.length === COUNT ? COUNT : `${view.listed.length} of ${COUNT}`;
  showList(); draw();
}
function showList(follow) {
  const list = $("list"), tall = list.clientHeight || 200;
  $("rows").style.height = view.listed.length * ROW + "px";
  if (follow) { const place = firstAt(view.listed, view.picked, i => i) * ROW; if (place < list.scrollTop || place > list.scrollTop + tall - ROW) list.scrollTop = place - tall / 2; }
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 4), last = Math.min(view.listed.length, first + Math.ceil(tall / ROW) + 8);
  $("rows").replaceChildren(...view.listed.slice(first, last).map((i, n) => { const e = row(i); e.style.top = (first + n) * ROW + "px"; return e; }));
}
function showEvent() {
  const i = view.picked, box = $("event");
  $("why").disabled = i < 0 || !placeOf.has(ev.cause[i]); $("what").disabled = !run.violation || !placeOf.has(run.violation.event);
  if (i < 0) return box.replaceChildren(make("p", "soft", "Click on an event, a bar or a message."));
  const facts = make("dl"), fact = (name, value) => { if (value !== null && value !== undefined) facts.append(make("dt", "", name), make("dd", "", value)); };
  const message = messageOf.get(i);
  fact("what", text(i)); fact("where", `${lanes[ev.lane[i]].name}, ${ev.kind[i]}, event ${ev.number[i]}`); fact("when", seconds(at(i)));
  fact("shard", ev.shard[i]); fact("epoch", ev.epoch[i]);
  if (message) fact("message", `to ${lanes[message.to].name}, ` + ({ arrives: "arrives at ", late: "arrives, late, at ", twice: "arrives twice, first at ", lost: "lost; it would have arrived at " })[message.fate] + seconds(message.arrives_ms));
  const before = path(i).slice(1), after = followers.get(ev.number[i]) || [];
  box.replaceChildren(facts);
  const some = (name, list, most) => { if (list.length) box.append(make("h3", "", name), ...list.slice(0, most).map(row)); if (list.length > most) box.append(make("div", "soft", `and ${list.length - most} more`)); };
  some("What led to it", before, 12);
  if (before.length < 500 && ev.cause[before.at(-1) ?? i] && !placeOf.has(ev.cause[before.at(-1) ?? i])) box.append(make("div", "soft", "What led to that is not shown on this page."));
  some("What came of it", after, 20);
}
const holds = ms => span => span.from_ms <= ms && (ms < span.to_ms || (ms >= END && span.to_ms >= END));
function branch(words, children = [], chip) {
  const e = make("li"), head = make("span", "", words);
  if (chip) { const c = make("span", "chip"); c.style.background = chip; e.append(c); }
  e.append(head);
  if (children.length) { const list = make("ul"); list.append(...children); e.append(list); }
  return e;
}
function showTree() {
  const now = holds(view.cursor), roots = [];
  $("when").textContent = seconds(view.cursor);
  for (const fault of spans.faults.filter(now)) { const i = placeOf.get(fault.event); if (i !== undefined) roots.push(branch("⚡ " + text(i))); }
  lanes.forEach((lane, n) => {
    if (isNode(n)) {
      const life = spans.lives.find(span => span.lane === n && now(span)), still = spans.frozen.some(span => span.lane === n && now(span));
      const bars = spans.bars.filter(bar => bar.lane === n && now(bar));
      const parts = bars.map(bar => branch(`shard ${bar.shard}: ` + (bar.part === "owner" ? `owner, epoch ${bar.epoch ?? "?"}${bar.clash ? ", and so is another" : ""}` : "follows"), [], bar.part === "owner" ? colour(bar.epoch) : ink.line));
      roots.push(branch(`${lane.name}: ` + (!life ? "down" : (life.generation ? `generation ${life.generation}, ` : "") + (still ? "frozen" : "up")), parts));
    } else if (lane.lane !== "hand") {
      const list = onLane[n], latest = list[firstAt(list, view.cursor + 1) - 1];
      roots.push(branch(`${lane.name}: ` + (latest === undefined ? run.left_out ? "nothing that is shown" : "nothing yet" : `${ev.kind[latest]} at ${seconds(at(latest))}, ${text(latest)}`)));
    }
  });
  const end = firstAt(ev.messages, view.cursor + 1, m => at(m.event)), going = [];
  for (let n = end - 1; n >= 0 && at(ev.messages[n].event) >= view.cursor - longestMs; n--) if (ev.messages[n].arrives_ms > view.cursor && ev.messages[n].fate !== "lost") going.push(ev.messages[n]);
  if (going.length) roots.push(branch(`${going.length} messages on their way`, going.slice(0, 12).map(m => branch(`${lanes[ev.lane[m.event]].name} → ${lanes[m.to].name}: ${text(m.event)}`))));
  const list = make("ul"); list.append(...roots); $("tree").replaceChildren(list);
}

// ---- Moving.
function look(from, to) {
  const wide = Math.min(Math.max(to - from, 4), Math.max(4, END));
  view.from = Math.max(0, Math.min(from, END - wide)); view.to = view.from + wide; draw();
}
function zoom(by, ms = view.cursor) { const middle = ms >= view.from && ms <= view.to ? ms : (view.from + view.to) / 2; look(middle - (middle - view.from) * by, middle + (view.to - middle) * by); }
function pick(i, near) {
  if (i === undefined || i < 0) return;
  view.picked = i; view.cursor = at(i);
  history.replaceState(null, "", "#" + ev.number[i]);
  showEvent(); showTree(); showList(true);
  const wide = near ? Math.min(view.to - view.from, Math.max(200, END / 20)) : view.to - view.from;
  near || at(i) < view.from || at(i) > view.to ? look(at(i) - wide * .6, at(i) + wide * .4) : draw();
}
function beside(by) {
  const list = view.listed, from = view.picked >= 0 ? firstAt(list, view.picked, i => i) : firstAt(list, view.cursor);
  pick(list[by > 0 && list[from] !== view.picked ? from : from + by]);
}
function under(event) {
  const px = event.offsetX, py = event.offsetY;
  let lane = tops.findIndex((top, n) => py >= top && py < (tops[n + 1] ?? height));
  if (lane < 0) return {};
  if (py < tops[lane] + STRIP) {
    const list = onLane[lane], near = firstAt(list, msAt(px));
    const best = [near - 1, near, near + 1].map(n => list[n]).filter(i => i !== undefined).sort((a, b) => Math.abs(x(at(a)) - px) - Math.abs(x(at(b)) - px))[0];
    if (best !== undefined && Math.abs(x(at(best)) - px) < 7) return { event: best, words: `${seconds(at(best))} ${ev.kind[best]}: ${text(best)}` };
  } else {
    const shard = rowsOf[lane][Math.floor((py - tops[lane] - STRIP) / rowHeight)], ms = msAt(px);
    const bar = spans.bars.find(b => b.lane === lane && b.shard === shard && b.from_ms <= ms && ms <= b.to_ms);
    if (bar) return { event: placeOf.get(bar.event), words: `${lanes[lane].name} ${bar.part === "owner" ? "owns" : "follows"} shard ${shard}${bar.epoch === null ? "" : ", epoch " + bar.epoch}: ${seconds(bar.from_ms)} to ${seconds(bar.to_ms)}${bar.clash ? ". Another owns it in the same epoch" : ""}` };
  }
  const away = ([ax, ay, bx, by]) => { const long = (bx - ax) ** 2 + (by - ay) ** 2, part = long ? Math.max(0, Math.min(1, ((px - ax) * (bx - ax) + (py - ay) * (by - ay)) / long)) : 0; return Math.hypot(px - ax - part * (bx - ax), py - ay - part * (by - ay)); };
  const arrow = view.drawn.reduce((best, one) => { const far = away(one.ends); return far < best.far ? { far, one } : best; }, { far: 4 }).one;
  return arrow ? { event: arrow.event, words: `${seconds(at(arrow.event))} ${text(arrow.event)}` } : {};
}

const canvas = $("lanes"), tip = $("tip");
let drag = null;
canvas.addEventListener("wheel", e => { e.preventDefault(); e.shiftKey ? look(view.from + e.deltaY / width * (view.to - view.from), view.to + e.deltaY / width * (view.to - view.from)) : zoom(1.0015 ** e.deltaY, msAt(e.offsetX)); }, { passive: false });
canvas.addEventListener("pointerdown", e => { drag = { x: e.offsetX, y: e.clientY, top: $("scroll").scrollTop, from: view.from, moved: false }; canvas.setPointerCapture(e.pointerId); });
canvas.addEventListener("pointermove", e => {
  if (drag) {
    if (Math.abs(e.offsetX - drag.x) + Math.abs(e.clientY - drag.y) > 4) drag.moved = true;
    if (drag.moved) { canvas.classList.add("drag"); const by = (drag.x - e.offsetX) / (width - GUTTER) * (view.to - view.from); $("scroll").scrollTop = drag.top + drag.y - e.clientY; look(drag.from + by, drag.from + by + view.to - view.from); }
    return;
  }
  const { words } = under(e);
  tip.hidden = !words; if (words) { tip.textContent = words; tip.style.left = Math.min(e.clientX + 12, innerWidth - 320) + "px"; tip.style.top = e.clientY + 14 + "px"; }
});
canvas.addEventListener("pointerup", e => {
  const moved = drag && drag.moved; drag = null; canvas.classList.remove("drag");
  if (moved || e.offsetX < GUTTER) return;
  const { event } = under(e);
  if (event !== undefined) return pick(event);
  view.picked = -1; view.cursor = Math.max(0, Math.min(END, msAt(e.offsetX))); showEvent(); showTree(); showList(); draw();
});
canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
const jump = e => { if (e.buttons) { const wide = view.to - view.from, ms = (e.offsetX - GUTTER) / (width - GUTTER) * END; look(ms - wide / 2, ms + wide / 2); } };
$("overview").addEventListener("pointerdown", jump); $("overview").addEventListener("pointermove", jump);
$("list").addEventListener("scroll", () => showList());
// Drawn in the next frame: a resize that resizes again is an error to the browser.
new ResizeObserver(() => requestAnimationFrame(() => { if ($("scroll").clientWidth !== width) { draw(); showList(); } })).observe($("scroll"));
addEventListener("resize", () => { draw(); showList(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { draw(); showTree(); showList(); });

const cause = () => pick(placeOf.get(ev.cause[view.picked])), violation = () => run.violation && pick(placeOf.get(run.violation.event), true);
const acts = { earlier: () => beside(-1), later: () => beside(1), why: cause, what: violation, nearer: () => zoom(.5), farther: () => zoom(2), fit: () => look(0, END) };
for (const [id, act] of Object.entries(acts)) $(id).addEventListener("click", act);
const keys = { ArrowLeft: "earlier", ArrowRight: "later", c: "why", v: "what", "+": "nearer", "=": "nearer", "-": "farther", f: "fit" };
document.addEventListener("keydown", e => {
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  const typing = ["INPUT", "SELECT"].includes(e.target.tagName);
  if (e.key === "Escape") { $("search").value = view.search = ""; document.activeElement.blur(); filter(); }
  else if (e.key === "/" && !typing) { e.preventDefault(); $("search").focus(); }
  else if (!typing && keys[e.key]) { e.preventDefault(); acts[keys[e.key]](); }
});
function choices(id, name, list) {
  $(id).append(new Option("all", ""), ...list.map(([value, words]) => new Option(words, value)));
  $(id).addEventListener("change", () => { view[name] = $(id).value === "" ? null : name === "kind" ? $(id).value : Number($(id).value); filter(); });
}
choices("shard", "shard", shards.map(s => [s, s])); choices("lane", "lane", lanes.map((lane, n) => [n, lane.name])); choices("kind", "kind", kinds.map(k => [k, k]));
$("search").addEventListener("input", () => { view.search = $("search").value.toLowerCase(); filter(); });
$("copy").addEventListener("click", async () => {
  try { await navigator.clipboard.writeText($("command").textContent); }
  catch { getSelection().selectAllChildren($("command")); document.execCommand("copy"); }
  $("copy").textContent = "Copied"; setTimeout(() => { $("copy").textContent = "Copy"; }, 1500);
});
const followHash = () => { const number = Number(location.hash.slice(1)); if (number && number !== ev.number[view.picked]) pick(placeOf.get(number), true); };
addEventListener("hashchange", followHash);
if (run.left_out) $("leftOut").textContent = `; ${run.left_out} of them are not shown, because a page cannot hold them all`;

// ---- The first look.
readColours();
for (const [mark, words] of [["■", "owner, coloured by epoch"], ["━", "follower"], ["╱╱", "down or frozen"], ["⇢ ×", "lost"], ["⇉", "twice"], ["⚡", "fault"]]) { const part = make("span"); part.append(make("i", "", mark), " " + words); $("legend").append(part); }
$("legend").append(make("span"));
filter(); showEvent(); showTree();
followHash();
if (view.picked < 0 && run.open_at) pick(placeOf.get(run.open_at), true);
