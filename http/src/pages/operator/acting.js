// Acting: a reason, a dry run that says what would be touched, and only then the deed.

const TOUCHES_SHOWN_MAX = 50;
const asking = { body: null, tried: false, busy: false };

/** What an action asks for beside its reason, with what it starts from. */
const OPTIONS = {
  move_shard: () => [choice("to", words.to, [...model.nodes.keys()])],
  trace_actor: () => [field("count", words.count, "number", asking.body.count || 20)],
  log_level: () => [choice("level", words.level, ["info", "debug", "trace", "warn", "error"]), field("module", words.module, "text", "enabler"), field("expires_s", words.expires, "number", 600)],
};

function field(name, label, type, value) {
  const input = make("input", "");
  Object.assign(input, { type, value, name, required: true });
  if (type === "number") input.min = 1;
  return make("label", "", label, input);
}

function choice(name, label, values) {
  const select = make("select", "", ...values.map(value => make("option", "", value)));
  select.name = name;
  return make("label", "", label, select);
}

function openAsk(body) {
  asking.body = body;
  $("ask-title").textContent = words.acts[body.action] || body.action;
  $("ask-target").textContent = targetText(body.target);
  $("ask-reason").value = body.reason || "";
  $("ask-options").replaceChildren(...(OPTIONS[body.action]?.() || []));
  untried();
  if (!$("ask").open) $("ask").showModal();
  $("ask-reason").focus();
}

function untried() {
  asking.tried = false;
  $("ask-said").textContent = "";
  $("ask-touches").replaceChildren();
  $("ask-go").textContent = words.tryFirst;
}

function wholeBody(dryRun) {
  const { action, target, count, expires_s } = asking.body, body = { action, target: { ...target }, reason: $("ask-reason").value.trim(), dry_run: dryRun };
  if (count) body.count = count;
  if (expires_s) body.expires_s = expires_s;
  for (const input of $("ask-options").querySelectorAll("input, select")) {
    if (input.name === "count" || input.name === "expires_s") body[input.name] = Number(input.value);
    else if (input.value) body.target[input.name] = input.value;
  }
  return body;
}

/** The first press shows what would be touched, the second does it. */
async function press() {
  if (asking.busy || !$("ask-form").reportValidity()) return;
  const doing = asking.tried;
  asking.busy = true;
  $("ask-go").disabled = true;
  $("ask-go").textContent = words.working;
  $("ask-said").textContent = "";
  try {
    const outcome = await act(wholeBody(!doing));
    if (outcome.outcome === "refused") { untried(); $("ask-said").textContent = outcome.detail; }
    else if (doing) { $("ask").close(); toast(`${statusWord(outcome.outcome)}: ${outcome.detail}`); refreshAll(); }
    else { asking.tried = true; showTouches(outcome); }
  } catch (error) {
    untried();
    $("ask-said").textContent = whyNot(error);
  }
  asking.busy = false;
  $("ask-go").disabled = false;
  $("ask-go").textContent = asking.tried ? `${words.confirm}: ${words.acts[asking.body.action] || asking.body.action}` : words.tryFirst;
}

const whyNot = error => (!(error instanceof Refused) ? words.gone : /actions_disabled/.test(error.code) ? words.off : error.status === 403 ? words.mayNot : error.message);

function showTouches({ touches = [], detail }) {
  const listed = touches.slice(0, TOUCHES_SHOWN_MAX).map(one => make("li", "", make("span", "mono", `${one.node ? `${one.node}: ` : ""}${one.what}`)));
  if (touches.length > listed.length) listed.push(make("li", "soft", words.andMore(touches.length - listed.length)));
  $("ask-touches").replaceChildren(make("b", "", touches.length ? words.touches(touches.length) : words.touchesNothing), make("ul", "", ...listed), make("p", "soft", detail || ""));
}

function startActing() {
  $("ask-form").addEventListener("submit", event => { event.preventDefault(); press(); });
  $("ask-cancel").addEventListener("click", () => $("ask").close());
  // What was tried with other options says nothing about these.
  $("ask-options").addEventListener("input", untried);
}
