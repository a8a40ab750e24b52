//! A stream goes on and a request with a key is done once, whichever nodes are asked and whichever of them is gone.

use enabler_storage::chance::SeededChance;
use reqwest::{Method, StatusCode, multipart};
use serde_json::{Value, json};

use super::door::{Door, MustAnswer, until};
use super::harness::{ALL, Cluster, KEEPS, SHARDS};

const QUESTION: &str = "Que comprovante foi arquivado na pasta?";

/// One event: its id, its name, its data.
type Event = (String, String, Value);

fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    Some((field("id: ")?, field("event: ")?, serde_json::from_str(&field("data: ")?).unwrap()))
}

/// The events of a stream up to its end, or the first `count` of them; then the connection is cut.
async fn events(request: reqwest::RequestBuilder, count: usize) -> Vec<Event> {
    let mut answer = request.header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let mut text = String::new();
    let whole = |text: &str| text.split_inclusive("\n\n").filter_map(parse).collect::<Vec<_>>();
    while let Ok(Some(piece)) = answer.chunk().await {
        text.push_str(std::str::from_utf8(&piece).unwrap());
        if whole(&text).len() >= count {
            break;
        }
    }
    let mut events = whole(&text);
    events.truncate(count);
    events
}

fn ask(door: &Door, id: &str) -> reqwest::RequestBuilder {
    door.request(Method::POST, &format!("/v1/documents/{id}/ask")).json(&json!({ "question": QUESTION }))
}

fn resume(door: &Door, seen: &str) -> reqwest::RequestBuilder {
    let stream = seen.split(':').next().unwrap();
    door.request(Method::GET, &format!("/v1/streams/{stream}")).header("last-event-id", seen)
}

#[tokio::test]
async fn a_stream_that_is_cut_goes_on_at_another_node_and_after_its_own_was_killed() {
    let mut cluster = Cluster::start(&[ALL, ALL, KEEPS]).await;
    cluster.calm().await;
    let (truth, chance) = (cluster.truth().await, SeededChance::new(5));
    let line = "O comprovante numero 77123 foi arquivado na pasta do condominio.";
    let id = cluster.door(0).accepted("nota.pdf", truth.paper(line, None, &chance)).await;
    assert_eq!(cluster.door(0).settled(&id).await["status"], "ready");

    let begun = events(ask(cluster.door(1), &id), 1).await;
    assert_eq!(begun[0].1, "sources");
    let whole = events(resume(cluster.door(1), &begun[0].0), usize::MAX).await;
    let (_, last, answer) = whole.last().unwrap();
    assert_eq!(last, "final");
    assert!(answer["sources"].to_string().contains("77123"), "{answer}");
    for cut in 0..whole.len() {
        let seen = if cut == 0 { &begun[0].0 } else { &whole[cut - 1].0 };
        for door in cluster.doors() {
            assert_eq!(
                events(resume(&door, seen), usize::MAX).await,
                whole[cut..],
                "{} behind {seen}",
                door.name
            );
        }
    }

    // The node that tells it is killed after its first event: another one tells the rest, from the first on.
    let begun = events(ask(cluster.door(1), &id), 1).await;
    cluster.kill(1).await;
    until("the stream goes on", async || {
        let answer = resume(cluster.door(0), &begun[0].0).send().await.unwrap();
        answer.status() == StatusCode::OK
    })
    .await;
    let rest = events(resume(cluster.door(0), &begun[0].0), usize::MAX).await;
    let (_, last, again) = rest.last().unwrap();
    assert_eq!((last.as_str(), &again["answer"]), ("final", &answer["answer"]));
    assert_eq!(again["sources"], answer["sources"]);
    cluster.launch(1).await;
}

#[tokio::test]
async fn a_request_with_a_key_is_done_once_at_every_node_also_after_the_owner_was_killed() {
    let mut cluster = Cluster::start(&[ALL, KEEPS, KEEPS]).await;
    cluster.calm().await;
    let (truth, chance) = (cluster.truth().await, SeededChance::new(6));
    let bytes = truth.paper("O comprovante numero 77456 foi arquivado na pasta.", None, &chance);
    let send = |door: &Door, key: &str, template: &str| {
        let part = multipart::Part::bytes(bytes.clone()).file_name("nota.pdf");
        let form = multipart::Form::new().text("template", template.to_owned()).part("file", part);
        door.request(Method::POST, "/v1/documents")
            .header("host", "api.example")
            .header("idempotency-key", key.to_owned())
            .multipart(form)
            .send()
    };
    let first = send(cluster.door(1), "k-1", "generic").await.unwrap();
    assert_eq!(first.status(), StatusCode::ACCEPTED);
    let first = first.text().await.unwrap();
    for door in cluster.doors() {
        let again = send(&door, "k-1", "generic").await.unwrap();
        assert_eq!((again.status(), again.text().await.unwrap()), (StatusCode::ACCEPTED, first.clone()));
        let other = send(&door, "k-1", "inventory").await.unwrap();
        assert_eq!(other.status(), StatusCode::UNPROCESSABLE_ENTITY);
    }
    let id = serde_json::from_str::<Value>(&first).unwrap()["document_id"].as_str().unwrap().to_owned();
    let owners = truth.owners().await;
    assert_eq!(owners.len(), SHARDS as usize);
    let owner = cluster.number_of(&owners[&truth.shard_of(&id)].0);
    cluster.kill(owner).await;
    for door in cluster.doors().into_iter().filter(Door::is_open) {
        let again = send(&door, "k-1", "generic").await.unwrap();
        assert_eq!((again.status(), again.text().await.unwrap()), (StatusCode::ACCEPTED, first.clone()));
    }
    cluster.launch(owner).await;
    assert_eq!(cluster.door(0).documents().await.len(), 1);
}
