//! Clients that were made for another product work unchanged.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::node::{Home, variable};
use crate::papers::{root, sample};

/// The Python of an environment that holds OpenAI's client; made once. `None` when it cannot be made.
async fn python() -> Option<PathBuf> {
    let requirements = root().join("tests/clients/requirements.txt");
    let wanted = std::fs::read_to_string(&requirements).unwrap();
    let home = PathBuf::from(variable("HOME")?);
    let venv = home.join(".cache/rag-enabler/clients-venv");
    let (python, mark) = (venv.join("bin/python"), venv.join(".requirements"));
    if std::fs::read_to_string(&mark).is_ok_and(|made| made == wanted) {
        return Some(python);
    }
    let run = async |program: PathBuf, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().await.is_ok_and(|status| status.success())
    };
    let made = run("python3".into(), &["-m", "venv", "--clear", venv.to_str()?]).await;
    let quiet =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "-r"];
    let arguments: Vec<&str> = quiet.into_iter().chain([requirements.to_str()?]).collect();
    if !(made && run(python.clone(), &arguments).await) {
        return None;
    }
    std::fs::write(mark, wanted).unwrap();
    Some(python)
}

fn cosine(a: &Value, b: &Value) -> f64 {
    let numbers = |list: &Value| -> Vec<f64> {
        list.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
    };
    numbers(a).iter().zip(numbers(b)).map(|(a, b)| a * b).sum()
}

#[tokio::test]
async fn the_client_of_openai_for_python_works_unchanged() {
    let Some(python) = python().await else {
        eprintln!("OpenAI's client could not be fetched from the package index; it was not tried");
        return;
    };
    let node = Home::new();
    let node = node.start().await;
    let name = "parecer-licencas-rota-clara.pdf";
    let id = node.ready(name, sample(name)).await;
    let ran = Command::new(python)
        .arg(root().join("tests/clients/try_openai.py"))
        .args([&format!("{}/v1", node.url()), node.key(), &id])
        .args(["Qual a licença do componente Lume PDF?", "E do Cumbuca DB?"])
        .env("NO_PROXY", "*")
        .stdin(Stdio::null())
        .output();
    let ran = ran.await.unwrap();
    assert!(ran.status.success(), "{}\n{}", String::from_utf8_lossy(&ran.stderr), node.last_words());
    let said: Value = serde_json::from_slice(&ran.stdout).unwrap();

    let models: Vec<&str> =
        said["models"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    assert!(models.contains(&"auto") && models.len() > 2, "{models:?}");
    assert_eq!(said["model"], models[0]);

    let chat = &said["chat"];
    let content = chat["content"].as_str().unwrap();
    assert!(content.contains("MPL-2.0"), "{chat}");
    assert_eq!(
        (&chat["object"], &chat["role"], &chat["finish_reason"]),
        (&"chat.completion".into(), &"assistant".into(), &"stop".into())
    );
    assert!(chat["tokens"].as_u64().unwrap() > 0);
    assert_eq!(chat["sources"][0]["page"], 2, "{chat}");
    assert!(said["everything"]["content"].as_str().unwrap().contains("MPL-2.0"), "{}", said["everything"]);
    assert_eq!(said["everything"]["sources"][0]["filename"], name);
    let follow_up = said["follow_up"].as_str().unwrap();
    assert!(follow_up.contains("Cumbuca"), "{follow_up}");

    let streamed = &said["streamed"];
    assert_eq!((&streamed["content"], &streamed["finish_reason"]), (&chat["content"], &"stop".into()));
    assert!(streamed["pieces"].as_u64().unwrap() > 3, "{streamed}");
    assert_eq!(streamed["tokens"], chat["tokens"]);

    let embedded = &said["embeddings"];
    assert_eq!(embedded["bytes"].as_array().unwrap().len(), 3);
    for (bytes, numbers) in
        embedded["bytes"].as_array().unwrap().iter().zip(embedded["numbers"].as_array().unwrap())
    {
        assert!((cosine(bytes, numbers) - 1.0).abs() < 1e-3 && (cosine(bytes, bytes) - 1.0).abs() < 1e-3);
    }
    let rows = &embedded["bytes"];
    assert!(cosine(&rows[0], &rows[1]) > cosine(&rows[0], &rows[2]), "what means the same is not nearest");
    assert!(embedded["tokens"].as_u64().unwrap() > 10);

    for (name, class, status, words) in [
        ("key", "AuthenticationError", 401, "API key"),
        ("model", "NotFoundError", 404, "gpt-4o"),
        ("no model", "NotFoundError", 404, "gpt-4o"),
        ("no messages", "BadRequestError", 400, "messages"),
        ("no document", "NotFoundError", 404, "00000000-0000-4000-8000-000000000000"),
    ] {
        let error = &said["errors"][name];
        assert_eq!((&error[0], &error[1]), (&class.into(), &status.into()), "{name}: {error}");
        assert!(error[2].as_str().unwrap().contains(words), "{name}: {error}");
    }
}
