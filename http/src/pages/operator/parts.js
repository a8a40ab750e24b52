// Small pieces of the page, and how times and sizes are said.

const $ = id => document.getElementById(id);

/** An element; children may be texts. Text is always set as text: nothing that a node says can become markup. */
function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter(child => child !== null && child !== undefined && child !== ""));
  return element;
}

const pill = (status, text) => make("span", `pill s-${String(status).replace(/[^a-z_]/g, "")}`, text || statusWord(status));

function button(text, className, act) {
  const element = make("button", className, text);
  element.type = "button";
  element.addEventListener("click", act);
  return element;
}

function facts(pairs) {
  const list = make("dl", "");
  for (const [name, value] of pairs) if (value !== null && value !== undefined && value !== "") list.append(make("dt", "", name), make("dd", "", value));
  return list;
}

/** A table whose cells name their column where there is no room for a head. */
function table(columns, rows) {
  const head = make("tr", "", ...columns.map(column => { const cell = make(column ? "th" : "td", "", column); if (column) cell.scope = "col"; return cell; }));
  const body = rows.map(cells => make("tr", "", ...cells.map((cell, at) => {
    const { className = "", content = cell } = cell && cell.content !== undefined ? cell : {};
    const element = make("td", className, content);
    if (columns[at]) element.dataset.label = columns[at];
    return element;
  })));
  return make("table", "", make("thead", "", head), make("tbody", "", ...body));
}

function backtrace(failure) {
  return failure.backtrace ? make("pre", "", failure.backtrace) : make("p", "soft", words.noBacktrace);
}

/** Failures, each to be opened; the newest is open, because it is what one came for. */
function failureList(failures) {
  if (!failures || !failures.length) return make("p", "soft", words.noFailures);
  return make("div", "failures", ...failures.map((failure, at) => {
    const head = make("summary", "", `${clock(failure.at_ms)} · ${failure.message || ""} · `, make("span", "bad", failure.reason));
    const details = make("details", "", head, make("div", "", make("p", "soft mono", `${failure.node}:${failure.path}`), failure.trace_id ? make("p", "soft mono", `${words.traceId} ${failure.trace_id}`) : null, backtrace(failure)));
    details.open = at === 0;
    details.dataset.key = `failure ${failure.id}`;
    return details;
  }));
}

/** Puts `fresh` in the place of what `host` shows, unless it looks the same; what was opened or closed stays so. */
function show(host, ...fresh) {
  const next = document.createElement("div");
  next.append(...fresh.filter(one => one !== null && one !== undefined));
  for (const details of next.querySelectorAll("details[data-key]")) {
    const before = host.querySelector(`details[data-key="${CSS.escape(details.dataset.key)}"]`);
    if (before) details.open = before.open;
  }
  for (const box of next.querySelectorAll("input[type=checkbox][data-key]")) {
    const before = host.querySelector(`input[data-key="${CSS.escape(box.dataset.key)}"]`);
    if (before) box.checked = before.checked;
  }
  if (next.innerHTML === host.innerHTML) return;
  // Whoever is in the middle of the old elements with the keyboard or the mouse should not lose them.
  const held = host.contains(document.activeElement) ? [...host.querySelectorAll("button, input, summary, a, select")].indexOf(document.activeElement) : -1;
  host.replaceChildren(...next.childNodes);
  if (held >= 0) [...host.querySelectorAll("button, input, summary, a, select")][held]?.focus();
}

const localeOf = () => (language === "pt" ? "pt-BR" : "en-GB");
const number = value => (typeof value === "number" ? value.toLocaleString(localeOf(), { maximumFractionDigits: 1 }) : "–");
const clock = ms => (ms ? new Date(ms).toLocaleTimeString(localeOf()) : "–");
const moment = ms => {
  if (!ms) return "–";
  const date = new Date(ms), today = new Date(now()).toDateString() === date.toDateString();
  return today ? clock(ms) : date.toLocaleString(localeOf(), { dateStyle: "short", timeStyle: "medium" });
};

/** A time as people say it: two digits are enough to act on. */
function lasts(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1) return `${number(Math.round(ms * 1000))} µs`;
  if (ms < 1000) return `${number(Math.round(ms))} ms`;
  if (ms < 60_000) return `${number(ms / 1000)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.floor(ms / 3_600_000)} h`;
  return `${Math.floor(ms / 86_400_000)} d`;
}
const lastsUs = us => (us === null || us === undefined ? "–" : lasts(us / 1000));

function size(bytes) {
  if (bytes === null || bytes === undefined) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (bytes >= 1000 && at < units.length - 1) { bytes /= 1000; at++; }
  return `${number(bytes)} ${units[at]}`;
}

function meter(depth, capacity) {
  const share = Math.min(1, depth / capacity), bar = make("i", "");
  bar.style.width = `${100 * share}%`;
  return make("span", share > 0.8 ? "meter full" : "meter", bar);
}
