//! Analyses: what is asked for, what is answered, and the files.

use async_trait::async_trait;
use bytes::Bytes;
use enabler_http::*;
use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fake::{FAILED, KEY, MISSING, Product, READING, READY, details, problem, server};

/// A value whose words a spreadsheet would compute.
const FORMULA: &str = "=HYPERLINK(\"http://evil\")";

fn known() -> Vec<String> {
    ["inventory", "meeting_minutes"].map(str::to_owned).to_vec()
}

fn analysis(profile: &str) -> Analysis {
    let value = |pointer: &str, value: Value| AnalysisValue {
        pointer: pointer.into(),
        label: "Falecido".into(),
        category: "heirs".into(),
        value,
        page: 2,
        quotation: FORMULA.into(),
        start: 7,
        rects: vec![[1.0, 2.0, 3.5, 4.0]],
        confidence: 0.75,
        flags: vec![AnalysisFlag { code: "odd".into(), pt: "estranho".into(), en: "odd".into() }],
    };
    Analysis {
        filename: "Inventário; 2.pdf".into(),
        profile: profile.into(),
        template_reason: "A palavra «herdeiros».".into(),
        result: json!({"falecido": FORMULA, "valor": 96420.55}).as_object().unwrap().clone(),
        values: vec![value("/falecido", json!(FORMULA)), value("/valor", json!(96420.55))],
        checks: vec![AnalysisCheck {
            code: "soma".into(),
            ok: false,
            detail_pt: "1 ≠ 2".into(),
            detail_en: "1 is not 2".into(),
            pointers: vec!["/valor".into()],
        }],
        tables: vec![AnalysisTable {
            name: "Bens".into(),
            columns: ["Descrição", "Valor", "Percentual", "Data"].map(str::to_owned).to_vec(),
            rows: vec![vec![json!(FORMULA), json!(480000.5), json!(33.33), json!("17/06/2024")]],
        }],
        rules: AnalysisRules { applied: true, disputed: false, corrections: vec!["Regra 'a': b".into()] },
        confidence: 0.5,
        cached: false,
    }
}

#[async_trait]
impl AnalysisApi for Product {
    async fn analyze(&self, context: &Context, id: Uuid, analyze: Analyze) -> Result<Analysis, ApiError> {
        assert_eq!(context.tenant.name(), "ana");
        match (id.to_string().as_str(), analyze.profile.as_deref()) {
            (MISSING, _) => Err(ApiError::NotFound { id }),
            (READING, _) => Err(ApiError::NotReady { status: Status::Processing, progress: None }),
            (FAILED, _) => Err(ApiError::ReadingFailed(Failure::new(FailureCode::Encrypted))),
            (_, None) if analyze.use_model => Err(ApiError::NoProfile { known: known() }),
            (_, None) => Ok(analysis("inventory")),
            (_, Some(name)) if known().contains(&name.to_owned()) => Ok(analysis(name)),
            (_, Some(name)) => Err(ApiError::ProfileUnknown { profile: name.to_owned(), known: known() }),
        }
    }

    async fn marked(
        &self,
        context: &Context,
        id: Uuid,
        analyze: Analyze,
    ) -> Result<(String, Bytes), ApiError> {
        let analysis = self.analyze(context, id, analyze).await?;
        Ok((analysis.filename, Bytes::from_static(b"%PDF-1.7 marked")))
    }
}

