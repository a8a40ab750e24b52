//! `repl`: asks a file line by line; works with a person at the keyboard and with a pipe.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use enabler_rules::diagnostic::Severity;
use enabler_rules::syntax::tree::Level;

use super::super::failure::Failure;
use super::super::out;
use super::source::Source;
use super::voice::Voice;
use super::{explain, show};

/// Bytes of one line; a longer one is no line that somebody typed.
const LINE_MAX: u64 = 1 << 20;

pub(super) fn repl(file: &Path, voice: Voice) -> Result<ExitCode, Failure> {
    let mut source = Source::whole(file, voice)?;
    loaded(&source, voice);
    let mut question = String::new();
    let mut input = std::io::stdin().lock();
    let prompt = std::io::stdin().is_terminal();
    loop {
        if prompt {
            let mut output = std::io::stdout().lock();
            let _ = write!(output, "dkr> ").and_then(|()| output.flush());
        }
        let mut line = Vec::new();
        let read = std::io::Read::take(&mut input, LINE_MAX).read_until(b'\n', &mut line);
        if read.map_err(|error| Failure::io(voice.say("ao ler a entrada", "reading the input"), error))? == 0
        {
            break;
        }
        let line = String::from_utf8_lossy(&line).trim().to_owned();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((&line, ""));
        let rest = rest.trim();
        match word.to_lowercase().as_str() {
            "" => {}
            "pergunta" | "question" => {
                rest.clone_into(&mut question);
                asked(&source, rest, voice);
            }
            "resposta" | "answer" if question.is_empty() => {
                out::line(voice.say(
                    "primeiro a pergunta: pergunta Qual o prazo?",
                    "the question first: question Qual o prazo?",
                ));
            }
            "resposta" | "answer" => out::line(&explain::why(&source.load(), &question, rest, &[], voice)),
            "intenção" | "intencao" | "intent" => asked(&source, rest, voice),
            "regras" | "rules" => rules(&source, voice),
            "fatos" | "facts" => facts(&source, voice),
            "recarregar" | "reload" => match Source::whole(file, voice) {
                Ok(new) => {
                    source = new;
                    loaded(&source, voice);
                }
                // The file as it was stays in force.
                Err(failure) => out::line(&failure.to_string()),
            },
            "sair" | "exit" | "quit" => break,
            "ajuda" | "help" => out::line(help(voice)),
            _ => out::line(&format!(
                "{}: {word}\n{}",
                voice.say("comando desconhecido", "unknown command"),
                help(voice)
            )),
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn help(voice: Voice) -> &'static str {
    voice.say(
        "pergunta TEXTO    a pergunta, com sua intenção e o que a busca acrescenta\n\
         resposta TEXTO    o que as regras fazem com esta resposta, e por quê\n\
         intenção TEXTO    a intenção de uma pergunta\n\
         regras, fatos     o que o arquivo diz\n\
         recarregar        lê o arquivo de novo\n\
         sair",
        "question TEXT     the question, with its intent and what the search adds\n\
         answer TEXT       what the rules make of this answer, and why\n\
         intent TEXT       the intent of a question\n\
         rules, facts      what the file says\n\
         reload            reads the file again\n\
         exit",
    )
}

fn loaded(source: &Source, voice: Voice) {
    let loaded = source.load();
    for problem in loaded.diagnostics.iter().filter(|problem| problem.severity() == Severity::Error) {
        out::line(&show::short(source, problem, voice));
    }
    let counted = |count: usize, pt: &str, en: &str| format!("{count} {}", voice.say(pt, en));
    let parts = [
        counted(loaded.program.rules(), "regras", "rules"),
        counted(loaded.program.quarantined(), "em quarentena", "quarantined"),
        counted(loaded.tree.facts.len(), "fatos", "facts"),
        counted(loaded.tree.intents.len(), "intenções", "intents"),
    ];
    let domain = loaded.program.domain().unwrap_or(voice.say("sem domínio", "no domain"));
    out::line(&format!("{} ({domain}): {}", source.name(), parts.join(", ")));
}

fn asked(source: &Source, question: &str, voice: Voice) {
    let detected = source.load().program.detect(question);
    match &detected.intent {
        Some(intent) => {
            let sure = detected.confidence * 100.0;
            out::line(&format!("{}: {intent} ({sure:.0}%)", voice.say("intenção", "intent")));
        }
        None => out::line(voice.say("nenhuma intenção", "no intent")),
    }
    if !detected.expansion.is_empty() {
        out::line(&format!("{}: {}", voice.say("busca", "search"), detected.expanded(question)));
    }
}

fn rules(source: &Source, voice: Voice) {
    let loaded = source.load();
    for name in loaded.program.rule_names() {
        out::line(&show::tame(name));
    }
    if loaded.program.rules() == 0 {
        out::line(voice.say("(nenhuma regra)", "(no rules)"));
    }
}

fn facts(source: &Source, voice: Voice) {
    let loaded = source.load();
    for fact in &loaded.tree.facts {
        let level = match (fact.level, voice.say("pt", "en")) {
            (Level::High, "pt") => "ALTO",
            (Level::Medium, "pt") => "MÉDIO",
            (Level::Low, "pt") => "BAIXO",
            (Level::High, _) => "HIGH",
            (Level::Medium, _) => "MEDIUM",
            (Level::Low, _) => "LOW",
        };
        let reason = fact.reason.as_ref().map_or(String::new(), |reason| format!(": {}", reason.text));
        out::line(&show::tame(&format!("{level} {}{reason}", fact.name.text)));
    }
    if loaded.tree.facts.is_empty() {
        out::line(voice.say("(nenhum fato)", "(no facts)"));
    }
}
