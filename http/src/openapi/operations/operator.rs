//! What operators see and do.

use serde_json::{Value, json};

use super::query;
use crate::openapi::operation::{Answer, Operation, Parameter, Shape, Tag, of};
use crate::operator::shapes::{
    ActionList, ActionOutcome, ActorShown, DeadLetterList, FailureList, PromptList, PromptPut, QualityList,
    RecurringWork, ShardMap, StalledList, SuitePut, Tree, Whereabouts,
};
use crate::operator::{Action, NewPrompt, NewSuite, STATUSES};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        tree(),
        actor(),
        events(),
        shards(),
        failures(),
        dead_letters(),
        stalled(),
        whereabouts(),
        actions(),
        recurring(),
        prompts(),
        put_prompt(),
        quality(),
        put_suite(),
        act(),
    ]
}

fn reading(path: &'static str, id: &'static str, summary: [&'static str; 2], shape: Shape) -> Operation {
    Operation::new(Tag::Operator, "get", path, id, summary)
        .gives(
            200,
            [
                "What the nodes told; who did not is in `cannot_see`",
                "O que os nós disseram; quem não disse está em `cannot_see`",
            ],
            shape,
        )
        .refuses(&["operator_only"])
}

fn text() -> Value {
    json!({ "type": "string", "maxLength": 300 })
}

fn name() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": 300 })
}

fn node() -> Parameter {
    query("node", text(), ["Only this node.", "Somente este nó."])
}

fn limit() -> Parameter {
    let number = json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 });
    query("limit", number, ["How many at most.", "Quantos no máximo."])
}

fn tree() -> Operation {
    let depth = json!({ "type": "integer", "minimum": 1, "maximum": 32, "default": 2 });
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 200 });
    let under = ["Only what is below this path.", "Somente o que está abaixo deste caminho."];
    let more = ["Only what comes behind this path.", "Somente o que vem depois deste caminho."];
    let levels = ["How many levels.", "Quantos níveis."];
    let many = ["How many actors of each node at most.", "Quantos atores de cada nó no máximo."];
    let named = [
        "Only actors whose path has this text in it, on any level.",
        "Somente atores cujo caminho contém este texto, em qualquer nível.",
    ];
    let doing =
        ["Only actors that are doing this, on any level.", "Somente atores neste estado, em qualquer nível."];
    reading("/v1/operator/tree", "operatorTree", ["What runs on all nodes", "O que roda em todos os nós"], of::<Tree>)
        .says([
            "Every node answers for itself. Without `under` the roots and what is right below them; of what lies deeper it \
             is told how many are doing what.",
            "Cada nó responde por si. Sem `under`, as raízes e o que está logo abaixo; do que está mais fundo diz-se \
             quantos estão em cada estado.",
        ])
        .takes([
            node(),
            query("under", text(), under),
            query("depth", depth, levels),
            query("limit", limit, many),
            query("after", text(), more),
            query("q", text(), named),
            query("status", json!({ "type": "string", "enum": STATUSES }), doing),
        ])
        .refuses(&["invalid_request"])
}

fn actor() -> Operation {
    let summary = ["One actor, with what happened to it", "Um ator, com o que lhe aconteceu"];
    reading("/v1/operator/actor", "operatorActor", summary, of::<ActorShown>)
        .takes([
            Parameter { is_required: true, ..query("node", name(), ["Its node.", "Seu nó."]) },
            Parameter { is_required: true, ..query("path", name(), ["Its path.", "Seu caminho."]) },
        ])
        .refuses(&["invalid_request", "nothing_known"])
}

fn events() -> Operation {
    let summary = ["What changes, as it happens", "O que muda, quando acontece"];
    Operation::new(Tag::Operator, "get", "/v1/operator/events", "operatorEvents", summary)
        .says([
            "Server-sent events: `actor`, `failure`, `shard`, `node` and `action`, from now on. It ends after ten minutes; \
             connect again then. What was missed is in the tree.",
            "Server-sent events: `actor`, `failure`, `shard`, `node` e `action`, a partir de agora. Termina após dez \
             minutos; conecte-se de novo. O que se perdeu está na árvore.",
        ])
        .answers(Answer {
            status: 200,
            text: ["The events", "Os eventos"],
            content: vec![("text/event-stream", None)],
            headers: &[],
        })
        .refuses(&["operator_only"])
}

fn shards() -> Operation {
    let summary = ["Who owns and follows each shard", "Quem possui e segue cada shard"];
    reading("/v1/operator/shards", "operatorShards", summary, of::<ShardMap>)
}

fn failures() -> Operation {
    let summary = ["What failed, also on nodes that are gone", "O que falhou, também em nós que se foram"];
    let path = ["Only this actor and those below it.", "Somente este ator e os que estão abaixo dele."];
    reading("/v1/operator/failures", "operatorFailures", summary, of::<FailureList>)
        .takes([node(), query("path", text(), path), limit()])
        .refuses(&["invalid_request"])
}

fn dead_letters() -> Operation {
    let summary = ["What was given up", "O que foi abandonado"];
    reading("/v1/operator/dead-letters", "operatorDeadLetters", summary, of::<DeadLetterList>)
        .takes([limit()])
        .refuses(&["invalid_request"])
}

