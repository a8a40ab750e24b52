//! Answers analyses, and the files that say what they found.

use bytes::Bytes;
use tokio::time::Instant;
use uuid::Uuid;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::{Analysis, AnalysisFile, AnalyzeAnswer, Format, csv, name, read, xlsx};
use crate::error::ApiError;
use crate::handlers::Call;
use crate::upload::Refusal;
use crate::{answer, etag};

/// Analyses a document.
pub(crate) async fn analyze(mut call: Call<'_>) -> Result<Response, Refusal> {
    let began = Instant::now();
    let (document_id, wanted) = read::body(&call.json().await?)?;
    let analysis = call.api.analyze(call.context, document_id, wanted).await?;
    let body = AnalyzeAnswer {
        cached: analysis.cached,
        file: file_of(document_id, analysis),
        processing_time_ms: began.elapsed().as_millis() as u64,
    };
    Ok(answer::json(StatusCode::OK, &body))
}

/// Answers with the analysis of a document as a file.
pub(crate) async fn file(id: Uuid, format: Format, call: &Call<'_>) -> Result<Response, Refusal> {
    let wanted = read::query(call.query)?;
    let (filename, bytes) = if format == Format::Pdf {
        call.api.marked(call.context, id, wanted).await?
    } else {
        let analysis = call.api.analyze(call.context, id, wanted).await?;
        (analysis.filename.clone(), written(id, analysis, format).await?)
    };
    let mut response = etag::bytes(call.headers, bytes);
    let headers = response.headers_mut();
    let media = match format {
        Format::Csv => HeaderValue::from_static("text/csv; charset=utf-8; header=present"),
        Format::Json => HeaderValue::from_static("application/json; charset=utf-8"),
        Format::Pdf | Format::Xlsx => HeaderValue::from_static(format.media()),
    };
    if headers.contains_key(header::CONTENT_TYPE) {
        headers.insert(header::CONTENT_TYPE, media);
    }
    headers.insert(header::CONTENT_DISPOSITION, name::disposition(&filename, format));
    Ok(response)
}

/// Writes a file off the threads that others wait on.
async fn written(id: Uuid, analysis: Analysis, format: Format) -> Result<Bytes, ApiError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| ApiError::Internal {
        doing: format!("writing an analysis as {}", format.extension()),
        source: Some(error),
    };
    let write = move || -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(match format {
            Format::Csv => csv::write(&analysis),
            Format::Xlsx => xlsx::write(&analysis)?,
            Format::Json | Format::Pdf => serde_json::to_vec_pretty(&file_of(id, analysis))?,
        })
    };
    let done = tokio::task::spawn_blocking(write).await.map_err(|error| failed(error.into()))?;
    done.map(Bytes::from).map_err(failed)
}

fn file_of(document_id: Uuid, analysis: Analysis) -> AnalysisFile {
    AnalysisFile {
        document_id,
        profile: analysis.profile,
        template_reason: analysis.template_reason,
        result: analysis.result,
        values: analysis.values,
        checks: analysis.checks,
        rules: analysis.rules,
        confidence: analysis.confidence,
    }
}
