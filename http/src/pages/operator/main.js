// The page as a whole: signing in, views, banners, and what keeps it fresh.

const REFRESH_MS = 2000, BADGES_EACH = 5, SAID_PAUSE_MS = 2000, TOAST_MS = 8000;
const VIEWS = { tree: refreshTree, shards: showShards, failures: showFailures, dead: showDead, stalled: showStalled, where: showWhere, actions: showActions };

let view = "tree", toastTimer = 0;

function toast(text) {
  $("toast").textContent = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { $("toast").textContent = ""; }, TOAST_MS);
}

/** Says what happened to who cannot see it; a storm of events is said as its last one. */
const said = { last: 0, next: "", timer: 0 };
function say(text) {
  said.next = text;
  if (said.timer) return;
  said.timer = setTimeout(() => { said.timer = 0; said.last = Date.now(); $("told").textContent = said.next; }, Math.max(0, said.last + SAID_PAUSE_MS - Date.now()));
}

function go(name) {
  closePanel();
  const hash = name === "where" && where.id ? `#/where/${encodeURIComponent(where.id)}` : `#/${name}`;
  if (location.hash === hash) route(); else location.hash = hash;
}

/** The view is in the fragment, so that the browser's back button works; nothing secret is. */
function route() {
  const [, name = "tree", id = ""] = location.hash.split("/");
  view = VIEWS[name] ? name : "tree";
  if (view === "where" && id) { where.id = decodeURIComponent(id); $("find-id").value = where.id; }
  for (const name of Object.keys(VIEWS)) $(`view-${name}`).hidden = name !== view;
  for (const tab of $("tabs").children) if (tab.dataset.view === view) tab.setAttribute("aria-current", "page"); else tab.removeAttribute("aria-current");
  if (net.key) { if (view !== "tree" && !$(`view-${view}`).childElementCount) show($(`view-${view}`), make("p", "soft", words.loading)); refresh(); }
}

let turn = 0;
async function refresh() {
  const mine = ++turn, host = $(`view-${view}`);
  try { await VIEWS[view](host); } catch (error) {
    if (mine === turn && error instanceof Refused && error.status !== 401 && view !== "tree") show(host, make("div", "empty", error.message));
    else if (error instanceof Refused && error.status === 403) locked(words.noScope);
    else if (error instanceof Refused && error.status !== 401) toast(error.message);
    else if (!(error instanceof Refused) && !net.goneSince) throw error;
  }
  banners();
}

const refreshAll = () => { refresh(); refreshPanel(); badges(); };

function banners() {
  const lines = [];
  if (net.goneSince) { const line = make("div", "gone", make("b", "", words.goneSince(clock(net.goneSince))), words.goneStays); lines.push(line); }
  for (const one of model.cannotSee) lines.push(make("div", "", make("b", "", `${words.blind}: ${one.what}.`), one.why));
  show($("banners"), ...lines);
  document.body.classList.toggle("gone", Boolean(net.goneSince));
  if (net.goneSince) pulse("gone");
}

/** Whether what is shown is as things are. */
function pulse(state = $("pulse").dataset.state || "joining") {
  $("pulse").dataset.state = state;
  $("pulse").className = `pill s-${{ live: "running", joining: "starting", gone: "failed" }[state]}`;
  $("pulse").textContent = words[state];
}

async function badges() {
  try {
    // Other views name nodes too.
    if (view !== "tree") takeRoots(await ask("tree", { depth: 1, limit: 200 }));
    const { dead_letters: letters } = await ask("dead-letters", { limit: 100 }), { documents } = await ask("stalled", { over_s: 60 });
    const set = (name, count) => { const tab = $("tabs").querySelector(`[data-view=${name}]`); tab.querySelector("b")?.remove(); if (count) tab.append(make("b", "", count >= 100 ? "100+" : String(count))); };
    set("dead", letters.length); set("stalled", documents.length);
  } catch { /* The views themselves say what is wrong. */ }
}

/** Events of one frame are taken together: a thousand restarts are one drawing. */
const heard = { events: [], waiting: false };
function takeEvent(name, data) {
  heard.events.push([name, data]);
  if (heard.waiting) return;
  heard.waiting = true;
  requestAnimationFrame(() => {
    heard.waiting = false;
    const events = heard.events.splice(0), names = new Set(events.map(([name]) => name));
    for (const [name, data] of events) {
      if (name === "actor" && takeStatus(data) && ["failed", "stuck", "restarting"].includes(data.status)) say(words.heard.status(`${data.node}:${data.path}`, statusWord(data.status)));
      if (name === "failure") say(words.heard.failure(`${data.node}:${data.path}`, data.reason || ""));
    }
    drawTree();
    const wants = { shards: ["shard", "node"], failures: ["failure"], dead: ["failure", "action"], actions: ["action"], where: ["actor", "failure"], stalled: [], tree: ["node", "failure"] }[view];
    if (wants.some(name => names.has(name))) soon();
  });
}
let soonTimer = 0;
const soon = () => { soonTimer ||= setTimeout(() => { soonTimer = 0; refreshAll(); }, 250); };

