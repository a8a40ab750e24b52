//! The tools of the rules language: every file gets a clear answer, and no file is left half written.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::node::PROGRAM;
use crate::papers::{root, shared};

/// A rule set with a rule, a test of it, and nothing wrong.
const SOUND: &str = "DOMÍNIO: Contratos

REGRAS DE VALIDAÇÃO:
REGRA \"prazo\"
QUANDO usuário pergunta \"prazo\"
  E resposta menciona \"30 dias\"
  E contexto menciona \"45 dias\"
ENTÃO corrigir para:
  O prazo é de 45 dias.

TESTES:
TESTE \"prazo velho\"
  pergunta: Qual o prazo?
  resposta: São 30 dias.
  contexto: O prazo é de 45 dias.
  espera regra: prazo
  espera veredito: corrigida
";

/// Three errors of three kinds.
const BROKEN: &str = "DOMÍNIO: Contratos
REGRAS DE VALIDAÇÃO:
QUANDO usuário pregunta \"prazo\"
ENTÃO manter resposta
QUANDO usuário pergunta \"foro\"
  E resposta mencoina \"Campinas\"
ENTÃO manter resposta
QUANDO usuário pergunta \"multa\"
";

/// A folder of its own, and the program in it without any setting.
struct Desk {
    dir: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { dir: tempfile::Builder::new().prefix("rag-enabler-dkr-").tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// What `rag-enabler dkr …` says to this input.
    fn told(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = Command::new(PROGRAM);
        command.env_clear().current_dir(self.dir.path()).arg("dkr").args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_owned();
        let writing = beside(move || {
            // The program may end before it has read everything.
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().unwrap();
        writing.join().unwrap();
        output
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.told(arguments, b"")
    }
}

#[expect(clippy::disallowed_methods, reason = "a pipe is filled while the other end is read")]
fn beside(write: impl FnOnce() + Send + 'static) -> std::thread::JoinHandle<()> {
    std::thread::spawn(write)
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    said(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_recorded_case_is_answered_in_both_modes() {
    let Some(folder) = shared("dkr") else {
        eprintln!("skipped: the shared cases are not here");
        return;
    };
    let desk = Desk::new();
    let mut files: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in std::fs::read_to_string(folder.join("cases.jsonl")).unwrap().lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        files.entry(case["rules"].as_str().unwrap().to_owned()).or_default().push(case);
    }
    for (name, cases) in &files {
        let file = folder.join(name);
        let file = file.to_str().unwrap();
        let input: String = cases.iter().map(|case| format!("{case}\n")).collect();
        let before = desk.told(&["run", file, "--compat", "--jsonl"], input.as_bytes());
        let after = desk.told(&["run", file, "--jsonl"], input.as_bytes());
        assert_eq!((code(&before), code(&after)), (0, 0), "{name}");
        let (before, after) = (lines(&before), lines(&after));
        assert_eq!((before.len(), after.len()), (cases.len(), cases.len()), "{name}");
        for ((case, before), after) in cases.iter().zip(&before).zip(&after) {
            // As text, so that the order of the fields counts too.
            assert_eq!(before.to_string(), case["expect"].to_string(), "{}", case["id"]);
            repaired(case, after);
        }
    }
}

/// Claims that a case comes out as expected, or as suggested where the predecessor was wrong.
fn repaired(case: &Value, got: &Value) {
    let bug = case["original_bug"].as_bool().unwrap();
    let wanted = if bug { &case["suggested"] } else { &case["expect"] };
    for (field, want) in wanted.as_object().into_iter().flatten() {
        if field == "corrected_contains" {
            let answer = got["corrected_answer"].as_str().unwrap();
            let parts = want.as_array().unwrap();
            assert!(
                parts.iter().all(|part| answer.contains(part.as_str().unwrap())),
                "{}: {got}",
                case["id"]
            );
        } else {
            assert_eq!(got.get(field), Some(want), "{} {field}", case["id"]);
        }
    }
    if let (false, Some(order)) = (bug, case["expect"].as_object()) {
        let fields: Vec<_> = got.as_object().unwrap().keys().take(order.len()).collect();
        assert_eq!(fields, order.keys().collect::<Vec<_>>(), "{}", case["id"]);
    }
}

#[test]
fn an_answer_is_judged_with_its_pages_and_a_wrong_line_does_not_stop_the_next() {
    let desk = Desk::new();
    desk.write("a.rules", SOUND);
    let good = json!({
        "question": "Qual o prazo?", "raw_answer": "São 30 dias.", "other": 1,
        "context": [{ "page": 2, "text": "nada" }, { "page": 7, "text": "são 45 dias" }],
    });
    let input = format!("{good}\n{{\"question\": \"x\"}}\nno json\n\n{good}\n");
    let output = desk.told(&["run", "a.rules", "--jsonl"], input.as_bytes());
    assert_eq!(code(&output), 1, "{}", complaint(&output));
    let all = lines(&output);
    assert_eq!(all.len(), 4);
    assert_eq!(all[0], all[3]);
    assert_eq!((&all[1]["line"], &all[2]["line"]), (&json!(2), &json!(3)));
    assert!(all[1]["error"].as_str().unwrap().contains("raw_answer"), "{}", all[1]);
    assert_eq!(all[0]["verdict"], "corrected");
    assert_eq!(all[0]["corrected_answer"], "O prazo é de 45 dias.");
    assert_eq!(all[0]["correction_reason"], "Regra 'prazo': Resposta corrigida");
    assert_eq!(
        all[0]["patches"],
        json!([{ "start": 0, "end": 13, "before": "São 30 dias.", "after": "O prazo é de 45 dias.", "rule": "prazo", "page": 7 }])
    );
    assert_eq!((&all[0]["objections"], &all[0]["quarantined"]), (&json!([]), &json!(0)));
    let words = said(&desk.told(&["--lang", "en", "run", "a.rules"], format!("{good}\n").as_bytes()));
    assert!(
        words.contains("verdict: corrected") && words.contains("answer: O prazo é de 45 dias."),
        "{words}"
    );
}

#[test]
fn every_error_is_shown_at_once_with_its_place_and_the_way_out() {
    let desk = Desk::new();
    desk.write("b.rules", BROKEN);
    desk.write("a.rules", SOUND);
    let fine = desk.run(&["check", "a.rules", "--deny-warnings"]);
    assert_eq!(code(&fine), 0, "{}", said(&fine));
    let shown = desk.run(&["check", "b.rules"]);
    assert_eq!(code(&shown), 1);
    let text = said(&shown);
    for part in [
        "b.rules:3:",
        "escreva `pergunta`",
        "b.rules:6:",
        "escreva `menciona`",
        "b.rules:8:",
        "esperado",
        "3 erros",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "no colours where nobody watches");
    desk.write("c.rules", "DOMÍNIO: x\nFATOS CONHECIDOS:\n\u{1b}[2Jx\u{9b}2J [\u{7}]\n");
    for format in ["human", "short"] {
        let output = desk.run(&["check", "c.rules", "--format", format]);
        assert_eq!(code(&output), 1);
        assert!(
            !said(&output).contains(|c: char| c.is_control() && c != '\n'),
            "nothing in a file steers a terminal"
        );
    }
    let english = said(&desk.run(&["--lang", "en", "check", "b.rules", "--format", "short"]));
    assert_eq!(english.lines().count(), 3, "{english}");
    assert!(
        english.lines().next().unwrap().starts_with("b.rules:3:1: error[D0001]: line not recognised"),
        "{english}"
    );

    let json: Value =
        serde_json::from_str(&said(&desk.run(&["check", "b.rules", "--format", "json"]))).unwrap();
    let first = &json[0];
    assert_eq!(
        (&first["code"], &first["severity"], &first["range"]["line"]),
        (&json!("D0001"), &json!("error"), &json!(3))
    );
    let fix = &first["fix"];
    let (from, to) =
        (fix["range"]["start"].as_u64().unwrap() as usize, fix["range"]["end"].as_u64().unwrap() as usize);
    assert_eq!((&BROKEN[from..to], &fix["text"]), ("pregunta", &json!("pergunta")));

    let sarif: Value =
        serde_json::from_str(&said(&desk.run(&["check", "b.rules", "a.rules", "--format", "sarif"])))
            .unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    assert_eq!(run["results"].as_array().unwrap().len(), 3);
    let result = &run["results"][0];
    let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
    assert_eq!((&rule["id"], &result["level"]), (&result["ruleId"], &json!("error")));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(
        (&place["artifactLocation"]["uri"], &place["region"]["startLine"]),
        (&json!("b.rules"), &json!(3))
    );
}

#[test]
fn a_file_that_cannot_be_read_gets_one_clear_line_and_the_others_are_still_checked() {
    let desk = Desk::new();
    desk.write("a.rules", SOUND);
    desk.write("bytes.rules", b"DOM\xff");
    desk.write("large.rules", vec![b'#'; (4 << 20) + 1]);
    std::fs::create_dir(desk.path("folder")).unwrap();
    for command in [&["check"][..], &["lint"], &["fmt"], &["test"], &["check", "--format", "short"]] {
        for wrong in ["missing.rules", "folder", "bytes.rules", "large.rules"] {
            let output = desk.run(&[command, &[wrong, "a.rules"]].concat());
            assert_eq!(code(&output), 1, "{command:?} {wrong}");
            let all = format!("{}{}", said(&output), complaint(&output));
            assert!(all.lines().any(|line| line.contains(wrong)), "{command:?} {wrong}: {all}");
        }
    }
    for command in [&["run"][..], &["repl"], &["explain", "--question", "q", "--answer", "a"]] {
        for wrong in ["missing.rules", "folder", "bytes.rules", "large.rules"] {
            let output = desk.run(&[command, &[wrong]].concat());
            assert_eq!(code(&output), 1, "{command:?} {wrong}");
            assert_eq!(complaint(&output).lines().count(), 1, "{}", complaint(&output));
            assert!(complaint(&output).contains(wrong));
        }
    }
    let text = said(&desk.run(&["check", "bytes.rules", "--format", "short"]));
    assert!(text.contains("D0026") && text.contains("byte 3"), "{text}");
    for usage in [
        &["check"][..],
        &["nothing"],
        &["run"],
        &["explain", "a.rules", "--question", "q"],
        &["check", "a.rules", "--format", "x"],
    ] {
        assert_eq!(code(&desk.run(usage)), 2, "{usage:?}");
    }
}

#[test]
fn imports_come_from_the_same_folder_and_from_nowhere_else() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path("in/deep")).unwrap();
    desk.write("outside.rules", SOUND);
    desk.write("in/beside.rules", SOUND);
    desk.write("in/deep/below.rules", SOUND);
    std::os::unix::fs::symlink(desk.path("outside.rules"), desk.path("in/link.rules")).unwrap();
    let absolute = desk.path("in/beside.rules").display().to_string();
    for (name, fine) in [
        ("beside.rules", true),
        ("./beside.rules", true),
        ("deep/below.rules", true),
        ("../outside.rules", false),
        ("deep/../../outside.rules", false),
        ("link.rules", false),
        ("missing.rules", false),
        (absolute.as_str(), false),
        ("/etc/hostname", false),
    ] {
        desk.write("in/main.rules", format!("DOMÍNIO: x\nIMPORTAR \"{name}\"\n"));
        let output = desk.run(&["check", "in/main.rules", "--format", "short"]);
        assert_eq!(code(&output), i32::from(!fine), "{name}: {}", said(&output));
        assert_eq!(said(&output).contains("D0017"), !fine, "{name}: {}", said(&output));
    }
}

#[test]
fn formatting_is_told_before_and_done_whole() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new();
    let messy = SOUND.replace("REGRAS DE VALIDAÇÃO:", "regras de  validacao").replace("  E ", "e  ");
    let file = desk.write("a.rules", &messy);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let told = desk.run(&["fmt", "--check", "a.rules"]);
    assert_eq!((code(&told), said(&told).trim()), (1, "a.rules"));
    assert_eq!(desk.read("a.rules"), messy, "only told");
    assert_eq!(code(&desk.run(&["fmt", "a.rules"])), 0);
    assert_eq!(desk.read("a.rules"), SOUND);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(code(&desk.run(&["fmt", "--check", "a.rules"])), 0);
    assert_eq!(desk.names(), ["a.rules"], "nothing is left beside it");
}

#[test]
fn repairing_writes_what_is_surely_meant_and_tells_the_rest() {
    let desk = Desk::new();
    desk.write("b.rules", BROKEN);
    let output = desk.run(&["lint", "--fix", "b.rules", "--format", "short"]);
    assert_eq!(code(&output), 1, "one rule still has no consequence");
    assert!(said(&output).contains("D0007") && !said(&output).contains("D0001"), "{}", said(&output));
    assert_eq!(desk.read("b.rules"), BROKEN.replace("pregunta", "pergunta").replace("mencoina", "menciona"));
    desk.write("a.rules", SOUND);
    assert_eq!(code(&desk.run(&["lint", "a.rules", "--deny-warnings"])), 0);
    desk.write("c.rules", SOUND.split("TESTES:").next().unwrap());
    assert_eq!(code(&desk.run(&["lint", "c.rules"])), 0);
    assert_eq!(code(&desk.run(&["lint", "c.rules", "--deny-warnings"])), 1, "a rule without a test");
    assert_eq!(
        code(&desk.run(&["check", "c.rules", "--deny-warnings"])),
        0,
        "which is no problem of the file"
    );
}

#[test]
fn tests_pass_or_say_what_came_instead_and_what_they_leave_out() {
    let desk = Desk::new();
    desk.write("a.rules", SOUND);
    let passed = desk.run(&["test", "--coverage", "a.rules"]);
    assert_eq!(code(&passed), 0, "{}", said(&passed));
    assert!(said(&passed).contains("1 de 1 regras agem"), "{}", said(&passed));
    desk.write("b.rules", SOUND.replace("espera veredito: corrigida", "espera veredito: válida"));
    let failed = desk.run(&["test", "a.rules", "b.rules"]);
    assert_eq!(code(&failed), 1);
    let text = said(&failed);
    for part in
        ["✗ prazo velho", "esperado: válida", "obtido: corrigida", "b.rules: 0 de 1", "a.rules: 1 de 1"]
    {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[test]
fn every_code_is_explained_in_both_languages() {
    let desk = Desk::new();
    for name in (1..=26).chain(101..=120).map(|number| format!("D{number:04}")) {
        let (pt, en) =
            (desk.run(&["explain", &name]), desk.run(&["--lang", "en", "explain", &name.to_lowercase()]));
        assert_eq!((code(&pt), code(&en)), (0, 0), "{name}");
        assert!(said(&pt).starts_with(&name) && said(&en).starts_with(&name), "{}", said(&en));
        assert!(said(&pt) != said(&en) && said(&pt).len() > 100, "{}", said(&pt));
    }
    let unknown = desk.run(&["explain", "D9999"]);
    assert_eq!(code(&unknown), 1);
    assert!(complaint(&unknown).contains("D9999"));
}

#[test]
fn a_rule_that_did_not_act_says_which_condition_failed_and_what_would_change_it() {
    let desk = Desk::new();
    desk.write("a.rules", SOUND);
    let asked = ["--question", "Qual o prazo?", "--context", "são 45 dias"];
    let why =
        |answer: &str| said(&desk.run(&[&["explain", "a.rules", "--answer", answer], &asked[..]].concat()));
    assert!(why("São 30 dias.").contains("✓ prazo (linha 4): agiu"), "{}", why("São 30 dias."));
    let not = why("São 10 dias.");
    assert!(not.contains("✗ prazo (linha 4): falhou: E resposta menciona \"30 dias\" (1/2"), "{not}");
    assert!(not.contains("linha 6: a resposta teria de mencionar \"30 dias\""), "{not}");
    let other = said(&desk.run(&["explain", "a.rules", "--question", "Qual o foro?", "--answer", "x"]));
    assert!(other.contains("a pergunta não é dela"), "{other}");
}

#[test]
fn a_conversation_works_through_a_pipe_and_sees_the_file_change() {
    let desk = Desk::new();
    desk.write("a.rules", SOUND);
    let input = "pergunta Qual o prazo?\nresposta São 30 dias.\nregras\nfatos\nintenção x\nrecarregar\nbobagem\nsair\nregras\n";
    let output = desk.told(&["repl", "a.rules"], input.as_bytes());
    assert_eq!(code(&output), 0, "{}", complaint(&output));
    let text = said(&output);
    for part in [
        "1 regras, 0 em quarentena",
        "nenhuma intenção",
        "a regra mais próxima",
        "\nprazo\n",
        "(nenhum fato)",
        "comando desconhecido: bobagem",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert_eq!(text.lines().filter(|line| *line == "prazo").count(), 1, "nothing after `sair`");
}

#[test]
fn two_versions_are_compared_over_recorded_answers() {
    let desk = Desk::new();
    desk.write("old.rules", SOUND);
    desk.write("new.rules", SOUND.replace("O prazo é de 45 dias.\n\n", "São 45 dias.\n\n"));
    let line = |answer: &str| {
        json!({ "question": "Qual o prazo?", "raw_answer": answer, "context": "45 dias" }).to_string()
    };
    desk.write("answers.jsonl", format!("{}\n{}\n", line("São 10 dias."), line("São 30 dias.")));
    let files = ["old.rules", "new.rules", "--answers", "answers.jsonl"];
    let told = desk.run(&[&["diff"], &files[..]].concat());
    assert_eq!(code(&told), 0, "{}", complaint(&told));
    let text = said(&told);
    assert!(text.contains("linha 2: Qual o prazo?") && text.contains("1 de 2 respostas mudam"), "{text}");
    assert!(text.contains("resposta: O prazo é de 45 dias. → São 45 dias."), "{text}");
    assert_eq!(code(&desk.run(&[&["diff", "--exit-code"], &files[..]].concat())), 1);
    assert_eq!(
        code(&desk.run(&["diff", "--exit-code", "old.rules", "old.rules", "--answers", "answers.jsonl"])),
        0
    );
    desk.write("answers.jsonl", "{}\n");
    assert_eq!(code(&desk.run(&[&["diff"], &files[..]].concat())), 1, "a line that says nothing");
}

/// Answers to every question of the wizard.
const WIZARD: [&str; 17] = [
    "contratos",
    "Contratos da filial",
    "multa",
    "alto",
    "dobra em dez dias",
    "",
    "",
    "rescisão",
    "rescindir, rescisão",
    "",
    "",
    "qual o prazo",
    "30 dias",
    "45 dias",
    "O prazo é de 45 dias.",
    "",
    "s",
];

#[test]
fn the_wizard_writes_a_file_that_passes_its_own_tests() {
    for start in ["1", "contratos", "inventario", "geral", ""] {
        let desk = Desk::new();
        let mut answers = WIZARD;
        answers[0] = start;
        let output = desk.told(&["new", "a.rules"], format!("{}\n", answers.join("\n")).as_bytes());
        assert_eq!(code(&output), 0, "{start}: {}{}", said(&output), complaint(&output));
        let text = desk.read("a.rules");
        for part in [
            "DOMÍNIO: Contratos da filial",
            "multa tem criticidade ALTO.",
            "Motivo: dobra em dez dias",
            "- \"rescindir\"",
            "O prazo é de 45 dias.",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        let tested = desk.run(&["test", "--coverage", "a.rules"]);
        assert!(code(&tested) == 0 && said(&tested).contains("1 de 1 regras agem"), "{}", said(&tested));
        for command in [&["check", "a.rules", "--deny-warnings"][..], &["fmt", "--check", "a.rules"]] {
            let output = desk.run(command);
            assert_eq!(code(&output), 0, "{start} {command:?}: {}", said(&output));
        }
        let again = desk.told(&["new", "a.rules"], format!("{}\n", answers.join("\n")).as_bytes());
        assert_eq!((code(&again), desk.read("a.rules")), (1, text), "never over a file that is there");
    }
}

#[test]
fn leaving_the_wizard_at_any_question_leaves_nothing() {
    let desk = Desk::new();
    for answered in 0..WIZARD.len() {
        for end in ["cancelar\n", ""] {
            let input: String = WIZARD.iter().take(answered).map(|line| format!("{line}\n")).collect();
            let output = desk.told(&["new", "a.rules"], format!("{input}{end}").as_bytes());
            assert_eq!(code(&output), 1, "{answered} {end}");
            assert!(complaint(&output).contains("cancelado"), "{}", complaint(&output));
            assert_eq!(desk.names(), [""; 0], "{answered} {end}");
        }
    }
}

#[test]
fn a_newcomer_finds_every_command_with_an_example() {
    let desk = Desk::new();
    let help = said(&desk.run(&["--help"]));
    for command in ["run", "check", "fmt", "lint", "test", "explain", "repl", "diff", "new", "lsp"] {
        assert!(
            help.lines().any(|line| line.trim_start().starts_with(&format!("{command} "))),
            "{command} in\n{help}"
        );
        if command != "lsp" {
            assert!(
                help.contains(&format!("rag-enabler dkr {command}")),
                "an example of {command} in\n{help}"
            );
        }
        assert_eq!(code(&desk.run(&[command, "--help"])), 0, "{command}");
    }
}

#[test]
fn shipped_rules_are_sound_and_tested() {
    let desk = Desk::new();
    let folder: &Path = &root().join("config/rules");
    let files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .filter(|name| name.ends_with(".rules"))
        .collect();
    assert!(!files.is_empty());
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    for command in [&["check", "--deny-warnings"][..], &["test"]] {
        let output = desk.run(&[command, &files].concat());
        assert_eq!(code(&output), 0, "{command:?}: {}", said(&output));
    }
}
