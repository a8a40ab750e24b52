use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use enabler_cluster::actor;
use enabler_cluster::address::{Address, Reply};
use enabler_cluster::decide::restart::Policy;
use enabler_cluster::request::Request;
use enabler_cluster::supervisor::{self, Child, Handle};
use enabler_cluster::tree::Tree;
use enabler_rules::verdict::Verdict;
use enabler_storage::clock::ManualClock;
use enabler_storage::objects::{Key, Memory, ObjectStore, PutOutcome};

use super::*;

const SHIPPED: &str = "DOMÍNIO: Prazos\nREGRAS DE VALIDAÇÃO:\nREGRA \"prazo\"\nQUANDO usuário pergunta \"prazo\"\n  E resposta menciona \"30 dias\"\nENTÃO corrigir para: São 45 dias.\n";

struct Bench {
    address: Address<Message>,
    tree: Tree,
    store: Arc<Memory>,
    standing: Standing,
    folder: tempfile::TempDir,
    root: Handle,
}

impl Bench {
    async fn new() -> Bench {
        let clock = Arc::new(ManualClock::at(1_780_000_000_000));
        let tree = Tree::new(clock.clone());
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Memory::new());
        let standing = Standing::default();
        let evaluator = Evaluator {
            name: "prazos".into(),
            library: Library {
                shipped: Arc::new(vec![("prazos".into(), SHIPPED.into())]),
                folder: folder.path().to_owned(),
                store: store.clone(),
            },
            look_every: Duration::from_millis(20),
            clock,
            standing: standing.clone(),
        };
        let address = Address::new("node/rules/prazos", 64);
        let (to, within) = (address.clone(), tree.clone());
        let child = Child::new("node/rules/prazos", move |above| {
            let (evaluator, to, within) = (evaluator.clone(), to.clone(), within.clone());
            async move { actor::spawn(evaluator, to, &within, above).await }
        });
        let root = supervisor::spawn("node", Policy::default(), vec![child], &tree, None).await.unwrap();
        Bench { address, tree, store, standing, folder, root }
    }

    async fn ask<R>(&self, make: impl FnOnce(Reply<R>) -> Message) -> R {
        let request = Request::new("test", Duration::from_secs(20));
        self.address.ask_patiently(&request, make).await.unwrap()
    }

    async fn answer(&self, answer: &str) -> Outcome {
        let case = Case {
            question: "Qual o prazo?".into(),
            answer: answer.into(),
            correct: true,
            ..Case::default()
        };
        *self.ask(|reply| Message::Apply { case: Box::new(case), reply }).await
    }

    async fn report(&self) -> Report {
        *self.ask(|reply| Message::Report { reply }).await
    }

    /// Waits until the report is as wanted; bounded, because what never comes is a failure.
    async fn until(&self, wanted: impl Fn(&Report) -> bool) -> Report {
        for _ in 0..500 {
            let report = self.report().await;
            if wanted(&report) {
                return report;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it never came: {:?}", self.report().await);
    }

    fn note(&self) -> String {
        let vitals = self.tree.vitals().into_iter().find(|vitals| vitals.path == "node/rules/prazos");
        vitals.and_then(|vitals| vitals.note).unwrap_or_default()
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    // As an editor does: whole, or not at all.
    let beside = folder.join(format!(".{name}.new"));
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(beside, folder.join(name)).unwrap();
}

#[tokio::test]
async fn a_changed_file_is_taken_in_and_a_broken_one_never_replaces_a_good_one() {
    let bench = Bench::new().await;
    assert_eq!(bench.answer("São 30 dias.").await.answer, "São 45 dias.");
    let before = bench.standing.hash();

    write(bench.folder.path(), "prazos.rules", &SHIPPED.replace("45", "60"));
    bench.until(|report| report.origin == Origin::Folder).await;
    assert_eq!(bench.answer("São 30 dias.").await.answer, "São 60 dias.");
    assert_ne!(bench.standing.hash(), before, "remembered answers of the old rules must not be found");

    let broken = SHIPPED.replace("menciona", "mencoina");
    write(bench.folder.path(), "prazos.rules", &broken);
    let report = bench.until(|report| report.refused.is_some()).await;
    let why = report.refused.unwrap();
    let loaded = enabler_rules::program::load(&broken, &enabler_rules::program::NoImports);
    let told =
        loaded.diagnostics[0].line("prazos.rules", &broken, enabler_rules::diagnostic::Language::Portuguese);
    assert_eq!(why, told, "the text of `dkr check`");
    assert_eq!(bench.answer("São 30 dias.").await.answer, "São 60 dias.", "the good one stays in force");
    assert!(bench.note().contains("refused") && bench.note().contains("D0001"), "{}", bench.note());

    write(bench.folder.path(), "prazos.rules", &SHIPPED.replace("45", "75"));
    bench.until(|report| report.refused.is_none()).await;
    assert_eq!(bench.answer("São 30 dias.").await.answer, "São 75 dias.");

    std::fs::remove_file(bench.folder.path().join("prazos.rules")).unwrap();
    bench.until(|report| report.origin == Origin::Shipped).await;
    assert_eq!(bench.answer("São 30 dias.").await.answer, "São 45 dias.");
    bench.root.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn the_object_store_comes_before_the_folder_and_imports_are_part_of_the_version() {
    let bench = Bench::new().await;
    write(bench.folder.path(), "prazos.rules", &SHIPPED.replace("45", "60"));
    let key = |name: &str| Key::new(format!("v1/rules/{name}")).unwrap();
    let common = "NORMALIZAR TERMOS:\n\"dias uteis\" corrigir para: \"dias úteis\"\n";
    let put = bench.store.put_new(&key("comum.rules"), common.as_bytes().to_vec().into()).await;
    assert!(matches!(put, PutOutcome::Done(_)));
    let own = format!("IMPORTAR \"comum.rules\"\n{}", SHIPPED.replace("45", "90"));
    let put = bench.store.put_new(&key("prazos.rules"), own.into_bytes().into()).await;
    assert!(matches!(put, PutOutcome::Done(_)));
    let report = bench.until(|report| report.origin == Origin::Store).await;
    assert_eq!(bench.answer("São 30 dias.").await.answer, "São 90 dias.");
    assert_eq!(bench.answer("São dias uteis.").await.answer, "São dias úteis.");
    bench.store.delete(&key("comum.rules")).await.unwrap();
    let refused = bench.until(|now| now.refused.is_some()).await;
    assert!(refused.refused.unwrap().contains("comum.rules"));
    assert_eq!(refused.hash, report.hash);
    bench.root.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_shadow_runs_beside_without_effect_and_its_differences_are_counted() {
    let bench = Bench::new().await;
    write(bench.folder.path(), "prazos.shadow.rules", &SHIPPED.replace("30 dias", "31 dias"));
    bench.until(|report| report.shadow.is_some()).await;
    assert_eq!(bench.answer("São 30 dias.").await.answer, "São 45 dias.");
    assert_eq!(bench.answer("São 45 dias.").await.verdict, Verdict::Valid);
    assert_eq!(bench.answer("São 31 dias.").await.answer, "São 31 dias.");
    let report = bench.report().await;
    let shadow = report.shadow.unwrap();
    assert_eq!((shadow.compared, shadow.differing, shadow.differences.len()), (3, 2, 2));
    assert_eq!(report.counters.answers, 3);
    assert_eq!(report.counters.rules["prazo"], Counted { acted: 1, corrected: 1, objected: 0 });
    bench.root.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn an_answer_that_arrives_in_pieces_is_the_same_as_a_whole_one() {
    let bench = Bench::new().await;
    for text in ["São 30 dias. Fim da conversa.", "São 45 dias. Isto é tudo o que o contrato diz do assunto."]
    {
        let whole = bench.answer(text).await;
        let case = Case { question: "Qual o prazo?".into(), correct: true, ..Case::default() };
        let stream = bench.ask(|reply| Message::Open { case: Box::new(case), reply }).await.unwrap();
        let mut shown = String::new();
        for piece in text.split_inclusive(' ') {
            let piece = piece.to_owned();
            shown += &bench.ask(|reply| Message::Push { stream, piece, reply }).await.unwrap();
        }
        let (rest, outcome) = bench.ask(|reply| Message::Finish { stream, reply }).await.unwrap();
        assert_eq!(shown + &rest, whole.answer);
        assert_eq!(*outcome, whole);
        assert_eq!(bench.ask(|reply| Message::Push { stream, piece: "x".into(), reply }).await, None);
    }
    bench.root.stop(Duration::from_secs(5)).await;
}
