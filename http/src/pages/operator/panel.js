// The panel beside the view: one actor, node, shard, failure or dead letter, with what can be done about it.

/** Kinds that can be paused. */
const POOLS = /pool|model_host|evaluator/;

const panel = { show: null, from: null };

function openPanel(render) {
  if (!panel.show) panel.from = document.activeElement;
  panel.show = render;
  show($("panel-body"), make("p", "soft", words.loading));
  $("panel").hidden = false;
  $("panel").scrollTop = 0;
  $("panel").focus({ preventScroll: true });
  refreshPanel();
}

function closePanel() {
  if (!panel.show) return;
  panel.show = null;
  $("panel").hidden = true;
  tree.selected = "";
  const from = panel.from?.isConnected ? panel.from : $("main");
  from.focus({ preventScroll: true });
  drawTree();
}

async function refreshPanel() {
  const render = panel.show;
  if (!render) return;
  try {
    const { title, body } = await render();
    if (panel.show !== render) return;
    $("panel-title").textContent = title;
    show($("panel-body"), ...body);
  } catch (error) {
    if (panel.show === render && error instanceof Refused) show($("panel-body"), make("p", "bad", error.message));
  }
}

const openActor = (node, path) => openPanel(async () => {
  const told = await ask("actor", { node, path });
  return { title: nameOf(path), body: actorBody(told) };
});

function actorBody({ actor, failures, history, trace }) {
  // Of one that is gone its failures are remembered.
  if (!actor) return [make("p", "soft", words.goneActor), make("h3", "", words.failures), failureList(failures)];
  const { mailbox, busy, intensity } = actor, target = { node: actor.node, path: actor.path };
  const acts = [offer("restart", target)];
  if (actor.children) acts.push(offer("restart_subtree", target));
  if (POOLS.test(actor.kind) || actor.status === "paused") acts.push(actor.status === "paused" ? offer("resume_pool", target) : offer("pause_pool", target));
  acts.push(offer("trace_actor", target));
  const kids = Object.entries(actor.child_status || {}).filter(([, count]) => count).map(([name, count]) => `${number(count)} ${statusWord(name)}`).join(", ");
  const vitals = facts([
    [words.state, pill(actor.status, actor.status === "waiting" && actor.waiting_on ? words.waitingOn(actor.waiting_on) : "")],
    [words.kind, actor.kind], [words.node, actor.node], [words.generation, make("span", "mono", actor.generation)],
    [words.started, `${moment(actor.started_ms)} (${words.ago(lasts(now() - actor.started_ms))})`],
    [words.mailbox, mailbox ? make("span", "", mailbox.capacity ? meter(mailbox.depth, mailbox.capacity) : null, mailbox.capacity ? words.waits(mailbox.depth, mailbox.capacity) : number(mailbox.depth), mailbox.oldest_ms ? `, ${words.oldest(lasts(mailbox.oldest_ms))}` : "") : "–"],
    [words.inHand, busy ? `${busy.message}, ${lasts(busy.for_ms)}` : words.nothingInHand],
    [words.handled, `${number(actor.handled)}, ${words.perSecond(number(actor.rate_per_s))}`], [words.times, `p50 ${lastsUs(actor.p50_us)}, p99 ${lastsUs(actor.p99_us)}`],
    [words.restarts, intensity ? words.intensity(intensity.used, intensity.allowed, intensity.period_s) : number(actor.restarts)],
    [words.children, actor.children ? `${number(actor.children)}${kids ? ` (${kids})` : ""}` : null], [words.note, actor.note],
  ]);
  return [
    make("p", "mono soft", actor.id), actsBar(acts), vitals,
    make("h3", "", words.failures), failureList(failures), ...traceParts(trace),
    make("h3", "", words.history), historyList(history),
  ];
}

function historyList(history) {
  if (!history?.length) return make("p", "soft", words.noHistory);
  const list = make("ol", "history", ...history.map(one => make("li", "", make("span", "soft", clock(one.at_ms)), make("b", one.what === "failed" ? "bad" : "", words.what[one.what] || one.what), make("span", "soft", one.detail || ""))));
  return list;
}

