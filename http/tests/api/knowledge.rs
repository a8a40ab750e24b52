//! Searches and questions over everything, and the routes that OpenAI's clients use.

use async_trait::async_trait;
use enabler_http::*;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fake::{KEY, MISSING, Product, READY, answer, details, problem, server};

/// What the product was asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Done {
    Searched(Search),
    Queried(Query),
    Chatted(Chat),
    Embedded(Embed),
}

impl Product {
    fn note(&self, context: &Context, done: Done) {
        assert_eq!(context.tenant.name(), "ana");
        self.0.0.knowledge.lock().unwrap().push(done);
    }
}

fn from_ata(mut answer: Answer) -> Answer {
    for source in &mut answer.sources {
        source.document_id = Some(Uuid::try_parse(READY).unwrap());
        source.filename = Some("ata.pdf".into());
    }
    answer
}

#[async_trait]
impl KnowledgeApi for Product {
    async fn search(&self, context: &Context, search: Search) -> Result<Vec<SearchResult>, ApiError> {
        let is_down = search.query == "unavailable";
        self.note(context, Done::Searched(search));
        if is_down {
            return Err(ApiError::Unavailable {
                what: "shard 2".into(),
                retry_after_seconds: 2,
                source: None,
            });
        }
        Ok(vec![SearchResult {
            document_id: Uuid::try_parse(READY).unwrap(),
            filename: "ata.pdf".into(),
            page: 3,
            text: "foi eleita síndica".into(),
            score: 0.5,
            start: 10,
            end: 28,
            boxes: vec![],
            metadata: serde_json::Map::new(),
        }])
    }

    async fn query(&self, context: &Context, query: Query) -> Result<Answer, ApiError> {
        let session_id = query.ask.session_id.clone();
        self.note(context, Done::Queried(query));
        Ok(Answer { session_id, ..from_ata(answer()) })
    }

    async fn chat(&self, context: &Context, chat: Chat) -> Result<Answer, ApiError> {
        let (model, document) = (chat.model.clone(), chat.document_id);
        self.note(context, Done::Chatted(chat));
        match document {
            Some(id) if id.to_string() == MISSING => Err(ApiError::NotFound { id }),
            _ if model != "auto" => Err(ApiError::ModelUnknown { model, known: vec!["auto".into()] }),
            _ => Ok(from_ata(answer())),
        }
    }

    async fn embed(&self, context: &Context, embed: Embed) -> Result<Embedded, ApiError> {
        let vectors = embed.texts.iter().map(|_| vec![1.0, -0.5]).collect();
        self.note(context, Done::Embedded(embed));
        Ok(Embedded { model: "e5".into(), vectors, tokens: 7 })
    }

    async fn models(&self, _: &Context) -> Result<Vec<ModelCard>, ApiError> {
        let card = |name: &str, embeds| ModelCard { name: name.into(), embeds };
        Ok(vec![card("auto", false), card("e5", true)])
    }
}

#[tokio::test]
async fn a_search_names_document_file_and_place_of_each_result() {
    let server = server().await;
    for path in ["/v1/search", "/api/rag/search"] {
        let body = json!({"query": "síndica", "top_k": 3, "filters": {"document_type": "generic"}});
        let found: Value = server.post(path).json(&body).send().await.unwrap().json().await.unwrap();
        assert!(found["processing_time_ms"].is_u64());
        assert_eq!(
            found["results"],
            json!([{
                "document_id": READY, "filename": "ata.pdf", "page": 3, "text": "foi eleita síndica", "score": 0.5,
                "start": 10, "end": 28, "boxes": [], "metadata": {},
            }])
        );
    }
    let filters = vec![("document_type".into(), "generic".into())];
    let search = Search { query: "síndica".into(), top_k: 3, filters };
    assert_eq!(
        *server.fake.0.knowledge.lock().unwrap(),
        [Done::Searched(search.clone()), Done::Searched(search)]
    );
}

#[tokio::test]
async fn a_search_that_could_not_be_made_everywhere_is_an_error_and_not_an_empty_list() {
    let server = server().await;
    let search = server.post("/v1/search").json(&json!({"query": "unavailable"}));
    let response = search.try_clone().unwrap().send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "2");
    problem(search, 503, "unavailable").await;
    let wrong = server.post("/v1/search").json(&json!({"query": "ab", "top_k": 0, "filters": [1]}));
    let body = problem(wrong, 400, "invalid_request").await;
    assert_eq!(details(&body).len(), 3, "{body}");
}

#[tokio::test]
async fn a_question_over_everything_is_answered_with_documents_and_the_session() {
    let server = server().await;
    for path in ["/v1/query", "/api/rag/query"] {
        let body =
            json!({"question": "Quem é a síndica?", "session_id": "a-1_B", "filters": {"unit": "Sul"}});
        let answer: Value = server.post(path).json(&body).send().await.unwrap().json().await.unwrap();
        assert_eq!(
            (&answer["sources"][0]["document_id"], &answer["session_id"]),
            (&json!(READY), &json!("a-1_B"))
        );
        let body = json!({"question": "Quem é a síndica?", "include_sources": false});
        let answer: Value = server.post(path).json(&body).send().await.unwrap().json().await.unwrap();
        assert_eq!((&answer["sources"], answer.get("session_id")), (&json!([]), None));
    }
    for session in [json!(""), json!("a b"), json!("x".repeat(65)), json!(1)] {
        let body = json!({"question": "Quem é a síndica?", "session_id": session});
        let body = problem(server.post("/v1/query").json(&body), 400, "invalid_request").await;
        assert_eq!(body["violations"][0]["field"], "session_id", "{body}");
    }
}

