// The other views: shards, failures, dead letters, stalled documents, a document's path, and what was done.

const MOVING = new Set(["claiming", "handing_over", "unowned"]);
const shardPill = shard => pill({ serving: "running", following: "running", refused: "failed" }[shard.status] || "restarting", statusWord(shard.status));

async function showShards(host) {
  const { shards } = await askAll("shards");
  if (!shards.length) return show(host, make("div", "empty", words.noShards));
  const owners = new Map();
  for (const shard of shards) { const owner = shard.owner || ""; owners.set(owner, [...(owners.get(owner) || []), shard]); }
  const parts = [];
  for (const [owner, owned] of [...owners].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const moving = owned.filter(shard => MOVING.has(shard.status)).length;
    const head = make("h2", owner ? "" : "bad", `${owner || words.noOwner} `, make("span", "soft", [`${owned.length}`, words.documentsN(number(owned.reduce((sum, shard) => sum + (shard.documents || 0), 0))), moving ? words.moving(moving) : ""].filter(Boolean).join(" · ")));
    const cells = make("div", "cells", ...owned.map(shardCell));
    cells.dataset.owner = owner;
    parts.push(head, cells);
  }
  show(host, ...parts);
}

function shardCell(shard) {
  const cell = button("", `cell${MOVING.has(shard.status) ? " moving" : ""}${shard.owner ? "" : " lost"}`, () => openShard(shard.shard));
  const replicas = shard.replicas.map(one => `${one.node} ${words.lag(one.lag)}`).join(", ");
  cell.append(make("span", "", make("b", "", words.shardN(shard.shard)), ` · ${words.epoch} ${shard.epoch}`), shardPill(shard), make("small", "", `${words.documentsN(number(shard.documents || 0))} · ${words.position} ${number(shard.position)}`), make("small", "", replicas ? `${words.replicas}: ${replicas}` : ""), shard.why ? make("small", "bad", shard.why) : "");
  cell.dataset.shard = shard.shard;
  return cell;
}

async function showFailures(host) {
  const { failures } = await askAll("failures", { limit: 100 });
  if (!failures.length) return show(host, make("div", "empty", words.noFailuresYet));
  const rows = failures.map(one => [
    { className: "tight soft", content: moment(one.at_ms) }, actorLink(one.node, one.path), { className: "mono soft", content: one.message || "" },
    (() => { const link = button(one.reason, "link bad", () => openFailure(one)); link.dataset.failure = one.id; return link; })(), { className: "soft", content: one.backtrace ? words.backtrace : "" },
  ]);
  show(host, table([words.when, words.actor, words.message, words.why, ""], rows));
}

async function showDead(host) {
  const { dead_letters: letters } = await askAll("dead-letters", { limit: 100 });
  if (!letters.length) return show(host, make("div", "empty", words.noDead));
  const rows = letters.map(one => [
    { className: "tight", content: tick(one.id, `${one.message} ${one.id}`) }, { className: "tight soft", content: moment(one.at_ms) },
    (() => { const link = button(one.message, "link", () => openLetter(one)); link.dataset.letter = one.id; return link; })(),
    make("div", "", actorLink(one.node, one.path), one.document ? make("div", "", whereLink(one.document)) : null),
    make("div", "", make("span", "bad", one.reason), make("div", "soft", words.attempts(one.attempts))),
    { className: "tight", content: make("div", "acts", one.can_retry ? offer("retry_dead_letters", { ids: [one.id] }) : null, offer("discard_dead_letters", { ids: [one.id] })) },
  ]);
  show(host, bulkBar(host, letters), table(["", words.when, words.message, words.actor, words.why, ""], rows));
}

function tick(id, label) {
  const box = make("input", "");
  box.type = "checkbox";
  box.dataset.key = id;
  box.setAttribute("aria-label", label);
  return box;
}

/** Retry or discard of all that are ticked; the ticks are read when the button is pressed. */
function bulkBar(host, letters) {
  const ticked = () => letters.filter(one => host.querySelector(`input[data-key="${CSS.escape(one.id)}"]`)?.checked).map(one => one.id);
  const all = tick("all", words.all), label = make("label", "", all, ` ${words.all}`);
  all.addEventListener("change", () => host.querySelectorAll("tbody input[type=checkbox]").forEach(box => { box.checked = all.checked; }));
  const bulk = (action, className) => { const element = button(words.acts[action], className, () => { const ids = ticked(); if (ids.length) openAsk({ action, target: { ids } }); }); element.dataset.bulk = action; return element; };
  return make("div", "bar", label, bulk("retry_dead_letters", ""), bulk("discard_dead_letters", "hard"));
}