function locked(why) {
  net.key = "";
  sessionStorage.removeItem("key");
  net.hearing?.abort();
  $("login-said").textContent = why;
  signedIn(false);
}

function signedIn(is) {
  $("login").hidden = is;
  for (const id of ["frame", "tabs", "find", "leave", "pulse"]) $(id).hidden = !is;
  if (!is) { $("banners").replaceChildren(); closePanel(); $("key").focus(); return; }
  pulse("joining");
  hear(); route(); badges();
}

function setWords() {
  words = WORDS[language];
  document.documentElement.lang = language === "pt" ? "pt-BR" : "en";
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = words[element.dataset.word];
  for (const element of document.querySelectorAll("[data-hint]")) element.placeholder = words[element.dataset.hint];
  for (const element of document.querySelectorAll("[data-label]:not(td)")) element.setAttribute("aria-label", words[element.dataset.label]);
  $("language").textContent = language === "pt" ? "EN" : "PT";
  $("language").setAttribute("aria-label", words.other);
  setTheme(document.documentElement.dataset.theme || "auto");
  pulse();
  const chosen = $("status").value;
  $("status").replaceChildren(...["", "starting", "running", "busy", "stuck", "waiting", "draining", "paused", "quarantined", "restarting", "failed", "stopped"].map(status => { const option = make("option", "", status ? statusWord(status) : words.anyStatus); option.value = status; return option; }));
  $("status").value = chosen;
  $("columns").replaceChildren(...words.columns.map((column, at) => make("span", ["", "wide", "", "", "", "n wide", "n wide", "n wide", "n wide"][at], column)));
  $("tabs").replaceChildren(...Object.keys(VIEWS).map(name => { const tab = button(words.tabs[name], "", () => go(name)); tab.dataset.view = name; return tab; }));
}

function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme; else document.documentElement.dataset.theme = theme;
  $("theme").replaceChildren("◐", make("span", "", ` ${words.themes[theme]}`));
  $("theme").setAttribute("aria-label", words.themes[theme]);
}

function pageKey(event) {
  const typing = event.target.matches("input, select, textarea");
  if (event.key === "/" && !typing && net.key) { event.preventDefault(); (view === "tree" ? $("filter") : $("find-id")).focus(); }
  if (event.key !== "Escape" || $("ask").open) return;
  if (typing && event.target.value) { event.target.value = ""; if (event.target.id === "filter") search(); } else if (typing) event.target.blur(); else closePanel();
}

net.onGone = banners;
net.onBack = () => { banners(); hear(); refreshAll(); };
net.onLocked = () => locked(words.wrongKey);
net.onEvent = takeEvent;
net.onLive = is => { if (is) isThere(); pulse(is ? "live" : net.goneSince ? "gone" : "joining"); };

$("login").addEventListener("submit", event => {
  event.preventDefault();
  net.key = $("key").value.trim();
  $("key").value = "";
  $("login-said").textContent = "";
  sessionStorage.setItem("key", net.key);
  signedIn(true);
});
$("leave").addEventListener("click", () => { model.nodes.clear(); tree.opened = false; locked(""); });
$("find").addEventListener("submit", event => { event.preventDefault(); if ($("find-id").value.trim()) goWhere($("find-id").value); });
$("language").addEventListener("click", () => { language = language === "pt" ? "en" : "pt"; keep("language", language); setWords(); route(); drawTree(true); refreshPanel(); badges(); });
$("theme").addEventListener("click", () => { const themes = ["auto", "light", "dark"], next = themes[(themes.indexOf(document.documentElement.dataset.theme || "auto") + 1) % 3]; keep("theme", next); setTheme(next); });
$("panel-close").addEventListener("click", closePanel);
document.addEventListener("keydown", pageKey);
addEventListener("hashchange", route);
setTheme(kept("theme") || "auto");
setWords();
startTree();
startActing();
signedIn(Boolean(net.key));
(async function loop(round = 1) {
  if (!document.hidden && net.key) { await refresh().catch(error => console.error(error)); await refreshPanel(); if (round % BADGES_EACH === 0) await badges(); }
  setTimeout(loop, REFRESH_MS, round + 1);
})();
