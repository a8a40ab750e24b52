//! Reads the folder of a suite: TOML files with tables, JSONL files with a question a line.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::failure::Failure;

/// Files of one suite.
const FILES_MAX: usize = 100;

/// One TOML file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    gate: Option<Value>,
    #[serde(default)]
    question: Vec<Value>,
}

/// A suite as the node takes it.
pub(super) fn read(name: &str, folder: &Path) -> Result<Value, Failure> {
    let (mut gate, mut questions) = (None, Vec::new());
    for path in files(folder)? {
        let text = std::fs::read_to_string(&path)
            .map_err(|error| Failure::io(format!("reading {}", path.display()), error))?;
        let is_lines = path.extension().is_some_and(|extension| extension == "jsonl");
        let file =
            if is_lines { lines(&text) } else { toml::from_str(&text).map_err(|error| error.to_string()) };
        let file: File = file.map_err(|why| Failure::Plain(format!("{}: {why}", path.display())))?;
        if file.gate.is_some() && gate.is_some() {
            return Err(Failure::Plain(format!("{}: the suite has a [gate] already", path.display())));
        }
        gate = gate.or(file.gate);
        questions.extend(file.question);
    }
    if questions.is_empty() {
        let folder = folder.display();
        return Err(Failure::Plain(format!("{folder} has no .toml or .jsonl file with a question")));
    }
    let mut suite = json!({ "suite": name, "questions": questions });
    if let Some(gate) = gate {
        suite["gate"] = gate;
    }
    Ok(suite)
}

/// The files of a folder that can hold questions, in the order of their names.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let doing = || format!("reading {}", folder.display());
    let entries = std::fs::read_dir(folder).map_err(|error| Failure::io(doing(), error))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| Failure::io(doing(), error))?.path();
        if path.extension().is_some_and(|extension| extension == "toml" || extension == "jsonl") {
            files.push(path);
        }
    }
    if files.len() > FILES_MAX {
        return Err(Failure::Plain(format!("{} has more than {FILES_MAX} files", folder.display())));
    }
    files.sort();
    Ok(files)
}

/// A question a line; empty lines are left out.
fn lines(text: &str) -> Result<File, String> {
    let mut question = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        question.push(serde_json::from_str(line).map_err(|error| format!("line {}: {error}", at + 1))?);
    }
    Ok(File { gate: None, question })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_folder_are_one_suite_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        assert!(read("a", folder.path()).unwrap_err().to_string().contains("no .toml or .jsonl"));
        put("b.jsonl", "{\"question\": \"Quem?\", \"expected\": {\"refused\": true}}\n\n");
        put(
            "a.toml",
            "[gate]\nmin_score = 0.9\n[[question]]\nquestion = \"Qual?\"\nexpected = { page = 2 }\n",
        );
        put("README.md", "not read");
        let expected = json!({
            "suite": "contracts",
            "questions": [
                { "question": "Qual?", "expected": { "page": 2 } },
                { "question": "Quem?", "expected": { "refused": true } },
            ],
            "gate": { "min_score": 0.9 },
        });
        assert_eq!(read("contracts", folder.path()).unwrap(), expected);
        put("c.toml", "[gate]\nmin_score = 0.5\n");
        assert!(read("a", folder.path()).unwrap_err().to_string().contains("a [gate] already"));
        put("c.toml", "[[questions]]\n");
        assert!(read("a", folder.path()).unwrap_err().to_string().contains("questions"), "a slip is told");
        std::fs::remove_file(folder.path().join("c.toml")).unwrap();
        put("d.jsonl", "{}\n{");
        assert!(read("a", folder.path()).unwrap_err().to_string().contains("line 2"));
    }
}