async function showStalled(host) {
  const { documents } = await askAll("stalled", { over_s: 60 });
  if (!documents.length) return show(host, make("div", "empty", words.noStalled));
  const rows = documents.map(one => [whereLink(one.document), words.stage[one.stage] || one.stage, { className: "n", content: lasts(one.for_s * 1000) }, `${one.shard ?? "–"}`, one.owner || words.noOwner, one.actor && one.owner ? actorLink(one.owner, one.actor) : "", { className: "soft", content: one.why || "" }]);
  show(host, table([words.document, words.stage_, words.since, words.shard, words.owner, words.actor, words.why], rows));
}

async function showActions(host) {
  const { actions } = await askAll("actions", { limit: 100 });
  if (!actions.length) return show(host, make("div", "empty", words.noActions));
  const rows = actions.map(one => [{ className: "tight soft", content: moment(one.at_ms) }, one.by, { className: "tight", content: words.acts[one.action] || one.action }, { className: "mono", content: targetText(one.target) }, { className: "soft", content: one.reason }, { className: "tight", content: one.dry_run ? words.status.would_do : statusWord(one.outcome) }]);
  show(host, table([words.when, words.by, words.action, words.target, words.reason, words.outcome], rows));
}

const targetText = target => (typeof target === "string" ? target : Object.entries(target || {}).filter(([, value]) => value !== null && value !== undefined).map(([name, value]) => (name === "path" || name === "node" ? value : `${name} ${Array.isArray(value) ? value.join(", ") : value}`)).join(" "));

const where = { id: "" };

function goWhere(id) {
  where.id = id.trim();
  $("find-id").value = where.id;
  go("where");
}

async function showWhere(host) {
  if (!where.id) return show(host, make("div", "empty", words.whereHint));
  let told;
  try { told = await askAll(`where/${encodeURIComponent(where.id)}`); } catch (error) { if (error instanceof Refused) return show(host, make("div", "empty", error.message)); throw error; }
  const { actor } = told;
  const title = make("h2", "", `${words[told.what] || told.what} `, make("span", "mono", told.id), " ", pill({ failed: "failed", ready: "running" }[told.status] || "busy", statusWord(told.status)));
  const held = actor ? make("span", "", actorLink(actor.node, actor.path), " ", pill(actor.status)) : "–";
  const acts = (told.may || []).map(one => offer(one.action, one.target, one));
  if (actor) acts.unshift(button(words.open, "", () => openActor(actor.node, actor.path)));
  show(host, title, actsBar(acts),
    facts([[words.holds, held], [words.document, told.document && told.document !== told.id ? whereLink(told.document) : null], [words.shard, told.shard === null || told.shard === undefined ? null : `${told.shard} · ${words.owner} ${told.owner || words.noOwner} · ${words.epoch} ${told.epoch}`], [words.tenant, told.tenant]]),
    make("h3", "", words.timeline), timeline(told.path || []), legend(),
    make("h3", "", words.failures), failureList(told.failures),
    ...(told.dead_letters?.length ? [make("h3", "", words.dead), make("div", "", ...told.dead_letters.map(one => make("p", "", make("span", "bad", one.reason), ` · ${one.message} · ${words.attempts(one.attempts)} `)))] : []));
}

/** Each stage on one time axis: how long it waited in a queue, and how long it was worked on. */
function timeline(path) {
  if (!path.length) return make("p", "soft", words.noHistory);
  const begin = Math.min(...path.map(step => step.started_ms)), endOf = step => step.started_ms + (step.queue_ms || 0) + (step.work_ms ?? Math.max(0, step.status === "running" ? now() - step.started_ms - (step.queue_ms || 0) : 0));
  const all = Math.max(1, Math.max(...path.map(endOf)) - begin), share = ms => `${(100 * ms) / all}%`;
  return make("ol", "path", ...path.map(step => {
    const queue = make("i", "queue"), work = make("i", step.status === "failed" ? "work failed" : "work"), queued = step.queue_ms || 0, worked = endOf(step) - step.started_ms - queued;
    queue.style.left = share(step.started_ms - begin); queue.style.width = share(queued);
    work.style.left = share(step.started_ms - begin + queued); work.style.width = share(worked);
    if (!queued) queue.hidden = true;
    const track = make("div", "track", queue, work);
    track.setAttribute("aria-hidden", "true");
    const where_ = step.actor ? actorLink(step.node, step.actor) : make("span", "mono soft", step.node || "");
    return make("li", "", make("b", "", words.stage[step.stage] || step.stage), pill({ done: "running", running: "busy", failed: "failed" }[step.status] || "waiting", statusWord(step.status)),
      make("span", "", where_, make("small", "", [clock(step.started_ms), queued ? `${words.waited} ${lasts(queued)}` : "", !step.work_ms ? "" : `${words.worked} ${lasts(step.work_ms)}`, step.detail].filter(Boolean).join(" · "))), track);
  }));
}

const legend = () => make("p", "soft key", make("span", "", make("i", "queue"), words.queueKey), make("span", "", make("i", "work"), words.workKey));