#[tokio::test]
async fn an_analysis_has_the_contracts_fields_and_its_proof() {
    let server = server().await;
    let analyse = |body: Value| server.post("/v1/analyze").json(&body);
    let sent = analyse(json!({"document_id": READY, "profile": "meeting_minutes"})).send().await.unwrap();
    let body: Value = sent.json().await.unwrap();
    assert_eq!((&body["document_id"], &body["profile"]), (&json!(READY), &json!("meeting_minutes")));
    assert_eq!(body["result"], json!({"falecido": FORMULA, "valor": 96420.55}));
    assert!(body["processing_time_ms"].is_u64() && body["confidence"] == 0.5);
    let first = &body["values"][0];
    assert_eq!((&first["page"], &first["rects"]), (&json!(2), &json!([[1.0, 2.0, 3.5, 4.0]])));
    assert_eq!((&body["checks"][0]["ok"], &body["rules"]["applied"]), (&json!(false), &json!(true)));
    // Without a profile the document's own words choose one, and the reason is said.
    let body: Value = analyse(json!({"document_id": READY})).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&body["profile"], &body["template_reason"]),
        (&json!("inventory"), &json!("A palavra «herdeiros»."))
    );
}

#[tokio::test]
async fn what_is_wrong_with_an_analysis_is_said() {
    let server = server().await;
    let analyse = |body: Value| server.post("/v1/analyze").json(&body);
    let body = problem(analyse(json!({})), 400, "invalid_request").await;
    assert_eq!(details(&body), ["document_id: is missing"]);
    let unknown = json!({"document_id": READY, "profile": "will"});
    let body = problem(analyse(unknown), 400, "invalid_request").await;
    assert_eq!(details(&body), ["profile: must be one of inventory, meeting_minutes, not \"will\""]);
    problem(analyse(json!({"document_id": READY, "profil": "x"})), 400, "invalid_request").await;
    problem(analyse(json!({"document_id": MISSING})), 404, "document_not_found").await;
    problem(analyse(json!({"document_id": READING})), 422, "not_ready").await;
    problem(analyse(json!({"document_id": FAILED})), 422, "reading_failed").await;
    problem(analyse(json!({"document_id": READY, "use_model": true})), 422, "no_profile").await;
    for ending in ["json", "pdf", "csv", "xlsx"] {
        let get = |id: &str, query: &str| {
            let url = format!("{}/v1/documents/{id}/analysis.{ending}{query}", server.url);
            server.client.get(url).header("x-api-key", KEY)
        };
        problem(get(MISSING, ""), 404, "document_not_found").await;
        problem(get(READING, ""), 422, "not_ready").await;
        problem(get(READY, "?profile=will"), 400, "invalid_request").await;
        problem(get(READY, "?profile=..%2F"), 400, "invalid_request").await;
        problem(get(READY, "").header("accept", "image/png"), 406, "not_acceptable").await;
    }
}

#[tokio::test]
async fn each_file_says_what_it_is_and_is_not_sent_twice() {
    let server = server().await;
    for (ending, media, starts) in [
        ("json", "application/json; charset=utf-8", &b"{"[..]),
        ("pdf", "application/pdf", b"%PDF-"),
        ("csv", "text/csv; charset=utf-8; header=present", b"\xef\xbb\xbfcampo,"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", b"PK"),
    ] {
        let url = format!("{}/v1/documents/{READY}/analysis.{ending}?profile=inventory", server.url);
        let get = || server.client.get(&url).header("x-api-key", KEY);
        let answer = get().send().await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!((answer.status(), header("content-type").as_str()), (StatusCode::OK, media));
        let name = format!("filename=\"Invent_rio__2.analysis.{ending}\"");
        assert!(header("content-disposition").contains(&name), "{}", header("content-disposition"));
        let tag = header("etag");
        let bytes = answer.bytes().await.unwrap();
        assert!(bytes.starts_with(starts), "{ending}: {:?}", bytes.get(..40));
        let again = get().header("if-none-match", &tag).send().await.unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{ending}");
        assert!(again.bytes().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn no_words_of_a_document_become_a_formula() {
    let server = server().await;
    let url = format!("{}/v1/documents/{READY}/analysis.csv", server.url);
    let text = server.client.get(url).header("x-api-key", KEY).send().await.unwrap().text().await.unwrap();
    assert!(text.contains("\"'=HYPERLINK("), "{text}");
    assert!(!text.contains(",=HYPERLINK") && !text.contains("\"=HYPERLINK"), "{text}");
}
