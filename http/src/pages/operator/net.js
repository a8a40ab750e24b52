// Asks the node, and hears what happens. The key travels in a header alone.

const PAUSE_MS = 2000, ANSWER_MS_MAX = 10_000, SILENCE_MS_MAX = 25_000, EVENT_CHARACTERS_MAX = 1 << 20;

/** What a node said instead of what it was asked for. */
class Refused extends Error {
  constructor(status, problem) { super(problem.detail || `${status}`); this.status = status; this.code = problem.code || problem.type || ""; }
}

const net = { key: sessionStorage.getItem("key") || "", goneSince: null, skew: 0, hearing: null, lastEvent: "", onGone() {}, onBack() {}, onLocked() {}, onEvent() {}, onLive() {} };
/** The cluster's time: ages are told against it, not against a laptop's clock. */
const now = () => Date.now() + net.skew;

async function send(path, options) {
  let answer;
  const timeout = AbortSignal.timeout(ANSWER_MS_MAX), signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  try {
    answer = await fetch(path, { ...options, signal, cache: "no-store", headers: { "X-API-Key": net.key, "Accept-Language": language === "pt" ? "pt-BR" : "en", ...options.headers } });
    const body = await answer.json().catch(() => ({}));
    isThere();
    if (answer.ok) {
      if (body.taken_at_ms) net.skew = body.taken_at_ms - Date.now();
      return body;
    }
    const refused = new Refused(answer.status, body);
    if (answer.status === 401) net.onLocked(refused);
    throw refused;
  } catch (error) {
    if (error instanceof Refused || (options.signal && options.signal.aborted)) throw error;
    isGone();
    throw error;
  }
}

const ask = (path, parameters = {}, signal) => {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== ""));
  return send(`/v1/operator/${path}${query.size ? `?${query}` : ""}`, { signal });
};
/** Asks about the whole cluster, so that the answer says what of it cannot be seen. */
const askAll = async (path, parameters) => {
  const told = await ask(path, parameters);
  model.cannotSee = told.cannot_see || [];
  return told;
};
const act = body => send("/v1/operator/actions", { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });

function isGone() {
  if (net.goneSince) return;
  net.goneSince = Date.now();
  net.onGone();
}
function isThere() {
  if (!net.goneSince) return;
  net.goneSince = null;
  net.onBack();
}

/** The events in `text`, and what is left of it. */
function parseEvents(text) {
  const blocks = text.split("\n\n"), rest = blocks.pop(), events = [];
  for (const block of blocks) {
    const event = {};
    for (const line of block.split("\n")) {
      const at = line.indexOf(":");
      if (at > 0) event[line.slice(0, at)] = line.slice(at + 1).trimStart();
    }
    try { if (event.data) events.push({ id: event.id, name: event.event, data: JSON.parse(event.data) }); } catch { /* A line that is cut short says nothing. */ }
  }
  return { events, rest };
}

/** Hears events until the page is signed out; a connection that breaks or falls silent is made anew. */
async function hear() {
  if (net.hearing) net.hearing.abort();
  const turn = net.hearing = new AbortController();
  while (!turn.signal.aborted && net.key) {
    const line = new AbortController(), stop = () => line.abort();
    turn.signal.addEventListener("abort", stop);
    let silence = setTimeout(stop, SILENCE_MS_MAX);
    try {
      const headers = { "X-API-Key": net.key };
      if (net.lastEvent) headers["Last-Event-ID"] = net.lastEvent;
      const answer = await fetch("/v1/operator/events", { headers, signal: line.signal, cache: "no-store" });
      if (answer.ok) {
        net.onLive(true);
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        for (let text = "";;) {
          const { value, done } = await reader.read();
          if (done) break;
          clearTimeout(silence); silence = setTimeout(stop, SILENCE_MS_MAX);
          const { events, rest } = parseEvents(text + value.replaceAll("\r\n", "\n"));
          text = rest.length > EVENT_CHARACTERS_MAX ? "" : rest;
          for (const event of events) { if (event.id) net.lastEvent = event.id; net.onEvent(event.name, event.data); }
        }
      } else if (answer.status === 401) net.onLocked(new Refused(401, {}));
    } catch { /* The pause below comes before the next try, whatever broke this one. */ }
    clearTimeout(silence);
    turn.signal.removeEventListener("abort", stop);
    if (turn.signal.aborted) return;
    net.onLive(false);
    await new Promise(done => setTimeout(done, PAUSE_MS));
  }
}
