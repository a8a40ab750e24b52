"use strict";
// What the page says, in the two languages of its readers.

const WORDS = {
  en: {
    operator: "operator", skip: "Skip to the content", find: "Document or request id", go: "Where is it?", leave: "Sign out", other: "Português", views: "Views",
    themes: { auto: "Theme: system", light: "Theme: light", dark: "Theme: dark" },
    loginTitle: "Sign in", loginWhy: "A key of the operator, with the scope inspect or operate. It stays in this tab, and is in no address.", key: "API key", enter: "Sign in",
    wrongKey: "No node knows this key.", noScope: "This key may not inspect: it needs the scope inspect or operate, and the operator's tenant.",
    tabs: { tree: "Tree", shards: "Shards", failures: "Failures", dead: "Dead letters", stalled: "Stalled", where: "Where is", actions: "Actions" },
    live: "live", joining: "connecting…", gone: "no answer",
    goneSince: at => `This node has not answered since ${at}.`, goneStays: "What you see is the last picture, from before.", blind: "Cannot see", tree: "Supervision tree of the cluster",
    filter: "Search actors by path or kind ( / )", statusFilter: "Status", anyStatus: "any status", keys: "↑ ↓ move · → opens · ← closes · Enter shows the actor · / searches · Esc closes",
    columns: ["actor", "kind", "status", "mailbox", "in hand", "handled", "per s", "p50 / p99", "restarts"],
    counts: (nodes, actors) => `${nodes} ${nodes === 1 ? "node" : "nodes"} · ${actors} ${actors === "1" ? "actor" : "actors"}`, found: n => `${n} found`, more: "more…", loading: "Loading…", nothing: "Nothing matches.",
    status: { starting: "starting", running: "running", busy: "busy", stuck: "stuck", waiting: "waiting", draining: "draining", paused: "paused", quarantined: "quarantined", restarting: "restarting", failed: "failed", stopped: "stopped",
      serving: "serving", claiming: "claiming", following: "following", unowned: "unowned", handing_over: "handing over", refused: "refused", done: "done", partly: "partly done", would_do: "dry run", answering: "answers", silent: "no answer",
      processing: "in work", ready: "ready", queued: "queued", deleted: "deleted" },
    stage: { accepted: "accepted", queued: "queued", reading: "reading", embedding: "embedding", indexing: "indexing", ready: "ready", asking: "asking", chunking: "chunking", retrieving: "retrieving", generating: "generating", failed: "failed" },
    what: { started: "started", failed: "failed", restarted: "restarted", ordered_restart: "ordered", stopped: "stopped", paused: "paused", resumed: "resumed", escalated: "escalated", quarantined: "quarantined", drained: "drained" },
    waitingOn: on => `waiting on ${on}`, here: "this node", cordoned: "drained", waits: (n, max) => `${n} of ${max}`, restartsOf: (used, allowed) => `${used} of ${allowed}`,
    close: "Close", goneActor: "This actor is gone; what failed in it is remembered.", node: "node", generation: "generation", kind: "kind", state: "status", started: "started", mailbox: "mailbox", oldest: age => `the oldest waits ${age}`, inHand: "in hand", nothingInHand: "nothing", handled: "handled", perSecond: n => `${n} per s`,
    times: "handling time", restarts: "restarts", intensity: (used, allowed, s) => `${used} of ${allowed} within ${s} s`, children: "children", note: "note", failures: "Failures", noFailures: "None is known.", backtrace: "Backtrace", noBacktrace: "No backtrace was taken.", history: "History", noHistory: "Nothing yet.",
    trace: "Trace", traceLeft: n => `${n} more messages will be traced`, message: "message", waited: "waited", worked: "worked", outcome: "outcome", actor: "actor", address: "address", roles: "roles", version: "version", memory: "memory", cpu: "processor", actors: "actors", traceId: "trace id",
    shard: "Shard", shardN: n => `Shard ${n}`, owner: "owner", epoch: "epoch", position: "position", documents: "documents", documentsN: n => `${n} ${String(n) === "1" ? "document" : "documents"}`, replicas: "replicas", lag: n => n ? `${n} behind` : "level", noOwner: "no owner", noShards: "No shard is known.", moving: n => `${n} moving`,
    when: "when", where: "where", why: "why", reason: "Reason", attempts: n => `${n} ${n === 1 ? "try" : "tries"}`, document: "document", request: "request", tenant: "tenant", noFailuresYet: "Nothing has failed.", noDead: "No dead letters.", noStalled: "No document is stalled.", noActions: "Nobody has acted yet.",
    all: "Select all", selected: n => `${n} selected`, stage_: "stage", since: "since", by: "by", action: "action", target: "target", touches: n => `It would touch ${n} ${n === 1 ? "thing" : "things"}:`, touchesNothing: "It would touch nothing.", andMore: n => `and ${n} more`,
    whereHint: "Enter the id of a document or of a request above: its stages, who has it now, what failed, and what can be done.", timeline: "Path", queueKey: "waited in a queue", workKey: "worked", holds: "Held by", open: "Show the actor", may: "What can be done", showWhere: "Where is it?", dead: "Dead letters",
    reasonHint: "why, 3 to 300 characters; it is kept", cancel: "Cancel", tryFirst: "Show what it touches", confirm: "Do it", working: "Working…", off: "Actions are off on this node. Set operator.actions = true in its settings to allow them.", mayNot: "This key may look but not act: it needs the scope operate.",
    to: "to node", count: "messages", level: "level", module: "module", expires: "for how many seconds", ago: t => `${t} ago`,
    acts: { restart: "Restart", restart_subtree: "Restart with children", drain_node: "Drain node", undrain_node: "End draining", drain_shard: "Drain shard", move_shard: "Move shard", pause_pool: "Pause pool", resume_pool: "Resume pool", quarantine_document: "Quarantine", release_document: "Release", retry_document: "Retry", retry_dead_letters: "Retry", discard_dead_letters: "Discard", trace_actor: "Trace messages", log_level: "Log level" },
    heard: { failure: (who, why) => `${who} failed: ${why}`, status: (who, what) => `${who} is ${what}` },
  },
  pt: {
    operator: "operador", skip: "Ir para o conteúdo", find: "Id do documento ou da requisição", go: "Onde está?", leave: "Sair", other: "English", views: "Visões",
    themes: { auto: "Tema: sistema", light: "Tema: claro", dark: "Tema: escuro" },
    loginTitle: "Entrar", loginWhy: "Uma chave do operador, com o escopo inspect ou operate. Ela fica só nesta aba e em nenhum endereço.", key: "Chave de API", enter: "Entrar",
    wrongKey: "Nenhum nó conhece esta chave.", noScope: "Esta chave não pode inspecionar: precisa do escopo inspect ou operate e do locatário do operador.",
    tabs: { tree: "Árvore", shards: "Shards", failures: "Falhas", dead: "Mensagens mortas", stalled: "Parados", where: "Onde está", actions: "Ações" },
    live: "ao vivo", joining: "conectando…", gone: "sem resposta",
    goneSince: at => `Este nó não responde desde ${at}.`, goneStays: "O que se vê é a última imagem, de antes.", blind: "Não se vê", tree: "Árvore de supervisão do cluster",
    filter: "Buscar atores por caminho ou tipo ( / )", statusFilter: "Estado", anyStatus: "qualquer estado", keys: "↑ ↓ movem · → abre · ← fecha · Enter mostra o ator · / busca · Esc fecha",
    columns: ["ator", "tipo", "estado", "caixa", "em mãos", "tratadas", "por s", "p50 / p99", "reinícios"],
    counts: (nodes, actors) => `${nodes} ${nodes === 1 ? "nó" : "nós"} · ${actors} ${actors === "1" ? "ator" : "atores"}`, found: n => `${n} encontrados`, more: "mais…", loading: "Carregando…", nothing: "Nada corresponde.",
    status: { starting: "iniciando", running: "em execução", busy: "ocupado", stuck: "travado", waiting: "esperando", draining: "esvaziando", paused: "pausado", quarantined: "em quarentena", restarting: "reiniciando", failed: "com falha", stopped: "parado",
      serving: "servindo", claiming: "assumindo", following: "seguindo", unowned: "sem dono", handing_over: "entregando", refused: "recusado", done: "feito", partly: "feito em parte", would_do: "ensaio", answering: "responde", silent: "sem resposta",
      processing: "em trabalho", ready: "pronto", queued: "na fila", deleted: "apagado" },
    stage: { accepted: "aceito", queued: "na fila", reading: "leitura", embedding: "vetores", indexing: "índice", ready: "pronto", asking: "pergunta", chunking: "trechos", retrieving: "busca", generating: "resposta", failed: "falhou" },
    what: { started: "iniciou", failed: "falhou", restarted: "reiniciou", ordered_restart: "ordenado", stopped: "parou", paused: "pausou", resumed: "retomou", escalated: "escalou", quarantined: "em quarentena", drained: "esvaziado" },
    waitingOn: on => `esperando ${on}`, here: "este nó", cordoned: "esvaziado", waits: (n, max) => `${n} de ${max}`, restartsOf: (used, allowed) => `${used} de ${allowed}`,
    close: "Fechar", goneActor: "Este ator se foi; o que falhou nele é lembrado.", node: "nó", generation: "geração", kind: "tipo", state: "estado", started: "início", mailbox: "caixa", oldest: age => `a mais antiga espera ${age}`, inHand: "em mãos", nothingInHand: "nada", handled: "tratadas", perSecond: n => `${n} por s`,
    times: "tempo de tratamento", restarts: "reinícios", intensity: (used, allowed, s) => `${used} de ${allowed} em ${s} s`, children: "filhos", note: "nota", failures: "Falhas", noFailures: "Nenhuma é conhecida.", backtrace: "Pilha de chamadas", noBacktrace: "Nenhuma pilha foi guardada.", history: "Histórico", noHistory: "Nada ainda.",
    trace: "Rastro", traceLeft: n => `mais ${n} mensagens serão rastreadas`, message: "mensagem", waited: "esperou", worked: "trabalhou", outcome: "resultado", actor: "ator", address: "endereço", roles: "papéis", version: "versão", memory: "memória", cpu: "processador", actors: "atores", traceId: "id do rastro",
    shard: "Shard", shardN: n => `Shard ${n}`, owner: "dono", epoch: "época", position: "posição", documents: "documentos", documentsN: n => `${n} ${String(n) === "1" ? "documento" : "documentos"}`, replicas: "réplicas", lag: n => n ? `${n} atrás` : "em dia", noOwner: "sem dono", noShards: "Nenhum shard é conhecido.", moving: n => `${n} em mudança`,
    when: "quando", where: "onde", why: "por quê", reason: "Motivo", attempts: n => `${n} ${n === 1 ? "tentativa" : "tentativas"}`, document: "documento", request: "requisição", tenant: "locatário", noFailuresYet: "Nada falhou.", noDead: "Nenhuma mensagem morta.", noStalled: "Nenhum documento parado.", noActions: "Ninguém agiu ainda.",
    all: "Selecionar todas", selected: n => `${n} selecionadas`, stage_: "etapa", since: "desde", by: "por", action: "ação", target: "alvo", touches: n => `Tocaria em ${n} ${n === 1 ? "coisa" : "coisas"}:`, touchesNothing: "Não tocaria em nada.", andMore: n => `e mais ${n}`,
    whereHint: "Informe acima o id de um documento ou de uma requisição: suas etapas, quem o tem agora, o que falhou e o que se pode fazer.", timeline: "Caminho", queueKey: "esperou na fila", workKey: "trabalhou", holds: "Está com", open: "Mostrar o ator", may: "O que se pode fazer", showWhere: "Onde está?", dead: "Mensagens mortas",
    reasonHint: "por quê, 3 a 300 caracteres; fica guardado", cancel: "Cancelar", tryFirst: "Mostrar em que toca", confirm: "Fazer", working: "Trabalhando…", off: "As ações estão desligadas neste nó. Defina operator.actions = true nas configurações para permiti-las.", mayNot: "Esta chave pode olhar, mas não agir: precisa do escopo operate.",
    to: "para o nó", count: "mensagens", level: "nível", module: "módulo", expires: "por quantos segundos", ago: t => `há ${t}`,
    acts: { restart: "Reiniciar", restart_subtree: "Reiniciar com filhos", drain_node: "Esvaziar nó", undrain_node: "Encerrar esvaziamento", drain_shard: "Esvaziar shard", move_shard: "Mover shard", pause_pool: "Pausar pool", resume_pool: "Retomar pool", quarantine_document: "Pôr em quarentena", release_document: "Liberar", retry_document: "Tentar de novo", retry_dead_letters: "Tentar de novo", discard_dead_letters: "Descartar", trace_actor: "Rastrear mensagens", log_level: "Nível de log" },
    heard: { failure: (who, why) => `${who} falhou: ${why}`, status: (who, what) => `${who} está ${what}` },
  },
};

// A convenience may be kept; the key may not.
const keep = (name, value) => { try { localStorage.setItem(name, value); } catch { /* A browser that keeps nothing asks the system again. */ } };
const kept = name => { try { return localStorage.getItem(name); } catch { return null; } };

let language = kept("language") || (navigator.language.startsWith("pt") ? "pt" : "en");
let words = WORDS[language];

const statusWord = status => words.status[status] || String(status ?? "").replaceAll("_", " ");
