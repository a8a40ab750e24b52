//! `new`: writes a first rules file by asking; nothing is written before the end, and only a file that passes its tests.

mod draft;

use std::io::{BufRead, Write};
use std::path::Path;
use std::process::ExitCode;

use enabler_rules::diagnostic::Severity;
use enabler_rules::program::{NoImports, load};
use enabler_rules::testing;

use super::super::failure::Failure;
use super::super::out;
use super::source::create;
use super::voice::Voice;
use draft::{Draft, Fact, Intent, Rule, STARTS};

/// Bytes of one answer.
const LINE_MAX: u64 = 64 << 10;
/// Items of one kind that are asked for; the rest is easier in an editor.
const ITEMS_MAX: usize = 200;

/// Why the questions ended early.
enum Stop {
    /// `cancelar`, or no more input.
    Cancelled,
    Failed(Failure),
}

type Asked<T> = Result<T, Stop>;

pub(super) fn new(file: &Path, voice: Voice) -> Result<ExitCode, Failure> {
    if file.exists() {
        let words = voice.say("já existe; escolha outro nome", "exists already; choose another name");
        return Err(Failure::Plain(format!("{}: {words}", file.display())));
    }
    let mut wizard = Wizard { input: std::io::stdin().lock(), voice };
    match wizard.draft() {
        Ok(draft) => {
            let text = draft.text();
            create(file, &text, voice)?;
            out::line(&format!("{} {}", voice.say("✓ gravado em", "✓ written to"), file.display()));
            let name = file.display();
            out::line(&format!("  rag-enabler dkr test --coverage {name}\n  rag-enabler dkr repl {name}"));
            Ok(ExitCode::SUCCESS)
        }
        Err(Stop::Cancelled) => {
            let words = voice.say("cancelado; nada foi gravado", "cancelled; nothing was written");
            Err(Failure::Plain(words.to_owned()))
        }
        Err(Stop::Failed(failure)) => Err(failure),
    }
}

/// What is wrong with a draft: its first error, or its first test that fails.
fn problem(draft: &Draft, voice: Voice) -> Option<String> {
    let text = draft.text();
    let loaded = load(&text, &NoImports);
    if let Some(error) = loaded.diagnostics.iter().find(|problem| problem.severity() == Severity::Error) {
        let line = error.span.of(&text).lines().next().unwrap_or("").trim();
        return Some(format!("{} ({line})", error.headline(voice.language)));
    }
    if !draft.is_whole(&loaded) {
        return Some(
            voice
                .say(
                    "parte do texto se perderia; escreva-o sem # e sem aspas",
                    "part of the text would be lost; write it without # and quotes",
                )
                .to_owned(),
        );
    }
    let report = testing::run(&loaded);
    let failed = report.tests.iter().find(|ran| !ran.passed())?;
    let got = failed.mismatches.first().map_or("", |mismatch| mismatch.got.as_str());
    let words = voice.say(
        "a regra não age como descrita; outra decide antes ou contesta o texto. Obtido",
        "the rule does not act as described; another decides first or disputes the text. Got",
    );
    Some(format!("{words}: {got}"))
}

struct Wizard<R> {
    input: R,
    voice: Voice,
}

impl<R: BufRead> Wizard<R> {
    fn draft(&mut self) -> Asked<Draft> {
        let voice = self.voice;
        out::line(voice.say(
            "Um arquivo de regras em cinco passos. Linha vazia pula; `cancelar` sai sem gravar nada.",
            "A rules file in five steps. An empty line skips; `cancelar` leaves without writing anything.",
        ));
        let mut draft = self.start()?;
        loop {
            let words = voice.say("Domínio", "Domain");
            let name = self.ask(&format!("{words} [{}]", draft.domain))?;
            let mut next = draft.clone();
            if !name.is_empty() {
                next.domain = name;
            }
            match problem(&next, voice) {
                None => break draft = next,
                Some(why) => out::line(&why),
            }
        }
        self.items(&mut draft, Self::fact)?;
        self.items(&mut draft, Self::intent)?;
        self.items(&mut draft, Self::rule)?;
        out::line(&format!("\n{}", draft.text()));
        if !self.yes(voice.say("Gravar?", "Write it?"))? {
            return Err(Stop::Cancelled);
        }
        Ok(draft)
    }