function traceParts(trace) {
  if (!trace) return [];
  const rows = trace.messages.map(one => [clock(one.at_ms), one.message, lastsUs(one.queue_us), lastsUs(one.work_us), one.outcome]);
  return [make("h3", "", words.trace), make("p", "soft", words.traceLeft(trace.left)), table([words.when, words.message, words.waited, words.worked, words.outcome], rows)];
}

const openNode = name => openPanel(async () => {
  const told = model.nodes.get(name)?.told;
  if (!told) return { title: name, body: [make("p", "soft", words.nothing)] };
  const body = [
    told.answered ? null : make("p", "bad", told.why || words.status.silent),
    actsBar([button(words.open, "", () => openActor(name, ROOT)), told.cordoned ? offer("undrain_node", { node: name }) : offer("drain_node", { node: name }), offer("log_level", { node: name })]),
    facts([[words.generation, make("span", "mono", told.generation)], [words.address, make("span", "mono", told.address || "–")], [words.roles, (told.roles || []).join(", ")], [words.version, told.version], [words.started, told.started_ms ? `${moment(told.started_ms)} (${words.ago(lasts(now() - told.started_ms))})` : "–"],
      [words.state, told.cordoned ? words.cordoned : told.answered ? words.status.answering : words.status.silent], [words.cpu, told.cpu_percent === null || told.cpu_percent === undefined ? "–" : `${number(told.cpu_percent)} %`], [words.memory, size(told.memory_bytes)], [words.actors, number(told.actors_total)]]),
  ];
  const { failures } = await ask("failures", { node: name, limit: 20 });
  return { title: name, body: [...body, make("h3", "", words.failures), failureList(failures)] };
});

const openShard = number_ => openPanel(async () => {
  const { shards } = await ask("shards"), shard = shards.find(one => one.shard === number_);
  if (!shard) return { title: words.shardN(number_), body: [make("p", "soft", words.nothing)] };
  const replicas = shard.replicas.length ? table([words.node, words.position, words.replicas], shard.replicas.map(one => [one.node, number(one.position), make("span", one.lag ? "warn" : "", words.lag(one.lag))])) : make("p", "soft", "–");
  return { title: words.shardN(shard.shard), body: [
    actsBar([offer("drain_shard", { shard: shard.shard }), offer("move_shard", { shard: shard.shard })]),
    facts([[words.state, shardPill(shard)], [words.owner, shard.owner || words.noOwner], [words.epoch, number(shard.epoch)], [words.position, number(shard.position)], [words.documents, number(shard.documents)], [words.why, shard.why]]),
    make("h3", "", words.replicas), replicas,
  ] };
});

const openFailure = failure => openPanel(async () => ({ title: failure.path.includes("/") ? nameOf(failure.path) : failure.path, body: [
  make("p", "bad", failure.reason),
  make("div", "acts", button(words.open, "main", () => openActor(failure.node, failure.path)), offer("restart", { node: failure.node, path: failure.path })),
  facts([[words.when, moment(failure.at_ms)], [words.node, failure.node], [words.generation, make("span", "mono", failure.generation)], [words.actor, make("span", "mono", failure.path)], [words.kind, failure.kind], [words.message, failure.message], [words.traceId, failure.trace_id ? whereLink(failure.trace_id) : null]]),
  make("h3", "", words.backtrace), backtrace(failure),
] }));

const openLetter = letter => openPanel(async () => ({ title: letter.message, body: [
  make("p", "bad", letter.reason),
  actsBar([letter.can_retry ? offer("retry_dead_letters", { ids: [letter.id] }) : null, offer("discard_dead_letters", { ids: [letter.id] })]),
  facts([[words.when, moment(letter.at_ms)], [words.actor, actorLink(letter.node, letter.path)], [words.document, letter.document ? whereLink(letter.document) : null], [words.tenant, letter.tenant], ["", words.attempts(letter.attempts)]]),
] }));

const actorLink = (node, path) => button(`${node}:${path}`, "link mono", () => openActor(node, path));
const whereLink = id => button(id, "link mono", () => goWhere(id));
/** A button that asks before it acts. */
const offer = (action, target, more) => {
  const hard = /discard|quarantine|drain_node|drain_shard/.test(action), element = button(words.acts[action] || action, hard ? "hard" : "", () => openAsk({ action, target, ...more }));
  element.dataset.act = action;
  return element;
};
const actsBar = acts => make("div", "acts", ...acts);