fn stalled() -> Operation {
    let over = json!({ "type": "integer", "minimum": 0, "maximum": 31_536_000, "default": 60 });
    let summary = ["Documents that do not come on", "Documentos que não avançam"];
    reading("/v1/operator/stalled", "operatorStalled", summary, of::<StalledList>)
        .takes([query("over_s", over, ["For how long, in seconds.", "Há quanto tempo, em segundos."])])
        .refuses(&["invalid_request"])
}

fn whereabouts() -> Operation {
    let summary = ["The way of a document or a request", "O caminho de um documento ou de uma requisição"];
    reading("/v1/operator/where/{sought}", "operatorWhere", summary, of::<Whereabouts>)
        .says([
            "By a document's id, or by the `X-Request-Id` or trace id of a request of the last minutes: its stages with the \
             time that it waited and was worked on, what failed, and what may be done.",
            "Pelo id de um documento, ou pelo `X-Request-Id` ou trace id de uma requisição dos últimos minutos: suas \
             etapas com o tempo de espera e de trabalho, o que falhou e o que se pode fazer.",
        ])
        .refuses(&["nothing_known"])
}

fn actions() -> Operation {
    let summary = ["What operators did", "O que os operadores fizeram"];
    reading("/v1/operator/actions", "operatorActions", summary, of::<ActionList>)
        .takes([limit()])
        .refuses(&["invalid_request"])
}

fn recurring() -> Operation {
    let summary = [
        "Recurring work: who runs it, its last runs and its next",
        "Trabalho recorrente: quem o executa, as últimas execuções e as próximas",
    ];
    reading("/v1/operator/recurring", "operatorRecurring", summary, of::<RecurringWork>)
}

fn prompts() -> Operation {
    let summary = [
        "The versions of the prompts, and which is in force on which node",
        "As versões dos prompts, e qual vale em qual nó",
    ];
    let version = ["With the files of this version.", "Com os arquivos desta versão."];
    reading("/v1/operator/prompts", "operatorPrompts", summary, of::<PromptList>)
        .takes([query("version", text(), version)])
        .refuses(&["invalid_request"])
}

fn put_prompt() -> Operation {
    let example = json!({
        "pt": "[system]\nResponda com os trechos.\n{context}\n[user]\n{question}",
        "en": "[system]\nAnswer from the passages.\n{context}\n[user]\n{question}",
        "note": "shorter instructions",
    });
    let summary = ["Keep a version of the prompts", "Guardar uma versão dos prompts"];
    Operation::new(Tag::Operator, "post", "/v1/operator/prompts", "operatorPutPrompt", summary)
        .says([
            "It is not in force by that: the action `promote_prompt` puts it in force, once the suites have nothing against \
             it, and `rollback_prompt` has the version before in force again. The same files twice are one version.",
            "Com isso ela ainda não vale: a ação `promote_prompt` a põe em vigor, se as suítes nada têm contra, e \
             `rollback_prompt` restabelece a versão anterior. Os mesmos arquivos duas vezes são uma só versão.",
        ])
        .json(of::<NewPrompt>, example)
        .gives(200, ["Whether it is kept, and its name", "Se foi guardada, e seu nome"], of::<PromptPut>)
        .refuses(&["operator_only", "actions_disabled"])
}

fn quality() -> Operation {
    let summary = ["The suites of questions and how they stand", "As suítes de perguntas e como estão"];
    let suite = ["With the runs of this suite.", "Com as execuções desta suíte."];
    reading("/v1/operator/quality", "operatorQuality", summary, of::<QualityList>)
        .takes([query("suite", text(), suite)])
        .refuses(&["invalid_request"])
}

fn put_suite() -> Operation {
    let example = json!({
        "suite": "contracts",
        "gate": { "min_score": 0.9, "max_drop": 0.02 },
        "questions": [{
            "question": "Qual é o prazo de entrega?",
            "document": "contrato.pdf",
            "expected": { "contains": ["60 dias"], "page": 2 },
        }],
    });
    let summary = ["Put a suite of questions", "Enviar uma suíte de perguntas"];
    Operation::new(Tag::Operator, "post", "/v1/operator/quality", "operatorPutSuite", summary)
        .says([
            "To the documents of the key's tenant, in the place of the suite with its name; at most 20. The recurring job \
             `quality` runs them, and the action `run_suite` has one run now.",
            "Aos documentos do tenant da chave, no lugar da suíte de mesmo nome; no máximo 20. O trabalho recorrente \
             `quality` as executa, e a ação `run_suite` executa uma agora.",
        ])
        .json(of::<NewSuite>, example)
        .gives(200, ["Whether it was taken", "Se foi aceita"], of::<SuitePut>)
        .refuses(&["operator_only", "actions_disabled"])
}

fn act() -> Operation {
    let example = json!({
        "action": "drain_node",
        "target": { "node": "n1" },
        "reason": "its disk is to be replaced",
        "dry_run": true,
    });
    let summary = ["Do something, or hear what it would touch", "Fazer algo, ou saber o que seria tocado"];
    Operation::new(Tag::Operator, "post", "/v1/operator/actions", "operatorAct", summary)
        .says([
            "Only where `operator.actions` is set, with a key that has the scope `operate`. Every action, also a dry run, is \
             in the audit log with its reason.",
            "Somente onde `operator.actions` está definido, com uma chave que tem o escopo `operate`. Toda ação, mesmo um \
             ensaio, fica no log de auditoria com seu motivo.",
        ])
        .json(of::<Action>, example)
        .gives(200, ["How it ended, and what it touched", "Como terminou e o que tocou"], of::<ActionOutcome>)
        .refuses(&["operator_only", "actions_disabled"])
}