    /// The draft to begin with.
    fn start(&mut self) -> Asked<Draft> {
        loop {
            for (number, start) in (1..).zip(&STARTS) {
                out::line(&format!("  {number} {}", start.name));
            }
            let said = self.ask(self.voice.say("Modelo [4]", "Template [4]"))?;
            let said = if said.is_empty() { "4".to_owned() } else { said.to_lowercase() };
            let found = (1..).zip(&STARTS).find(|(number, start)| {
                number.to_string() == said || start.name == said || start.plain == said
            });
            if let Some((_, start)) = found {
                return Ok(Draft::from(start));
            }
            out::line(
                self.voice.say("Diga um número de 1 a 4 ou o nome.", "Say a number from 1 to 4 or the name."),
            );
        }
    }

    /// Adds items until an empty line; one that would spoil the file is told and left out.
    fn items(&mut self, draft: &mut Draft, one: fn(&mut Self, &mut Draft) -> Asked<bool>) -> Asked<()> {
        for _ in 0..ITEMS_MAX {
            let mut next = draft.clone();
            if !one(self, &mut next)? {
                break;
            }
            match problem(&next, self.voice) {
                None => *draft = next,
                Some(why) => {
                    out::line(&format!("{}: {why}", self.voice.say("não entrou", "left out")));
                }
            }
        }
        Ok(())
    }

    fn fact(&mut self, draft: &mut Draft) -> Asked<bool> {
        let voice = self.voice;
        let name = self.ask(voice.say("Fato conhecido (nome)", "Known fact (name)"))?;
        if name.is_empty() {
            return Ok(false);
        }
        let level = loop {
            let said = self.ask(
                voice.say("  criticidade: alto, médio ou baixo", "  criticality: alto, médio or baixo"),
            )?;
            match said.to_lowercase().as_str() {
                "alto" | "alta" | "high" => break "ALTO",
                "médio" | "medio" | "média" | "media" | "medium" => break "MÉDIO",
                "baixo" | "baixa" | "low" => break "BAIXO",
                _ => {}
            }
        };
        let reason = self.ask(voice.say("  motivo", "  reason"))?;
        let action = self.ask(voice.say("  ação", "  action"))?;
        draft.facts.push(Fact { name, level, reason, action });
        Ok(true)
    }

    fn intent(&mut self, draft: &mut Draft) -> Asked<bool> {
        let voice = self.voice;
        let name =
            self.ask(voice.say("Intenção (uma palavra, como prazo)", "Intent (one word, such as prazo)"))?;
        if name.is_empty() {
            return Ok(false);
        }
        let said = self.ask(voice.say(
            "  a pergunta contém (separe com vírgulas)",
            "  the question says (separate with commas)",
        ))?;
        let patterns = list(&said);
        let patterns = if patterns.is_empty() { vec![name.replace('_', " ")] } else { patterns };
        let search = list(&self.ask(voice.say("  a busca acrescenta", "  the search adds"))?);
        draft.intents.push(Intent { name, patterns, search });
        Ok(true)
    }

    fn rule(&mut self, draft: &mut Draft) -> Asked<bool> {
        let voice = self.voice;
        let asks = self.ask(voice.say("Regra: quando a pergunta contém", "Rule: when the question says"))?;
        if asks.is_empty() {
            return Ok(false);
        }
        let says = self.ask(voice.say("  e a resposta menciona", "  and the answer mentions"))?;
        let lacks =
            self.ask(voice.say("  e a resposta não menciona", "  and the answer does not mention"))?;
        let text = loop {
            let text = self.ask(voice.say("  então a resposta certa é", "  then the right answer is"))?;
            if !text.is_empty() {
                break text;
            }
        };
        draft.rules.push(Rule { asks, says, lacks, text });
        Ok(true)
    }

    fn yes(&mut self, question: &str) -> Asked<bool> {
        let said = self.ask(&format!("{question} [S/n]"))?.to_lowercase();
        Ok(matches!(said.as_str(), "" | "s" | "sim" | "y" | "yes"))
    }

    fn ask(&mut self, question: &str) -> Asked<String> {
        let mut output = std::io::stdout().lock();
        // Without a reader of the question the answer still counts.
        let _ = write!(output, "{question}: ").and_then(|()| output.flush());
        drop(output);
        let mut line = Vec::new();
        let read = std::io::Read::take(&mut self.input, LINE_MAX).read_until(b'\n', &mut line);
        let doing = self.voice.say("ao ler a entrada", "reading the input");
        let read = read.map_err(|error| Stop::Failed(Failure::io(doing, error)))?;
        let text = String::from_utf8_lossy(&line).trim().to_owned();
        let leave = ["cancelar", "cancel"].iter().any(|word| text.eq_ignore_ascii_case(word));
        if read == 0 || leave { Err(Stop::Cancelled) } else { Ok(text) }
    }
}

fn list(said: &str) -> Vec<String> {
    said.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}
