//! Rules that experts write correct the answers of a running node, and a wrong file changes nothing.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::node::{Home, Node};
use crate::papers::sample;

const QUESTION: &str = "Qual a licença do componente Lume PDF?";
const PAPER: &str = "parecer-licencas-rota-clara.pdf";
/// The node looks for new rules every two seconds; what has not come after so long will not come.
const SEEN_AFTER: Duration = Duration::from_secs(60);

const RULES: &str = r#"DOMÍNIO: Componentes
REGRAS DE VALIDAÇÃO:
REGRA "aviso da MPL"
QUANDO usuário pergunta "licença do componente"
  E resposta menciona "MPL-2.0"
  E contexto menciona "Lume PDF"
ENTÃO acrescentar: Publique os arquivos alterados.
"#;

#[tokio::test]
async fn a_changed_rules_file_changes_the_next_answer_and_a_broken_one_never_replaces_a_good_one() {
    let home = Home::new();
    let node = home.start().await;
    let id = node.ready(PAPER, sample(PAPER)).await;
    let before = node.answer(&id, QUESTION).await;
    assert!(text(&before).contains("MPL-2.0"), "{before}");
    assert!(!text(&before).contains("Publique os arquivos"), "{before}");

    let file = home.data().join("rules/generic.rules");
    write(&file, RULES);
    let after = until(&node, &id, |answer| text(answer).ends_with("Publique os arquivos alterados.")).await;
    assert_eq!(after["dkr_corrections"][0], "Regra 'aviso da MPL': Resposta corrigida", "{after}");

    // Mistyped, and without the mistake it would say something else.
    write(&file, &RULES.replace("menciona", "mencoina").replace("Publique", "Esconda"));
    let refusal = async {
        loop {
            if let Some(note) = node.note("node/rules/generic").await.filter(|note| note.contains("refused"))
            {
                return note;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let note = tokio::time::timeout(SEEN_AFTER, refusal).await.expect("the operator never saw the refusal");
    assert!(note.contains("generic.rules:5:3: erro[D0001]"), "{note}");
    assert!(note.contains("`menciona`"), "it names the nearest valid form: {note}");
    let still = node.answer(&id, "Qual é a licença do componente Lume PDF?").await;
    assert!(text(&still).ends_with("Publique os arquivos alterados."), "{still}");

    std::fs::remove_file(&file).unwrap();
    until(&node, &id, |answer| !text(answer).contains("Publique os arquivos")).await;
    node.stop().await;
}

fn text(answer: &Value) -> &str {
    answer["answer"].as_str().unwrap()
}

fn write(file: &Path, text: &str) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let beside = file.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(beside, file).unwrap();
}

async fn until(node: &Node, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let look = async {
        loop {
            let answer = node.answer(id, QUESTION).await;
            if wanted(&answer) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(SEEN_AFTER, look).await.expect("the new rules were never seen")
}