#[tokio::test]
async fn a_completion_has_the_shape_of_openai_whole_and_streamed() {
    let server = server().await;
    let messages = json!([
        {"role": "user", "content": "Quem é a síndica?"}, {"role": "assistant", "content": "Dalva."},
        {"role": "user", "content": "E desde quando?"},
    ]);
    let body = json!({"model": "auto", "messages": messages, "document_id": READY});
    let whole: Value =
        server.post("/v1/chat/completions").json(&body).send().await.unwrap().json().await.unwrap();
    assert_eq!((&whole["object"], &whole["model"]), (&json!("chat.completion"), &json!("tinyllama")));
    let choice = &whole["choices"][0];
    assert_eq!(choice["message"], json!({"role": "assistant", "content": "Dalva Prestes."}));
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(whole["sources"][0]["filename"], "ata.pdf");
    assert!(whole["created"].as_i64().unwrap() > 1_700_000_000);
    let mut streamed = body.clone();
    streamed["stream"] = json!(true);
    let response = server.post("/v1/chat/completions").json(&streamed).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    let text = response.text().await.unwrap();
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    let pieces =
        text.split("\n\n").filter_map(|event| serde_json::from_str(event.strip_prefix("data: ")?).ok());
    let said = pieces.filter_map(|chunk: Value| {
        assert_eq!(chunk["object"], "chat.completion.chunk");
        chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned)
    });
    assert_eq!(said.collect::<String>(), "Dalva Prestes.");
    let chat = Chat {
        document_id: Uuid::try_parse(READY).ok(),
        question: "E desde quando?".into(),
        earlier: vec!["Quem é a síndica?".into()],
        model: "auto".into(),
    };
    assert_eq!(*server.fake.0.knowledge.lock().unwrap(), [Done::Chatted(chat.clone()), Done::Chatted(chat)]);
}

#[tokio::test]
async fn a_completion_that_cannot_be_is_a_problem_with_its_own_status() {
    let server = server().await;
    let ask = |model: &str, document: Option<&str>| {
        let messages = json!([{"role": "user", "content": "Quem é a síndica?"}]);
        let body = json!({"model": model, "messages": messages, "document_id": document, "stream": true});
        server.post("/v1/chat/completions").json(&body)
    };
    let body = problem(ask("gpt-4o", None), 404, "model_not_found").await;
    assert!(body["error"].as_str().unwrap().contains("\"gpt-4o\""), "{body}");
    problem(ask("auto", Some(MISSING)), 404, "document_not_found").await;
    problem(server.post("/v1/chat/completions").json(&json!({})), 400, "invalid_request").await;
}

#[tokio::test]
async fn embeddings_are_numbers_or_their_bytes() {
    let server = server().await;
    let embed = async |body: Value| {
        let response = server.post("/v1/embeddings").json(&body).send().await.unwrap();
        response.json::<Value>().await.unwrap()
    };
    let body = embed(json!({"model": "e5", "input": ["a", "b"]})).await;
    assert_eq!((&body["object"], &body["model"]), (&json!("list"), &json!("e5")));
    assert_eq!(body["data"][1], json!({"object": "embedding", "index": 1, "embedding": [1.0, -0.5]}));
    assert_eq!(body["usage"], json!({"prompt_tokens": 7, "total_tokens": 7}));
    let body = embed(json!({"input": "a", "encoding_format": "base64", "input_type": "query"})).await;
    assert_eq!(body["data"][0]["embedding"], "AACAPwAAAL8=");
    let body = json!({"input": "a", "dimensions": 3});
    problem(server.post("/v1/embeddings").json(&body), 400, "invalid_request").await;
}

#[tokio::test]
async fn models_are_listed_and_shown_and_a_bearer_counts_as_a_key() {
    let server = server().await;
    let get = |path: &str, key: &str| server.client.get(format!("{}{path}", server.url)).bearer_auth(key);
    let list: Value = get("/v1/models", KEY).send().await.unwrap().json().await.unwrap();
    assert_eq!((&list["object"], &list["data"][0]["id"]), (&json!("list"), &json!("auto")));
    let one: Value = get("/v1/models/e5", KEY).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&one["id"], &one["object"], &one["kind"]),
        (&json!("e5"), &json!("model"), &json!("embedding"))
    );
    problem(get("/v1/models/other", KEY), 404, "model_not_found").await;
    problem(get("/v1/models", "another-key"), 401, "key_wrong").await;
    problem(server.client.get(format!("{}/v1/models", server.url)), 401, "key_missing").await;
}
